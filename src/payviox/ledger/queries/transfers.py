"""The SQL of accounts and transfers. The allocation engine has its own set-based statements."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from payviox.db.pool import Connection
from payviox.ledger.model import Account, AccountName, Posting, Transfer, TransferKind


@dataclass(frozen=True, slots=True)
class AccountRow:
    id: UUID
    kind: str
    rail: str
    balance: int
    version: int


@dataclass(frozen=True, slots=True)
class MovementRow:
    """A transfer as a business sees it."""

    id: int
    kind: str
    amount: int
    from_kind: str
    from_rail: str
    to_kind: str
    to_rail: str
    from_account: UUID
    to_account: UUID
    from_balance: int
    to_balance: int
    order_id: UUID | None
    actor: str | None
    reason: str | None
    reference: str | None
    email: str | None
    user_id: UUID | None
    created_at: datetime


MOVEMENTS_OF_PAGE: LiteralString = (
    "SELECT t.id, t.kind, t.amount, f.kind AS from_kind, f.rail AS from_rail,"
    " g.kind AS to_kind, g.rail AS to_rail, t.from_account, t.to_account, t.from_balance,"
    " t.to_balance, t.order_id, t.actor, t.reason, t.reference, u.email, u.id AS user_id,"
    " t.created_at"
    " FROM page t"
    " JOIN accounts f ON f.business_id = %(business)s AND f.id = t.from_account"
    " JOIN accounts g ON g.business_id = %(business)s AND g.id = t.to_account"
    " LEFT JOIN payout_users u ON u.business_id = %(business)s AND u.id ="
    "   CASE 'user' WHEN g.kind THEN t.to_account WHEN f.kind THEN t.from_account END"
    " ORDER BY t.id DESC"
)
"""The movements of transfers that a statement has selected as `page`, all of one business."""


async def open_account(
    connection: Connection, business_id: UUID, account_id: UUID, name: AccountName
) -> None:
    """Make the account unless the business has it."""
    await connection.execute(
        "INSERT INTO accounts (business_id, id, kind, rail) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        [business_id, account_id, name.kind, name.rail],
    )


async def lock_accounts(
    connection: Connection, business_id: UUID, names: Iterable[AccountName]
) -> list[AccountRow]:
    """Lock accounts in the one order of this product: payout first, then payout users', then the
    rails' and all others, each by id. Two writers that lock in the same order cannot wait for one
    another in a circle; and who first needs a payout user's account alone holds what all orders
    share, the rail's, for the shorter time."""
    names = list(names)
    async with connection.cursor(row_factory=class_row(AccountRow)) as cursor:
        await cursor.execute(
            "SELECT id, kind, rail, balance, version FROM accounts"
            " WHERE business_id = %(business)s AND (id = ANY(%(users)s) OR kind <> 'user'"
            "   AND (kind, rail) IN (SELECT * FROM unnest(%(kinds)s::text[], %(rails)s::text[])))"
            " ORDER BY kind <> 'payout', kind <> 'user', id FOR UPDATE",
            {
                "business": business_id,
                "users": [name.user_id for name in names if name.user_id is not None],
                "kinds": [name.kind for name in names if name.user_id is None],
                "rails": [name.rail for name in names if name.user_id is None],
            },
        )
        return await cursor.fetchall()


async def balances(
    connection: Connection, business_id: UUID, kinds: Sequence[str]
) -> dict[str, int]:
    """The balances of the business's own accounts of these kinds, in cents."""
    cursor = await connection.execute(
        "SELECT kind, balance FROM accounts WHERE business_id = %s AND kind <> 'user'"
        " AND kind = ANY(%s)",
        [business_id, list(kinds)],
    )
    return {str(kind): int(str(balance)) for kind, balance in await cursor.fetchall()}


@dataclass(frozen=True, slots=True)
class SumRow:
    """What all accounts of one kind, and rail, hold together."""

    kind: str
    rail: str
    balance: int
    accounts: int


async def sums(connection: Connection, business_id: UUID) -> list[SumRow]:
    async with connection.cursor(row_factory=class_row(SumRow)) as cursor:
        await cursor.execute(
            "SELECT kind, rail, sum(balance)::bigint AS balance, count(*) AS accounts"
            " FROM accounts WHERE business_id = %s GROUP BY kind, rail ORDER BY kind, rail",
            [business_id],
        )
        return await cursor.fetchall()


