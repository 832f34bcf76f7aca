"""How commands read ids and print: tables for people, JSON for scripts. No rule is known here."""

import json
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import click
from rich.cells import cell_len

from payviox import ids
from payviox.money import MAX_TREASURY, dollars
from payviox.text import MAX_NAME, MAX_NOTE, printable


class Id(click.ParamType[UUID]):
    """An id as it is printed: `biz_<uuid>`."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.name = f"{prefix}_…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> UUID:
        if isinstance(value, UUID):
            return value
        identifier = ids.parse(self.prefix, str(value))
        if identifier is None:
            self.fail(f"{value!r} is no id like {self.prefix}_018f….", param, ctx)
        return identifier


class Whole(click.IntRange):
    """A whole number between two bounds."""

    name = "whole number"

    def _describe_range(self) -> str:
        return f"from {self.min:,} to {self.max:,}"


class Cents(Whole):
    """An amount in US cents; one in dollars is answered with what it is in cents."""

    name = "amount in cents"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        text = str(value)
        in_dollars = re.fullmatch(r"\$?([0-9]{1,10})\.([0-9]{2})|\$([0-9]{1,10})", text, re.ASCII)
        if in_dollars is not None:
            cents = int((in_dollars[1] or in_dollars[3]) + (in_dollars[2] or "00"))
            self.fail(f"Amounts are in cents: {cents} for {dollars(cents)}.", param, ctx)
        return super().convert(value, param, ctx)


class Text(click.ParamType[str]):
    """Printable text of at most so many characters."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return printable(str(value), self.most)
        except ValueError as error:
            self.fail(f"It {error}.", param, ctx)


class Moment(click.ParamType[datetime]):
    """A time of RFC 3339 with its zone."""

    name = "moment"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self.fail(f"{value!r} is no time like 2026-01-31T00:00:00Z.", param, ctx)
        return moment


class NumberedId(click.ParamType[int]):
    """An id that is counted, as it is printed: `aud_12`."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.name = f"{prefix}_…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        number = ids.parse_number(self.prefix, str(value))
        if number is None:
            self.fail(f"{value!r} is no id like {self.prefix}_12.", param, ctx)
        return number


BUSINESS = Id(ids.BUSINESS)
USER = Id(ids.USER)
ORDER = Id(ids.ORDER)
APPROVAL = Id(ids.APPROVAL)
EVENT = Id(ids.EVENT)
KEY = Id(ids.KEY)
CENTS = Cents(1, MAX_TREASURY)
LIMIT = Whole(1, 1000)
at_moment = click.option(
    "--at", type=Moment(), help="As it was at this moment, such as 2026-01-31T00:00:00Z."
)
"""The option of what shows balances."""
NAME = Text(MAX_NAME)
REFERENCE = Text(255)
NOTE = Text(MAX_NOTE)

MONEY = frozenset(
    {
        "amount",
        "amount_limit",
        "balance",
        "cents",
        "daily_limit",
        "fee_cap",
        "fee_fixed",
        "fees",
        "low_float",
        "max_amount",
        "max_withdrawal",
        "min_amount",
        "min_withdrawal",
        "net_amount",
        "paid_amount",
        "payout_balance",
        "price",
        "review_amount",
        "review_velocity_amount",
        "spent_today",
    }
)
"""Names of what is US cents in JSON and dollars in text."""

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
"""The option that scripts want."""


def plain(value: Any) -> Any:
    """What JSON has no word for, as text."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, default=plain, indent=2 if sys.stdout.isatty() else None))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """A table on a terminal, tab-separated lines under their header elsewhere, a sentence (on
    stderr) where there are no rows."""
    shown = [[money(*each) for each in zip(columns, row, strict=True)] for row in rows]
    if not sys.stdout.isatty():
        for line in (columns, *shown):
            click.echo("\t".join(cell(value) for value in line))
    elif shown:
        width = shutil.get_terminal_size().columns
        click.echo("\n".join(table_lines(columns, shown, width)))
    if not rows:
        click.echo(empty, err=True)


def table_lines(
    columns: Sequence[str], rows: Sequence[Sequence[object]], width: int
) -> Sequence[str]:
    """Aligned columns. Where they are wider than `width`, each id of a row stands whole on a line
    of its own, to be copied, and the other columns beneath."""
    cells = [list(columns), *([cell(_whole_second(value)) for value in row] for row in rows)]
    lines = _aligned(cells)
    if max(map(cell_len, lines)) <= width:
        return lines
    others = [index for index, name in enumerate(columns) if not name.endswith("_id")]
    beneath = _aligned([[row[index] for index in others] for row in cells])
    folded = []
    for row, rest in zip(cells, beneath, strict=True):
        folded += [row[index] for index in range(len(columns)) if index not in others]
        folded.append(f"  {rest}")
    return folded


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def _whole_second(value: object) -> object:
    return value.replace(microsecond=0) if isinstance(value, datetime) else value


def print_pairs(pairs: Mapping[str, object]) -> None:
    """One `name: value` a line."""
    width = max(map(len, pairs))
    for name, value in pairs.items():
        click.echo(f"{name:<{width}}  {cell(money(name, value))}")


def money(name: str, value: object) -> object:
    """Cents in dollars, where that is what the name stands for."""
    if name in MONEY and isinstance(value, int) and not isinstance(value, bool):
        return dollars(value)
    return value


def cell(value: object) -> str:
    """One value as a person reads it, on one line and without control characters."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(cell, value)) or "-"
    if isinstance(value, dict):
        text = json.dumps(value, default=plain, ensure_ascii=False)
    else:
        text = plain(value)
    return "".join(c if c.isprintable() else "?" for c in text)


def age(since: datetime) -> str:
    """How long ago, in the largest unit that it fills: `40 s`, `7 min`, `5 h`, `12 d`."""
    seconds = max((datetime.now(UTC) - since).total_seconds(), 0)
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.0f} s"


def counted(number: int, noun: str) -> str:
    """`1 webhook`, `2 webhooks`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
