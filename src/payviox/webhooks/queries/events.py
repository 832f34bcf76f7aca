"""The SQL of events: each is written once, in the transaction of what happened."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from payviox.db.pool import Connection
from payviox.webhooks.model import Event


async def insert_event(
    connection: Connection,
    business_id: UUID,
    event_id: UUID,
    *,
    event_type: str,
    order_id: UUID | None,
    body: str,
) -> bool:
    """Whether the order had no event of this type. Waits for another transaction writing one."""
    cursor = await connection.execute(
        "INSERT INTO events (business_id, id, type, order_id, body) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT ON CONSTRAINT events_once DO NOTHING",
        [business_id, event_id, event_type, order_id, body],
    )
    return cursor.rowcount == 1


_INSERT_EVENTS = """
WITH given AS (
  SELECT * FROM json_to_recordset(%(rows)s::json)
    AS g(id uuid, delivery uuid, type text, order_id uuid, body text, trace text)
), made AS (
  INSERT INTO events (business_id, id, type, order_id, body, trace)
  SELECT %(b)s, id, type, order_id, body, trace FROM given
  ON CONFLICT ON CONSTRAINT events_once DO NOTHING RETURNING id, type
)
INSERT INTO deliveries (business_id, id, event_id)
SELECT %(b)s, g.delivery, m.id FROM made m JOIN given g USING (id) JOIN webhook_settings s
  ON s.business_id = %(b)s AND s.enabled AND s.url IS NOT NULL AND m.type = ANY (s.events)
"""


async def insert_events(
    connection: Connection,
    business_id: UUID,
    events: Sequence[tuple[UUID, UUID, str, UUID, str, str | None]],
) -> int:
    """Write events (id, its delivery's id, type, order, body, trace) that their orders do not have
    yet, with deliveries due now where the business subscribes; answers how many of these. Waits for
    another transaction writing the same."""
    names = ("id", "delivery", "type", "order_id", "body", "trace")
    rows = [dict(zip(names, event, strict=True)) for event in events]
    cursor = await connection.execute(
        _INSERT_EVENTS, {"b": business_id, "rows": msgspec.json.encode(rows).decode()}
    )
    return cursor.rowcount


async def find_event(connection: Connection, business_id: UUID, event_id: UUID) -> Event | None:
    async with connection.cursor(row_factory=class_row(Event)) as cursor:
        await cursor.execute(
            "SELECT id, type, order_id, body, created_at FROM events"
            " WHERE business_id = %s AND id = %s",
            [business_id, event_id],
        )
        return await cursor.fetchone()


async def list_events(
    connection: Connection,
    business_id: UUID,
    *,
    event_type: str | None,
    order_id: UUID | None,
    before: UUID | None,
    limit: int,
) -> list[Event]:
    """Newest first."""
    wanted = {
        "type = %(type)s": event_type,
        "order_id = %(order)s": order_id,
        "id < %(before)s": before,
    }
    conditions = ["business_id = %(business)s"]
    conditions += [text for text, value in wanted.items() if value is not None]
    async with connection.cursor(row_factory=class_row(Event)) as cursor:
        await cursor.execute(
            "SELECT id, type, order_id, body, created_at FROM events"  # noqa: S608  # our own conditions
            f" WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT %(limit)s",
            {
                "business": business_id,
                "type": event_type,
                "order": order_id,
                "before": before,
                "limit": limit,
            },
        )
        return await cursor.fetchall()