async def versions(connection: Connection, business_ids: Sequence[UUID]) -> dict[UUID, int]:
    """For each business a number that grows with every movement of its own accounts: all money but
    what payout users have passes through them."""
    cursor = await connection.execute(
        "SELECT business_id, sum(version)::bigint FROM accounts"
        " WHERE business_id = ANY(%s) AND kind <> 'user' GROUP BY business_id",
        [list(business_ids)],
    )
    return dict(await cursor.fetchall())  # type: ignore[arg-type]  # uuid, bigint


async def user_balance(connection: Connection, business_id: UUID, user_id: UUID) -> int:
    cursor = await connection.execute(
        "SELECT balance FROM accounts WHERE business_id = %s AND id = %s", [business_id, user_id]
    )
    row = await cursor.fetchone()
    return int(str(row[0])) if row else 0


async def update_accounts(
    connection: Connection, business_id: UUID, accounts: Iterable[Account]
) -> None:
    rows = [{"id": a.id, "b": a.balance, "v": a.version} for a in accounts]
    await connection.execute(
        "UPDATE accounts a SET balance = n.b, version = n.v"
        " FROM json_to_recordset(%s::json) AS n(id uuid, b bigint, v bigint)"
        " WHERE a.business_id = %s AND a.id = n.id AND a.id = ANY(%s)",
        [msgspec.json.encode(rows).decode(), business_id, [row["id"] for row in rows]],
        prepare=False,  # planned for just these: for any, all of a business could seem less to read
    )


_INSERT_TRANSFERS = """
INSERT INTO transfers (business_id, kind, amount, from_account, from_version, from_balance,
                       to_account, to_version, to_balance, order_id, actor, reason, reference)
SELECT %s, n.* FROM json_to_recordset(%s::json)
  AS n(k text, a bigint, f uuid, fv bigint, fb bigint, t uuid, tv bigint, tb bigint,
       o uuid, ac text, re text, rf text)
RETURNING id, kind, amount, from_account, from_balance, to_account, to_balance, created_at
"""


async def insert_transfers(
    connection: Connection, business_id: UUID, moves: Sequence[tuple[Posting, Account, Account]]
) -> list[Transfer]:
    """Write transfers, in this order. Each comes with its accounts as they are after it."""
    rows = [
        {
            "k": posting.kind,
            "a": posting.amount,
            "f": source.id,
            "fv": source.version,
            "fb": source.balance,
            "t": target.id,
            "tv": target.version,
            "tb": target.balance,
            "o": posting.order_id,
            "ac": posting.actor,
            "re": posting.reason,
            "rf": posting.reference,
        }
        for posting, source, target in moves
    ]
    async with connection.cursor(row_factory=class_row(Transfer)) as cursor:
        await cursor.execute(_INSERT_TRANSFERS, [business_id, msgspec.json.encode(rows).decode()])
        return await cursor.fetchall()


async def find_transfer(
    connection: Connection, business_id: UUID, transfer_id: int
) -> Transfer | None:
    async with connection.cursor(row_factory=class_row(Transfer)) as cursor:
        await cursor.execute(
            "SELECT id, kind, amount, from_account, from_balance, to_account, to_balance,"
            " created_at FROM transfers WHERE business_id = %s AND id = %s",
            [business_id, transfer_id],
        )
        return await cursor.fetchone()


async def in_transit_of(
    connection: Connection, business_id: UUID, order_ids: Sequence[UUID]
) -> dict[UUID, int]:
    """What each of these orders has in transit, by its transfers; those without any transfer are
    left out."""
    cursor = await connection.execute(
        "SELECT t.order_id, sum(t.amount * ((g.kind = 'in_transit')::int"
        "                                   - (f.kind = 'in_transit')::int))::bigint"
        " FROM transfers t"
        " JOIN accounts f ON f.business_id = t.business_id AND f.id = t.from_account"
        " JOIN accounts g ON g.business_id = t.business_id AND g.id = t.to_account"
        " WHERE t.business_id = %s AND t.order_id = ANY(%s) GROUP BY t.order_id",
        [business_id, list(order_ids)],
    )
    return dict(await cursor.fetchall())  # type: ignore[arg-type]  # uuid, bigint


