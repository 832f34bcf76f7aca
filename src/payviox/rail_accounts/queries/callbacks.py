"""The SQL of rails' callbacks."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from payviox.db.pool import Connection


class KeptCallback(msgspec.Struct, frozen=True):
    """A callback as it came."""

    rail: str
    event_id: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


class Arrival(msgspec.Struct, frozen=True):
    """A callback as it came, without its headers, and the orders that it was about."""

    rail: str
    event_id: str
    orders: list[UUID]
    body: bytes
    received_at: datetime


async def insert(
    connection: Connection,
    business_id: UUID,
    rail: str,
    event_id: str,
    headers: Mapping[str, str],
    body: bytes,
    order_ids: Sequence[UUID],
) -> bool:
    """Keep it; whether it is the first under its event id."""
    cursor = await connection.execute(
        "INSERT INTO rail_callbacks (business_id, rail, event_id, headers, body, orders)"
        " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [business_id, rail, event_id, Jsonb(dict(headers)), body, list(order_ids)],
    )
    return cursor.rowcount == 1


async def list_latest(
    connection: Connection, business_id: UUID, rail: str | None, limit: int
) -> list[Arrival]:
    """The newest first; of one rail where it is named."""
    async with connection.cursor(row_factory=class_row(Arrival)) as cursor:
        await cursor.execute(
            "SELECT rail, event_id, orders, body, received_at FROM rail_callbacks"
            " WHERE business_id = %(b)s AND (%(r)s::text IS NULL OR rail = %(r)s)"
            " ORDER BY received_at DESC, event_id LIMIT %(l)s",
            {"b": business_id, "r": rail, "l": limit},
        )
        return await cursor.fetchall()


async def delete_older(connection: Connection, days: int, limit: int) -> int:
    """Delete the oldest of those older than so many days (a sweep over all businesses)."""
    cursor = await connection.execute(
        "DELETE FROM rail_callbacks WHERE (business_id, rail, event_id) IN ("
        " SELECT business_id, rail, event_id FROM rail_callbacks"
        " WHERE received_at < now() - make_interval(days => %s) ORDER BY received_at LIMIT %s)",
        [days, limit],
    )
    return cursor.rowcount
