"""Why orders wait, are reviewed or fail: each reason is explained, produced and documented."""

import ast
import functools
from pathlib import Path
from typing import get_args

import click
import pytest

import payviox
from payviox.cli.main import main
from payviox.rails import failures, reviews, waiting
from payviox.rails.failures import FAILURES
from payviox.rails.reasons import Reason
from payviox.rails.reviews import REVIEWS
from payviox.rails.waiting import WAITING

SRC = Path(payviox.__file__).parent
GUIDE = Path(__file__).parents[3] / "docs" / "rails.md"
HERE = {SRC / "rails" / f"{name}.py" for name in ("waiting", "reviews", "failures")}
EVERY = {**WAITING, **REVIEWS, **FAILURES}


@functools.cache
def _texts() -> set[str]:
    """Every text of the code beside the sets themselves."""
    return {
        node.value
        for path in SRC.rglob("*.py")
        if path not in HERE
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_name_of_a_set_is_explained_and_nothing_else() -> None:
    assert set(WAITING) == set(get_args(waiting.Waiting))
    assert set(REVIEWS) == set(get_args(reviews.Review))
    assert set(FAILURES) == set(get_args(failures.Failure))


@pytest.mark.parametrize("name", [*WAITING, *REVIEWS, *FAILURES])
def test_a_reason_is_produced_by_the_code(name: str) -> None:
    assert name in _texts()


@pytest.mark.parametrize("reason", EVERY.values(), ids=EVERY)
def test_a_reason_speaks_in_sentences(reason: Reason) -> None:
    for sentence in (reason.meaning, reason.recipient, reason.advice):
        assert sentence.endswith(".")
        assert "`waiting`" not in sentence
    for sentence in (reason.recipient, reason.advice):  # neither page has a command line
        assert "payviox" not in sentence
        assert "`" not in sentence


@pytest.mark.parametrize("reason", EVERY.values(), ids=EVERY)
def test_what_is_done_on_a_terminal_is_a_command_that_there_is(reason: Reason) -> None:
    command: click.Command | None = main
    for word in (reason.command or "payviox").split()[1:]:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word)
    assert command is not None


def test_where_more_can_be_said_of_a_rail_it_is() -> None:
    assert waiting.waiting("float_empty", "sandbox").advice.startswith("No money is missing")
    assert "at PayPal" in waiting.waiting("float_empty", "paypal").advice
    assert waiting.waiting("float_empty", "stock") == WAITING["float_empty"]
    assert waiting.waiting("person", "sandbox") == WAITING["person"]


def test_the_words_of_a_failure_name_it() -> None:
    for name in FAILURES:
        assert failures.failure(failures.failed(name)) == name
    assert failures.failure("PayPal case 4711: not paid") is None


@pytest.mark.parametrize("name", [*WAITING, *REVIEWS])
def test_the_guide_has_a_line_for_each_reason_to_wait(name: str) -> None:
    reason = {**WAITING, **REVIEWS}[name]  # type: ignore[index]  # one of either
    command = f" (`{reason.command}`)" if reason.command else ""
    who = "the rail" if reason.who == "rail" else reason.who.replace("_", " ")
    row = f"| `{name}` | {reason.meaning} | {reason.advice}{command} | {who} |"
    assert row in GUIDE.read_text()


def test_a_reason_that_a_newer_version_wrote_still_has_words_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reason = waiting.waiting("moon_in_the_wrong_house")
    assert reason.who == "operator"
    assert "moon_in_the_wrong_house" in caplog.text


def test_a_reason_that_a_vendor_does_not_document_has_a_fallback_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    words = failures.unknown_vendor_reason("paypal", "MOON_PHASE", "refused")
    assert words == FAILURES["refused"].recipient
    assert "MOON_PHASE" in caplog.text
