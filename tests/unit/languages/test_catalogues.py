"""Every language says everything that payout users may read, with the same facts in it."""

import importlib.util
import itertools
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest
from babel.messages.pofile import read_po

from payviox.languages import catalogues
from payviox.mails.model import TO_PAYOUT_USERS
from payviox.mails.rendering import MESSAGES as MAILS
from payviox.order_states import OPEN, STATES
from payviox.rails.failures import FAILURES
from payviox.rails.orders import Provider
from payviox.rails.waiting import WAITING
from payviox.withdrawals import whereabouts

ROOT = Path(__file__).parents[3]
CODES = catalogues.codes()[1:]
FILLED = re.compile(r"%\(\w+\)s")


def _messages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("messages", ROOT / "tools" / "messages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MESSAGES = _messages()
SENTENCES = {message.id for message in MESSAGES.sentences() if message.id}


def kept(code: str) -> Any:
    with (catalogues.FOLDER / code / catalogues.FILE).open("rb") as file:
        return read_po(file)


def test_there_are_hundreds_of_sentences_and_at_least_three_languages() -> None:
    assert len(SENTENCES) > 200
    assert {"en", "es", "ar"} <= set(catalogues.codes())


def test_whatever_an_orders_payout_user_may_read_is_among_the_sentences() -> None:
    ends = [None, *(reason.recipient for reason in FAILURES.values())]
    for status, provider in itertools.product(STATES, get_args(Provider)):
        for waits, failure in itertools.product(
            (None, *WAITING, "x") if status in OPEN else (None,), ends
        ):
            said = whereabouts.words(status, provider, waits, failure, None)
            told = {said.state, said.reason, said.next, said.by} - {None}
            assert told <= SENTENCES


def test_whatever_an_example_of_a_mail_says_is_among_the_sentences() -> None:
    """So each language shows it in its own words."""
    facts = [
        fact
        for message in TO_PAYOUT_USERS
        for fact in json.loads((MAILS / message / "example.json").read_text()).values()
    ]
    said = {fact["sentence"] for fact in facts if isinstance(fact, dict) and "sentence" in fact}
    assert len(said) > 5
    assert said <= SENTENCES


@pytest.mark.parametrize("code", CODES)
def test_a_language_has_each_sentence_and_no_other(code: str) -> None:
    known = {message.id for message in kept(code) if message.id}
    assert SENTENCES - known == set(), "run `make messages` and write what is missing"
    assert known - SENTENCES == set(), "run `make messages`"
    assert not MESSAGES.missing(kept(code))
    assert not kept(code).obsolete


@pytest.mark.parametrize("code", CODES)
def test_a_translation_is_sure_and_names_the_facts_of_its_sentence(code: str) -> None:
    for message in kept(code):
        if not message.id:
            continue
        assert not message.fuzzy, message.id
        sources = message.id if isinstance(message.id, tuple) else (message.id,)
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        facts = set(FILLED.findall(sources[-1]))
        for text in texts:
            assert set(FILLED.findall(text)) == facts, message.id
            assert "%" not in FILLED.sub("", text), message.id
            assert text == text.strip(), message.id
        assert not message.pluralizable or len(texts) == kept(code).num_plurals, message.id


@pytest.mark.parametrize("code", CODES)
def test_the_file_is_as_the_tool_writes_it(code: str) -> None:
    path = catalogues.FOLDER / code / catalogues.FILE
    assert path.read_bytes() == MESSAGES.written(MESSAGES.merged(code)), "run `make messages`"


@pytest.mark.parametrize(
    ("accepted", "code"),
    [
        ("es-MX,es;q=0.9,en;q=0.8", "es"),
        ("de,ar-EG;q=0.3", "ar"),
        ("en;q=0.2, AR;q=0.7", "ar"),
        ("ar;q=0, es;q=0.1", "es"),
        ("fr,de", "en"),
        ("", "en"),
        ("*", "en"),
        ("es;q=x", "en"),
        ("es" * 5_000, "en"),
        ("../../etc, es", "es"),
    ],
)
def test_a_browser_gets_the_language_that_it_likes_best(accepted: str, code: str) -> None:
    assert catalogues.best(accepted).code == code


def test_a_browsers_country_is_the_first_that_it_names() -> None:
    assert catalogues.region("es-419,es;q=0.9,en-us;q=0.8,en-GB;q=0.95") == "GB"
    assert catalogues.region("zh-Hant-TW") == "TW"
    for nowhere in ("", "es", "en-Latn", "*", "en-MX;q=0", "en_MX"):
        assert catalogues.region(nowhere) is None


def test_what_is_no_language_is_none() -> None:
    for code in (None, "", "de", "../es", "es_US", "ES", "es\x00"):
        assert catalogues.get(code) is None
    assert catalogues.get_or_english("de").code == "en"


@pytest.mark.parametrize("language", catalogues.every(), ids=str)
def test_amounts_have_cents_a_point_and_a_real_minus_everywhere(
    language: catalogues.Language,
) -> None:
    assert "1,234.50" in language.money(123_450)
    assert "0.05" in language.money(5)
    assert "$" in language.money(5)
    assert catalogues.MINUS in language.money(-5)
    assert "-" not in language.money(-5)
    moment = language.moment(datetime(2026, 11, 28, 13, 5, tzinfo=UTC))
    assert "2026" in moment
    assert "05" in moment
    assert "{" not in moment


def test_a_language_is_named_in_itself_and_runs_its_way() -> None:
    shown = {each.code: (each.name, each.direction) for each in catalogues.every()}
    assert shown["en"] == ("English", "ltr")
    assert shown["es"] == ("Español", "ltr")
    assert shown["ar"] == ("العربية", "rtl")
