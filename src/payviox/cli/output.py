"""How commands read ids and print: tables for people, JSON for scripts. No rule is known here."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import click
from rich.console import Console
from rich.table import Table

from payviox import ids
from payviox.money import MAX_TREASURY
from payviox.webhooks.log import Entry


class Id(click.ParamType[UUID]):
    """An id as it is printed: `biz_<uuid>`."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.name = f"{prefix}_…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> UUID:
        if isinstance(value, UUID):
            return value
        found = ids.parse(self.prefix, str(value))
        if found is None:
            self.fail(f"{value!r} is no id like {self.prefix}_018f….", param, ctx)
        return found


BUSINESS = Id(ids.BUSINESS)
USER = Id(ids.USER)
ORDER = Id(ids.ORDER)
EVENT = Id(ids.EVENT)
CENTS = click.IntRange(1, MAX_TREASURY)
"""An amount in US cents."""

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
    """A table on a terminal, tab-separated lines elsewhere, a sentence where there are no rows."""
    if not rows:
        click.echo(empty, err=True)
        return
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(cell(value) for value in row))
        return
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(cell(value) for value in row))
    Console(highlight=False, markup=False).print(table)


def print_pairs(pairs: Mapping[str, object]) -> None:
    """One `name: value` a line."""
    width = max(map(len, pairs))
    for name, value in pairs.items():
        click.echo(f"{name:<{width}}  {cell(value)}")


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


def show_event(entry: Entry) -> dict[str, Any]:
    """An event of the webhook log with its delivery's state and last answer."""
    last = entry.attempts[-1] if entry.attempts else None
    return {
        "event_id": ids.show(ids.EVENT, entry.event.id),
        "type": entry.event.type,
        "order_id": entry.event.order_id and ids.show(ids.ORDER, entry.event.order_id),
        "test": entry.event.is_test,
        "created_at": entry.event.created_at,
        "delivery": entry.delivery.status if entry.delivery else None,
        "attempts": entry.delivery.attempts if entry.delivery else 0,
        "due_at": entry.delivery.due_at if entry.delivery else None,
        "answer": (last.status or last.error) if last else None,
    }
