"""The SQL of lists of orders as people filter them, counts of their states, and saved views."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from psycopg.rows import class_row

from payviox.db.pool import Connection
from payviox.order_states import STATES
from payviox.withdrawals.model import Order
from payviox.withdrawals.queries.orders import COLUMNS, COUNTED, FROM

SCANNED = 20_000
"""Orders that one page looks through for what no index finds."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """Which orders are wanted; None and empty ask for all. Amounts are US cents, both included.
    `not_waiting`: those that wait for anything else or nothing."""

    status: str | None = None
    waiting: str | None = None
    not_waiting: str | None = None
    rail: str | None = None
    user_ids: Sequence[UUID] | None = None
    before: UUID | None = None
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A page of orders. `older` continues it: after its last order or, where many orders were
    looked through in vain, after the last of those."""

    orders: list[Order] = field(default_factory=list)
    older: UUID | None = None


async def search(
    connection: Connection,
    business_id: UUID,
    criteria: Criteria,
    *,
    after: UUID | None,
    limit: int,
) -> Found:
    """Orders, newest first. However few match, no page reads more than SCANNED of them."""
    indexed = {
        "status = %(status)s": criteria.status,
        "waiting = %(waiting)s": criteria.waiting,
        "payout_user_id = ANY(%(users)s)": criteria.user_ids,
        "id < %(before)s": criteria.before,
        "id < %(after)s": after,
    }
    looked_at = {
        "o.waiting IS DISTINCT FROM %(not_waiting)s": criteria.not_waiting,
        "o.rail = %(rail)s": criteria.rail,
        "o.amount >= %(least)s": criteria.least,
        "o.amount <= %(most)s": criteria.most,
    }
    inner = ["business_id = %(business)s"]
    inner += [text for text, value in indexed.items() if value is not None]
    outer = [text for text, value in looked_at.items() if value is not None] or ["true"]
    scanned = f"SELECT * FROM orders WHERE {' AND '.join(inner)} ORDER BY id DESC LIMIT %(scanned)s"  # noqa: S608  # our own conditions
    given = {
        "business": business_id,
        "status": criteria.status,
        "waiting": criteria.waiting,
        "not_waiting": criteria.not_waiting,
        "users": None if criteria.user_ids is None else list(criteria.user_ids),
        "before": criteria.before,
        "after": after,
        "rail": criteria.rail,
        "least": criteria.least,
        "most": criteria.most,
        "scanned": SCANNED,
        "limit": limit + 1,
    }
    source = FROM.replace("orders o", f"({scanned}) o").replace(
        "u.business_id = o.business_id", "u.business_id = %(business)s"
    )
    async with connection.cursor(row_factory=class_row(Order)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS}{source}"
            f" WHERE {' AND '.join(outer)} ORDER BY o.id DESC LIMIT %(limit)s",
            given,
        )
        orders = await cursor.fetchall()
    if len(orders) > limit:
        return Found(orders[:limit], orders[limit - 1].id)
    if outer == ["true"]:
        return Found(orders)
    last = await connection.execute(
        f"{scanned.replace('*', 'id', 1)} OFFSET %(skipped)s",
        {
            **given,
            "skipped": SCANNED - 1,
            "scanned": 1,
        },
    )
    row = await last.fetchone()
    return Found(orders, None if row is None else UUID(str(row[0])))


async def count_states(connection: Connection, business_id: UUID) -> dict[str, int]:
    """How many orders are in each state; more than COUNTED are COUNTED + 1."""
    cursor = await connection.execute(
        "SELECT s.status, n.number FROM unnest(%s::text[]) s(status) CROSS JOIN LATERAL"
        " (SELECT count(*) AS number FROM (SELECT FROM orders WHERE business_id = %s"
        "   AND status = s.status LIMIT %s) counted) n",
        [list(STATES), business_id, COUNTED + 1],
    )
    return {str(status): int(str(number)) for status, number in await cursor.fetchall()}


async def find_by_rail_id(
    connection: Connection, business_id: UUID, rail_order_id: str
) -> UUID | None:
    """The order one of whose attempts a rail knows by this name of its own."""
    cursor = await connection.execute(
        "SELECT order_id FROM order_attempts WHERE business_id = %s AND rail_order_id = %s"
        " ORDER BY order_id DESC LIMIT 1",
        [business_id, rail_order_id],
    )
    row = await cursor.fetchone()
    return None if row is None else UUID(str(row[0]))


@dataclass(frozen=True, slots=True)
class SavedView:
    """A list that somebody named: its filters as they stand in an address."""

    id: UUID
    operator_id: UUID
    name: str
    query: str
    shared: bool


async def list_views(
    connection: Connection, business_id: UUID, operator_id: UUID, limit: int
) -> list[SavedView]:
    """An operator's own and those that others share, by name."""
    async with connection.cursor(row_factory=class_row(SavedView)) as cursor:
        await cursor.execute(
            "SELECT id, operator_id, name, query, shared FROM saved_views WHERE business_id = %s"
            " AND (operator_id = %s OR shared) ORDER BY name, id LIMIT %s",
            [business_id, operator_id, limit],
        )
        return await cursor.fetchall()


async def insert_view(connection: Connection, business_id: UUID, view: SavedView) -> None:
    await connection.execute(
        "INSERT INTO saved_views (business_id, id, operator_id, name, query, shared)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        [business_id, view.id, view.operator_id, view.name, view.query, view.shared],
    )


async def delete_view(
    connection: Connection, business_id: UUID, view_id: UUID, operator_id: UUID
) -> bool:
    """Whether there was such a view of theirs."""
    cursor = await connection.execute(
        "DELETE FROM saved_views WHERE business_id = %s AND id = %s AND operator_id = %s",
        [business_id, view_id, operator_id],
    )
    return cursor.rowcount == 1
