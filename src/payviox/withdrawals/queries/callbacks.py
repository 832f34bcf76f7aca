"""The SQL of what rails hint at: which attempts they mean, and making their orders due."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from payviox import ids
from payviox.db.pool import Connection
from payviox.order_states import Status

# By the order's id and the attempt's reference, or by the rail's own id: each has an index.
_FROM = """
 FROM orders o JOIN order_attempts a ON a.business_id = o.business_id AND a.order_id = o.id
 WHERE o.business_id = %(b)s AND o.rail = %(rail)s AND (o.id, a.number) IN (
  SELECT order_id, number FROM order_attempts
  WHERE business_id = %(b)s AND order_id = ANY(%(orders)s) AND reference = ANY(%(references)s)
  UNION ALL SELECT order_id, number FROM order_attempts
  WHERE business_id = %(b)s AND rail_order_id = ANY(%(theirs)s))
"""


@dataclass(frozen=True, slots=True)
class NamedAttempt:
    """An attempt with its order's state; `last` is the number of the order's last one."""

    order_id: UUID
    number: int
    last: int
    reference: str
    rail_order_id: str | None
    outcome: str | None
    status: Status


async def lock_orders_of(
    connection: Connection,
    business_id: UUID,
    rail: str,
    references: Sequence[str],
    rail_order_ids: Sequence[str],
) -> None:
    """Lock the orders of these attempts, in order of id."""
    await connection.execute(
        f"SELECT o.id{_FROM} ORDER BY o.id FOR UPDATE OF o",
        _given(business_id, rail, references, rail_order_ids),
    )


async def find_attempts(
    connection: Connection,
    business_id: UUID,
    rail: str,
    references: Sequence[str],
    rail_order_ids: Sequence[str],
) -> list[NamedAttempt]:
    """Attempts at this rail, by our references and by the rail's own ids of them."""
    async with connection.cursor(row_factory=class_row(NamedAttempt)) as cursor:
        await cursor.execute(
            "SELECT a.order_id, a.number, o.attempt AS last, a.reference, a.rail_order_id,"
            f" a.outcome, o.status{_FROM} ORDER BY a.order_id, a.number",
            _given(business_id, rail, references, rail_order_ids),
        )
        return await cursor.fetchall()


def _given(
    business_id: UUID, rail: str, references: Sequence[str], rail_order_ids: Sequence[str]
) -> dict[str, object]:
    named = [ids.parse(ids.ORDER, reference.rpartition(".")[0]) for reference in references]
    return {
        "b": business_id,
        "rail": rail,
        "orders": [order_id for order_id in named if order_id is not None],
        "references": list(references),
        "theirs": list(rail_order_ids),
    }


async def keep_rail_id(
    connection: Connection, business_id: UUID, attempt: NamedAttempt, rail_order_id: str
) -> None:
    """Keep the rail's own id of an attempt that has none yet."""
    await connection.execute(
        "UPDATE order_attempts SET rail_order_id = %s WHERE business_id = %s AND order_id = %s"
        " AND number = %s AND rail_order_id IS NULL",
        [rail_order_id, business_id, attempt.order_id, attempt.number],
    )


async def doubt(connection: Connection, business_id: UUID, attempt: NamedAttempt) -> None:
    """An attempt that was not sent, or failed, may have been sent: its rail is asked."""
    await connection.execute(
        "UPDATE order_attempts SET outcome = 'not_found' WHERE business_id = %s AND order_id = %s"
        " AND number = %s",
        [business_id, attempt.order_id, attempt.number],
    )


async def make_due(connection: Connection, business_id: UUID, order_ids: Sequence[UUID]) -> int:
    """Let the worker look these up now, locked in order of id; how many there are of which a rail
    can be asked. A queued order is one where its last attempt may have been sent."""
    cursor = await connection.execute(
        "UPDATE orders SET due_at = now() WHERE business_id = %(b)s AND id IN ("
        " SELECT o.id FROM orders o JOIN order_attempts a ON a.business_id = o.business_id"
        "  AND a.order_id = o.id AND a.number = o.attempt"
        " WHERE o.business_id = %(b)s AND o.id = ANY(%(ids)s)"
        "  AND (o.status IN ('sent', 'unknown', 'succeeded', 'failed', 'canceled', 'rejected')"
        "   OR (o.status = 'queued' AND a.outcome = 'not_found'))"
        " ORDER BY o.id FOR UPDATE OF o)",
        {"b": business_id, "ids": list(order_ids)},
    )
    return cursor.rowcount
