"""A secret that is shown once and cannot be printed: the command says that it was done, and how to
make another. Each way in which standard output fails, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SHOW = """
import click
from payviox.cli.refusals import refusal
from payviox.cli.shown_once import shown_once
try:
    with shown_once("the new key", "`payviox keys regenerate`"):
        click.echo("sk_{letters}")
except Exception as error:
    text, status = refusal(error)
    click.echo(f"Error: {{text}}", err=True)
    raise SystemExit(status)
"""


def show(redirection: str, letters: str = "secret", **environment: str) -> tuple[int, str, str]:
    program = SHOW.format(letters=letters)
    ended = subprocess.run(
        ["/bin/bash", "-c", f'"$0" -c "$1" {redirection}', sys.executable, program],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", **environment},
        cwd=Path(__file__).parent,
        check=False,
    )
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize("redirection", ["> /dev/full", ">&-", "1< /dev/null"])
def test_a_secret_that_nobody_saw_is_not_lost_without_a_word(redirection: str) -> None:
    status, printed, said = show(redirection)
    assert (status, printed) == (1, "")
    assert said.startswith("Error: It was done, but the new key could not be shown (")
    assert said.endswith("Regenerate again: `payviox keys regenerate`\n")
    assert said.count("\n") == 1, "and Python says nothing of its own at its end"
    assert "sk_" not in said


def test_letters_that_the_output_lacks_are_such_a_failure_too() -> None:
    status, printed, said = show("", "Ж", PYTHONIOENCODING="latin-1")
    assert (status, printed) == (1, "")
    assert said.startswith("Error: It was done, but the new key could not be shown (")


def test_a_reader_that_has_gone_is_such_a_failure_too() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, "-c", SHOW.format(letters="secret")],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert ended.returncode == 1
    assert ended.stderr.startswith("Error: It was done, but the new key could not be shown (")


def test_what_can_be_printed_is_printed() -> None:
    assert show("") == (0, "sk_secret\n", "")
