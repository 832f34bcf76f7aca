"""The SQL of what is forgotten of attempts at deliveries."""

from uuid import UUID

from payviox.db.pool import Connection


async def delete_old(
    connection: Connection, business_id: UUID, before: UUID, days: int, limit: int
) -> int:
    """Delete attempts older than so many days, so many at most, of deliveries that were made before
    the id `before`: their key finds them, an index by time would cost each attempt."""
    cursor = await connection.execute(
        "DELETE FROM delivery_attempts WHERE business_id = %(business)s"
        " AND (delivery_id, number) IN (SELECT delivery_id, number FROM delivery_attempts"
        "  WHERE business_id = %(business)s AND delivery_id < %(before)s"
        "  AND created_at < now() - make_interval(days => %(days)s)"
        "  ORDER BY delivery_id, number LIMIT %(limit)s)",
        {"business": business_id, "before": before, "days": days, "limit": limit},
    )
    return cursor.rowcount
