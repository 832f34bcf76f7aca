"""The SQL of reading a rail's orders with their attempts and their money, a page at a time: what a
rail's own books are compared with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from payviox.db.pool import Connection
from payviox.order_states import OPEN
from payviox.withdrawals.model import (
    Order,
)
from payviox.withdrawals.queries.orders import COLUMNS, FROM

# What the order's own transfers moved: paid out and not come back, paid after all, still reserved,
# and what the rail charged as far as it is booked.
_MONEY = """
 CROSS JOIN LATERAL (
  SELECT
   coalesce(sum(CASE kind WHEN 'settle' THEN amount WHEN 'return' THEN -amount END), 0)::bigint
     AS settled,
   coalesce(sum(amount) FILTER (WHERE kind = 'paid_after_all'), 0)::bigint AS paid_after_all,
   coalesce(sum(CASE WHEN kind = 'reserve' THEN amount
                     WHEN kind IN ('settle', 'fee', 'release') THEN -amount END), 0)::bigint
     AS reserved,
   coalesce(sum(amount) FILTER (WHERE kind = 'cost'), 0)::bigint AS cost
  FROM transfers t WHERE t.business_id = %(business)s AND t.order_id = o.id
 ) money"""
_SELECT = (
    f"SELECT {COLUMNS}, money.settled, money.paid_after_all, money.reserved, money.cost,"
    f" l.asked_at AS look_up_asked_at{FROM}{_MONEY}"
    " LEFT JOIN reconciliation_look_ups l ON l.business_id = %(business)s AND l.order_id = o.id"
)


@dataclass(frozen=True, slots=True)
class Booked(Order):
    """An order with what its own transfers moved, in cents, and when a comparison last had it
    looked up, where one did."""

    settled: int
    paid_after_all: int
    reserved: int
    cost: int
    look_up_asked_at: datetime | None


@dataclass(frozen=True, slots=True)
class SentAttempt:
    """One attempt, as it is known at the rail."""

    order_id: UUID
    number: int
    reference: str
    rail_order_id: str | None
    outcome: str | None
    started_at: datetime
    finished_at: datetime | None


async def list_booked(
    connection: Connection,
    business_id: UUID,
    rail: str,
    since: datetime,
    *,
    after: UUID,
    limit: int,
) -> list[Booked]:
    """Orders that are open or have changed since then, in order of id, after the order `after`. An
    order that was tried since then has changed since then, or is open."""
    async with connection.cursor(row_factory=class_row(Booked)) as cursor:
        await cursor.execute(
            f"{_SELECT} WHERE o.business_id = %(business)s AND o.rail = %(rail)s"
            " AND o.id > %(after)s AND (o.status = ANY(%(open)s) OR o.updated_at >= %(since)s)"
            " ORDER BY o.id LIMIT %(limit)s",
            {
                "business": business_id,
                "rail": rail,
                "after": after,
                "open": list(OPEN),
                "since": since,
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def find_booked(
    connection: Connection, business_id: UUID, rail: str, order_ids: Sequence[UUID]
) -> list[Booked]:
    """These orders, where they went by this rail."""
    async with connection.cursor(row_factory=class_row(Booked)) as cursor:
        await cursor.execute(
            f"{_SELECT} WHERE o.business_id = %(business)s AND o.rail = %(rail)s"
            " AND o.id = ANY(%(orders)s) ORDER BY o.id",
            {"business": business_id, "rail": rail, "orders": list(order_ids)},
        )
        return await cursor.fetchall()


async def lock_booked(
    connection: Connection, business_id: UUID, rail: str, order_id: UUID
) -> Booked | None:
    """The order, its row locked, and its money as it is then."""
    await connection.execute(
        "SELECT FROM orders WHERE business_id = %s AND id = %s FOR UPDATE", [business_id, order_id]
    )
    booked = await find_booked(connection, business_id, rail, [order_id])
    return booked[0] if booked else None


async def list_attempts_of(
    connection: Connection, business_id: UUID, order_ids: Sequence[UUID]
) -> list[SentAttempt]:
    async with connection.cursor(row_factory=class_row(SentAttempt)) as cursor:
        await cursor.execute(
            "SELECT order_id, number, reference, rail_order_id, outcome, started_at, finished_at"
            " FROM order_attempts WHERE business_id = %s AND order_id = ANY(%s)"
            " ORDER BY order_id, number",
            [business_id, list(order_ids)],
        )
        return await cursor.fetchall()


async def orders_named(
    connection: Connection, business_id: UUID, rail: str, rail_order_ids: Sequence[str]
) -> dict[str, UUID]:
    """The orders of attempts that the rail knows by these names of its own."""
    cursor = await connection.execute(
        "SELECT a.rail_order_id, a.order_id FROM order_attempts a"
        " JOIN orders o ON o.business_id = a.business_id AND o.id = a.order_id"
        " WHERE a.business_id = %s AND a.rail_order_id = ANY(%s) AND o.rail = %s",
        [business_id, list(rail_order_ids), rail],
    )
    return {str(row[0]): UUID(str(row[1])) for row in await cursor.fetchall()}


async def ask_for_look_up(connection: Connection, business_id: UUID, order_id: UUID) -> None:
    """Write down that the order is being looked up, now."""
    await connection.execute(
        "INSERT INTO reconciliation_look_ups (business_id, order_id) VALUES (%s, %s)"
        " ON CONFLICT (business_id, order_id) DO NOTHING",
        [business_id, order_id],
    )


async def forget_look_up(connection: Connection, business_id: UUID, order_id: UUID) -> None:
    await connection.execute(
        "DELETE FROM reconciliation_look_ups WHERE business_id = %s AND order_id = %s",
        [business_id, order_id],
    )
