"""Names in any script become what a bank's file may hold; nothing of them is lost silently."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from payviox.rails.bank.characters import (
    ACH,
    ALLOWED,
    SEPA,
    NotWritable,
    name_problem,
    written,
    written_name,
)
from payviox.rails.bank.model import MOST_CHARACTERS_OF_NAME, Scheme

SCHEMES: list[Scheme] = ["sepa", "ach"]


@pytest.mark.parametrize(
    ("name", "sepa", "ach"),
    [
        ("Müller & Söhne GmbH", "Muller + Sohne GmbH", "MULLER & SOHNE GMBH"),
        ("  Ada   Lovelace ", "Ada Lovelace", "ADA LOVELACE"),
        ("O\u2019Brien", "O'Brien", "O'BRIEN"),
        ("Łukasz Żółć", "Lukasz Zolc", "LUKASZ ZOLC"),
        ("Жанна Петрова", "Zhanna Petrova", "ZHANNA PETROVA"),
        ("王明", "WangMing", "WANGMING"),
        ("a_b@c #1", "a-b.c .1", "A_B@C #1"),
    ],
)
def test_a_name_becomes_letters_that_a_bank_prints(name: str, sepa: str, ach: str) -> None:
    assert written_name(name, "sepa") == sepa
    assert written_name(name, "ach") == ach


@pytest.mark.parametrize("scheme", SCHEMES)
@given(name=st.text(max_size=100))
def test_every_name_is_written_within_the_characters_or_refused_with_a_reason(
    scheme: Scheme, name: str
) -> None:
    problem = name_problem(name, scheme)
    if problem is not None:
        assert problem.startswith(("may ", "must "))
        return
    result = written_name(name, scheme)
    assert set(result) <= ALLOWED[scheme]
    assert 0 < len(result) <= MOST_CHARACTERS_OF_NAME[scheme]
    assert result == " ".join(result.split())
    assert written_name(result, scheme) == result


@pytest.mark.parametrize("scheme", SCHEMES)
@given(name=st.text(st.characters(categories=["Lu", "Ll", "Lt", "Lo", "Nd"]), min_size=1))
@example(name="\ufb2b")  # shin with a point, which no normal form has as one
def test_no_letter_of_a_name_is_left_out(scheme: Scheme, name: str) -> None:
    """Each letter alone is written, or the name as a whole is refused."""
    try:
        result = written(name, scheme, 10_000)
    except NotWritable:
        return
    composed = unicodedata.normalize("NFC", name)  # some letters' points stand alone in it
    letters = [each for each in composed if not unicodedata.category(each).startswith("M")]
    for letter in letters:
        assert len(written(f"{letter}0", scheme, 100)) >= 2
    assert len(result.replace(" ", "")) >= len(letters)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_name_is_never_cut(scheme: Scheme) -> None:
    most = MOST_CHARACTERS_OF_NAME[scheme]
    assert name_problem("n" * most, scheme) is None
    assert str(most + 1) in str(name_problem("n" * (most + 1), scheme))
    # Letters that become two are counted as they are written.
    assert name_problem("ß" * most, scheme) is not None


@pytest.mark.parametrize(
    "name", ["", "   ", "-", "\u200d", "Bob \x00", "😀 Bob", "Bob\ud800", "\ue000x"]
)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_nobody_is_called_is_refused(name: str, scheme: Scheme) -> None:
    assert name_problem(name, scheme) is not None


def test_the_characters_are_those_that_the_schemes_name() -> None:
    assert len(SEPA) == 26 + 26 + 10 + 11
    assert {chr(code) for code in range(0x20, 0x7F)} == ACH
