"""The SQL of what rails hint at: which orders they mean, and making those due."""

from collections.abc import Sequence
from uuid import UUID

from payviox.db.pool import Connection


async def find_orders(
    connection: Connection,
    business_id: UUID,
    rail: str,
    order_ids: Sequence[UUID],
    rail_order_ids: Sequence[str],
) -> list[UUID]:
    """Orders at this rail, by their ids and by the rail's own ids of their attempts."""
    cursor = await connection.execute(
        "SELECT id FROM orders WHERE business_id = %(b)s AND rail = %(rail)s AND id = ANY(%(ids)s)"
        " UNION SELECT o.id FROM order_attempts a"
        " JOIN orders o ON o.business_id = a.business_id AND o.id = a.order_id"
        " WHERE a.business_id = %(b)s AND a.rail_order_id = ANY(%(theirs)s) AND o.rail = %(rail)s"
        " ORDER BY id",
        {
            "b": business_id,
            "rail": rail,
            "ids": list(order_ids),
            "theirs": list(rail_order_ids),
        },
    )
    return [row[0] for row in await cursor.fetchall()]  # type: ignore[misc]  # a uuid column


async def make_due(connection: Connection, business_id: UUID, order_ids: Sequence[UUID]) -> int:
    """Let the worker look these up now, locked in order of id; how many there are of which a rail
    can be asked."""
    cursor = await connection.execute(
        "UPDATE orders SET due_at = now() WHERE business_id = %(b)s AND id IN ("
        " SELECT id FROM orders WHERE business_id = %(b)s AND id = ANY(%(ids)s) AND attempt > 0"
        " AND status IN ('sent', 'unknown', 'succeeded', 'failed') ORDER BY id FOR UPDATE)",
        {"b": business_id, "ids": list(order_ids)},
    )
    return cursor.rowcount
