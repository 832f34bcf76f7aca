"""Whatever goes wrong in a command ends as one sentence."""

import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from payviox.cli import main as cli
from payviox.cli.exit_status import FAILED
from payviox.cli.rail.connect import connect
from payviox.cli.refusals import refusal
from payviox.errors import InsufficientBalance, NotFound
from support.installation import PAYVIOX

SECRET = "0123456789"


def payviox(home: Path, *arguments: str | bytes) -> str:
    """What it says, refused, with this PAYVIOX_HOME."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("PAYVIOX_", "PG"))}
    ended = subprocess.run(
        [PAYVIOX, *arguments],
        capture_output=True,
        env={**kept, "PAYVIOX_HOME": str(home)},
        cwd="/",
        check=False,
    )
    assert ended.returncode in (1, 2)
    said = ended.stderr.decode().strip()
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize("command", [("business", "create", "Acme"), ("serve",), ("migrate",)])
def test_a_home_that_is_a_file_or_cannot_be_made_is_said(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    file = tmp_path / "file"
    file.touch()
    for home in (file, file / "below", Path("/proc/nowhere")):
        said = payviox(home, *command)
        assert said.startswith("Error: "), said
        assert str(home) in said


def test_an_argument_that_is_not_utf8_is_said(tmp_path: Path) -> None:
    assert "not UTF-8" in payviox(tmp_path, "business", "create", b"Acme \xff")


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31mred", "", " ", "x" * 201])
def test_a_name_that_cannot_be_printed_is_refused(tmp_path: Path, name: str) -> None:
    said = payviox(tmp_path, "business", "create", name)
    assert "must be printable text of 1 to 200 characters" in said
    assert "\x1b" not in said


def test_what_nothing_foresaw_is_a_sentence_without_secrets_and_shown_whole_for_debugging(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError(f"by\nsk_test_{SECRET}")

    monkeypatch.setattr(cli.Commands, "invoke", fail)
    monkeypatch.delenv("PAYVIOX_LOG_LEVEL", raising=False)
    ended = CliRunner().invoke(cli.main, ["keys"])
    assert ended.exit_code == 1
    assert ended.output == (
        "Error: The command failed: ZeroDivisionError: by sk_test_[hidden]."
        " With PAYVIOX_LOG_LEVEL=debug it shows where.\n"
    )
    monkeypatch.setenv("PAYVIOX_LOG_LEVEL", "debug")
    shown = CliRunner().invoke(cli.main, ["keys"])
    assert shown.exit_code == 1
    assert shown.stdout == ""
    assert shown.stderr.startswith("Traceback")
    assert shown.stderr.endswith(
        "Error: The command failed: ZeroDivisionError: by sk_test_[hidden].\n"
    )
    assert SECRET not in shown.stderr


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            NotFound(missing="event evt_1"),
            "There is no event evt_1 of this business; `payviox webhook log` lists them.",
        ),
        (
            NotFound(missing="business biz_1"),
            "There is no business biz_1; `payviox business list` lists the businesses.",
        ),
        (NotFound(), "There is nothing with this id."),
        (
            InsufficientBalance(held=1_000, asked=2_550),
            "Insufficient balance: $25.50 asked for, $10.00 there.",
        ),
    ],
)
def test_a_refusal_says_what_is_missing(error: Exception, said: str) -> None:
    assert refusal(error) == (said, FAILED)


def test_callers_of_the_api_are_told_neither_ids_nor_figures() -> None:
    assert NotFound(missing="business biz_1").body == {"error": "Not found"}
    assert InsufficientBalance(held=1, asked=2).body == {"error": "Insufficient balance"}


def test_a_rail_that_there_is_not_is_answered_with_those_that_there_are() -> None:
    answer = CliRunner().invoke(connect, ["stripe", "biz_1"])
    assert answer.exit_code == 2
    for name in ("paypal", "tremendous", "evm"):
        assert name in answer.output
