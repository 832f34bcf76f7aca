"""Every `payviox …` in the documents names a command and options that there are."""

import re
import shlex

import click
import pytest

from payviox.cli.main import main
from support import documents


def unknown(line: str) -> str | None:
    """What of this line is no command and no option of it; `show|list` are two commands."""
    words = shlex.split(line.replace("…", "x"), comments=True)[1:]
    command: click.Command | None = main
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        for name in words[0].split("|"):
            found = command.get_command(click.Context(command), name)
            if found is None:
                return name
        command = found
        words = words[1:]
    known = {name for each in command.params for name in [*each.opts, *each.secondary_opts]}
    known |= {"--help", "-h"}
    options = [word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    return next((option for option in options if option not in known), None)


@pytest.mark.parametrize(
    "page", sorted({str(p.relative_to(documents.ROOT)) for p in documents.PAGES})
)
def test_commands_of_a_page_are_there(page: str) -> None:
    wrong = {
        (place, line): unknown(line)
        for place, line in documents.commands()
        if place.split(":")[0] == page
    }
    assert {place: each for place, each in wrong.items() if each} == {}


def test_a_command_and_an_option_that_are_not_there_are_found() -> None:
    assert unknown("payviox order aprove ord_1") == "aprove"
    assert unknown("payviox order approve ord_1 --opertor ada@example.com") == "--opertor"
    assert unknown("payviox order approve ord_1 --operator ada@example.com") is None