async def exchanged_of(
    connection: Connection, business_id: UUID, order_ids: Sequence[UUID]
) -> dict[UUID, int]:
    """What each of these orders brought to its rail's `exchange` account and left there, in cents:
    below zero where it was taken from there. Orders without such transfers are left out."""
    cursor = await connection.execute(
        "SELECT t.order_id,"
        " sum(CASE WHEN g.kind = 'exchange' THEN t.amount ELSE -t.amount END)::bigint"
        " FROM transfers t"
        " JOIN accounts g ON g.business_id = t.business_id AND g.id = t.to_account"
        " WHERE t.business_id = %s AND t.order_id = ANY(%s)"
        " AND t.kind IN ('exchange', 'exchange_return') GROUP BY t.order_id",
        [business_id, list(order_ids)],
    )
    return dict(await cursor.fetchall())  # type: ignore[arg-type]  # uuid, bigint


async def find_by_reference(
    connection: Connection, business_id: UUID, kind: TransferKind, references: Sequence[str]
) -> Transfer | None:
    """The first transfer of this kind under any of these spellings of one reference."""
    async with connection.cursor(row_factory=class_row(Transfer)) as cursor:
        await cursor.execute(
            "SELECT id, kind, amount, from_account, from_balance, to_account, to_balance,"
            " created_at FROM transfers"
            " WHERE business_id = %s AND reference = ANY(%s) AND kind = %s"
            " ORDER BY id LIMIT 1",
            [business_id, list(references), kind],
        )
        return await cursor.fetchone()


def _source(user_id: UUID | None, order_id: UUID | None, references: Sequence[str]) -> str:
    """Where a list's transfers come from: those of one payout user, order or reference are found
    first, by their own index (OFFSET 0 keeps them apart from what else is asked of them)."""
    if order_id is not None:
        of_user = "" if user_id is None else " AND %(user)s IN (from_account, to_account)"
        return (
            "(SELECT * FROM transfers WHERE business_id = %(business)s AND order_id = %(order)s"  # noqa: S608  # a constant
            f"{of_user} OFFSET 0)"
        )
    if user_id is not None:
        return (
            "((SELECT * FROM transfers WHERE business_id = %(business)s"
            " AND from_account = %(user)s OFFSET 0) UNION ALL"
            " (SELECT * FROM transfers WHERE business_id = %(business)s"
            " AND to_account = %(user)s OFFSET 0))"
        )
    if references:
        return (
            "(SELECT * FROM transfers WHERE business_id = %(business)s"
            " AND reference = ANY(%(references)s) OFFSET 0)"
        )
    return "transfers"


async def list_movements(
    connection: Connection,
    business_id: UUID,
    *,
    kind: str | None = None,
    user_id: UUID | None = None,
    order_id: UUID | None = None,
    references: Sequence[str] = (),
    without: Sequence[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    after: int | None = None,
    limit: int,
) -> list[MovementRow]:
    """Movements, newest first, older than the transfer `after`; from `since` on, before `until`; of
    one payout user, order or reference, which may be spelled in any of these ways; none of the
    kinds `without`."""
    wanted = {
        "t.kind <> ALL(%(without)s)": without,
        "t.kind = %(kind)s": kind,
        "t.created_at >= %(since)s": since,
        "t.created_at < %(until)s": until,
        "t.id < %(after)s": after,
    }
    conditions = " AND ".join(
        ["t.business_id = %(business)s", *(text for text, v in wanted.items() if v is not None)]
    )
    if kind is not None and kind != "allocation":
        conditions += " AND t.kind <> 'allocation'"  # as the index of all others says
    async with connection.cursor(row_factory=class_row(MovementRow)) as cursor:
        await cursor.execute(
            # The page first: its few rows are then joined by key, whatever the planner believes.
            f"WITH page AS MATERIALIZED (SELECT * FROM {_source(user_id, order_id, references)} t"  # noqa: S608  # our own conditions
            f" WHERE {conditions} ORDER BY t.id DESC LIMIT %(limit)s)"
            f" {MOVEMENTS_OF_PAGE}",
            {
                "business": business_id,
                "kind": kind,
                "order": order_id,
                "user": user_id,
                "references": list(references),
                "without": None if without is None else list(without),
                "since": since,
                "until": until,
                "after": after,
                "limit": limit,
            },
        )
        return await cursor.fetchall()
