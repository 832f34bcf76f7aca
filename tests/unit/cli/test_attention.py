"""How what waits for a person reads on a terminal."""

from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID

import click
import pytest

from payviox.cli.attention import COMMANDS, told
from payviox.cli.main import main
from payviox.reporting.attention import Cause, Matter

BUSINESS = UUID("01a22162-060e-7140-8ec6-94c7e31b3d74")


def test_a_matter_is_told_with_how_many_how_much_since_when_and_what_to_do() -> None:
    oldest = datetime.now(UTC) - timedelta(hours=5, minutes=1)
    matter = Matter("review", BUSINESS, "Acme", "live", "paypal", None, 2, 35_000, oldest)
    assert told(matter).splitlines() == [
        "review: 2 orders, $350.00, the oldest 5 h ago",
        "  Acme (live), paypal: orders that a rule holds back until somebody decides",
        "  Approve or reject each.",
        f"  payviox order list biz_{BUSINESS} --status review",
    ]


def test_what_is_no_order_is_counted_as_what_it_is() -> None:
    matter = Matter("low_stock", BUSINESS, "Acme", "live", None, None, 1, None, None)
    assert told(matter).splitlines()[0] == "low_stock: 1 product"


def test_what_only_canceling_ends_is_listed_to_be_canceled() -> None:
    waits = [
        Matter("float_empty", BUSINESS, "Acme", "test", rail, None, 1, 500, None)
        for rail in ("sandbox", "paypal")
    ]
    assert [told(each).splitlines()[-1].split(" biz_")[0].strip() for each in waits] == [
        "payviox order list",
        "payviox order resume",
    ]


@pytest.mark.parametrize("cause", get_args(Cause))
def test_every_cause_leads_to_a_command_that_there_is(cause: Cause) -> None:
    words = COMMANDS[cause].format(business=f"biz_{BUSINESS}").split()[1:]
    command: click.Command | None = main
    while isinstance(command, click.Group) and not words[0].startswith(("biz_", "--")):
        command = command.get_command(click.Context(command), words.pop(0))
    assert command is not None
    assert command is not main
    command.make_parser(click.Context(command)).parse_args(words)
