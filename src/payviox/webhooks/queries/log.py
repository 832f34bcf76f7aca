"""The SQL of the webhook log: events of a business with their deliveries, page by page."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import class_row

from payviox.db.pool import Connection
from payviox.webhooks.model import LogRow, Newer

_COLUMNS = """
SELECT e.id AS event_id, e.type, e.order_id, e.created_at, d.status AS state,
       coalesce(d.attempts, 0) AS attempts, d.due_at, coalesce(d.replayed, false) AS replayed,
       a.status AS answer_status, a.error, a.duration_ms
"""
_LATEST = """
LEFT JOIN delivery_attempts a ON a.business_id = d.business_id AND a.delivery_id = d.id
  AND a.number = d.attempts
"""
_ALL = """
FROM events e LEFT JOIN deliveries d ON d.business_id = e.business_id AND d.event_id = e.id
"""
_IN_STATE = """
FROM deliveries d JOIN events e ON e.business_id = d.business_id AND e.id = d.event_id
"""
STATES = {
    "failed": "d.status = 'failed'",
    "pending": "d.status = 'pending'",
    "delivered": "d.status = 'delivered'",
}
"""Each written out, so that the index of what is not delivered yet serves it."""


async def list_page(
    connection: Connection,
    business_id: UUID,
    *,
    state: str | None,
    event_type: str | None,
    order_id: UUID | None,
    since: UUID | None,
    until: UUID | None,
    before: UUID | None,
    limit: int,
) -> list[LogRow]:
    """Newest first: from `since` on, before `until` and `before`, which are ids."""
    source, event = (_ALL, "e.id") if state is None else (_IN_STATE, "d.event_id")
    wanted = {
        "e.type = %(type)s": event_type,
        "e.order_id = %(order)s": order_id,
        f"{event} >= %(since)s": since,
        f"{event} < %(until)s": until,
        f"{event} < %(before)s": before,
    }
    conditions = [f"{event.partition('.')[0]}.business_id = %(business)s"]
    conditions += [text for text, value in wanted.items() if value is not None]
    if state is not None:
        conditions.append(STATES[state])
    async with connection.cursor(row_factory=class_row(LogRow)) as cursor:
        await cursor.execute(
            f"{_COLUMNS}{source}{_LATEST} WHERE {' AND '.join(conditions)}"
            f" ORDER BY {event} DESC LIMIT %(limit)s",
            {
                "business": business_id,
                "type": event_type,
                "order": order_id,
                "since": since,
                "until": until,
                "before": before,
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def list_of_period(
    connection: Connection,
    business_id: UUID,
    since: UUID,
    until: UUID,
    *,
    failed_only: bool,
    limit: int,
) -> list[UUID]:
    """Events of orders, oldest first; those alone whose delivery failed where that is asked."""
    if failed_only:
        query = (
            "SELECT d.event_id FROM deliveries d JOIN events e"
            " ON e.business_id = d.business_id AND e.id = d.event_id"
            " WHERE d.business_id = %s AND d.event_id >= %s AND d.event_id < %s"
            " AND d.status = 'failed' AND e.order_id IS NOT NULL ORDER BY d.event_id LIMIT %s"
        )
    else:
        query = (
            "SELECT id FROM events WHERE business_id = %s AND id >= %s AND id < %s"
            " AND order_id IS NOT NULL ORDER BY id LIMIT %s"
        )
    cursor = await connection.execute(query, [business_id, since, until, limit])
    return [row[0] async for row in cursor]  # type: ignore[misc]  # a uuid


async def newer_delivered(
    connection: Connection, business_id: UUID, event_ids: Sequence[UUID]
) -> list[Newer]:
    """For each of these events whose order has a later one that was delivered: the latest."""
    async with connection.cursor(row_factory=class_row(Newer)) as cursor:
        await cursor.execute(
            "SELECT DISTINCT ON (e.id) e.id AS event_id, n.type, n.created_at"
            " FROM events e JOIN events n ON n.business_id = e.business_id"
            " AND n.order_id = e.order_id AND n.id > e.id"
            " JOIN deliveries d ON d.business_id = n.business_id AND d.event_id = n.id"
            " AND d.status = 'delivered'"
            " WHERE e.business_id = %s AND e.id = ANY (%s) ORDER BY e.id, n.id DESC",
            [business_id, list(event_ids)],
        )
        return await cursor.fetchall()
