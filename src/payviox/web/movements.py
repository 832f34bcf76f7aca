"""Movements of money as programs and spreadsheets read them: objects, and one CSV file of all that
match."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import datetime
from typing import Annotated

import msgspec

from payviox import csv_text, ids
from payviox.ledger.model import TransferKind, show_account
from payviox.ledger.service import MovementRow

CSV = "text/csv"
PAGE = 1_000
"""Rows of a CSV file read at a time."""

Fetch = Callable[[int | None, int], Awaitable[list[MovementRow]]]
"""Reads so many movements, older than the transfer with this number."""


class Movement(msgspec.Struct):
    """One transfer between two accounts. `from` and `to` name them by role: `main`, `payout`,
    `user`, `world`, `fee_income`, or a rail's, such as `in_transit:paypal`."""

    id: str
    kind: TransferKind
    amount: Annotated[int, msgspec.Meta(description="US cents")]
    source: str = msgspec.field(name="from")
    target: str = msgspec.field(name="to")
    payout_user_id: str | None
    email: str | None
    order_id: str | None
    reference: str | None
    actor: str | None
    reason: str | None
    created_at: datetime


COLUMNS = msgspec.inspect.type_info(Movement).fields  # type: ignore[attr-defined]  # a StructType
HEADER = [field.encode_name for field in COLUMNS]


def shown(row: MovementRow) -> Movement:
    return Movement(
        id=ids.show(ids.TRANSFER, str(row.id)),
        kind=row.kind,  # type: ignore[arg-type]  # held to these by the table's CHECK
        amount=row.amount,
        source=show_account(row.from_kind, row.from_rail),
        target=show_account(row.to_kind, row.to_rail),
        payout_user_id=None if row.user_id is None else ids.show(ids.USER, row.user_id),
        email=row.email,
        order_id=None if row.order_id is None else ids.show(ids.ORDER, row.order_id),
        reference=row.reference,
        actor=row.actor,
        reason=row.reason,
        created_at=row.created_at,
    )


def csv_lines(movements: Iterable[Movement]) -> str:
    """A file of these movements."""
    return csv_text.lines([HEADER, *map(cells, movements)])


async def csv_file(fetch: Fetch, after: int | None) -> AsyncIterator[bytes]:
    """A CSV file, a page of rows at a time: memory does not grow with it."""
    yield csv_text.lines([HEADER]).encode()
    while True:
        rows = await fetch(after, PAGE)
        if rows:
            yield await asyncio.to_thread(_lines, rows)  # others are served meanwhile
        if len(rows) < PAGE:
            return
        after = rows[-1].id


def _lines(rows: list[MovementRow]) -> bytes:
    return csv_text.lines([cells(shown(row)) for row in rows]).encode()


def cells(movement: Movement) -> list[object]:
    """A movement's values in the order of HEADER."""
    return list(msgspec.to_builtins(movement).values())
