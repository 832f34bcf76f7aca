"""The SQL of businesses' webhook settings and their tokens."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import class_row

from payviox.db.pool import Connection
from payviox.webhooks.model import LiveToken, Settings


async def insert_settings(
    connection: Connection, business_id: UUID, token: bytes, key_id: str
) -> bool:
    """Whether there were none before."""
    cursor = await connection.execute(
        "INSERT INTO webhook_settings (business_id, token, key_id) VALUES (%s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        [business_id, token, key_id],
    )
    return cursor.rowcount == 1


async def find_settings(connection: Connection, business_id: UUID) -> Settings | None:
    async with connection.cursor(row_factory=class_row(Settings)) as cursor:
        await cursor.execute(
            "SELECT business_id, url, enabled, events, token, next_token, next_token_since, key_id"
            " FROM webhook_settings WHERE business_id = %s",
            [business_id],
        )
        return await cursor.fetchone()


async def list_tokens(connection: Connection) -> list[LiveToken]:
    async with connection.cursor(row_factory=class_row(LiveToken)) as cursor:
        await cursor.execute(
            "SELECT business_id, url, updated_at FROM webhook_settings ORDER BY business_id"
        )
        return await cursor.fetchall()


async def lock_settings(connection: Connection, business_id: UUID) -> Settings | None:
    async with connection.cursor(row_factory=class_row(Settings)) as cursor:
        await cursor.execute(
            "SELECT business_id, url, enabled, events, token, next_token, next_token_since, key_id"
            " FROM webhook_settings WHERE business_id = %s FOR UPDATE",
            [business_id],
        )
        return await cursor.fetchone()


async def update_settings(
    connection: Connection, business_id: UUID, url: str | None, enabled: bool, events: Sequence[str]
) -> None:
    await connection.execute(
        "UPDATE webhook_settings SET url = %s, enabled = %s, events = %s, updated_at = now()"
        " WHERE business_id = %s",
        [url, enabled, list(events), business_id],
    )


async def update_tokens(
    connection: Connection,
    business_id: UUID,
    token: bytes,
    next_token: bytes | None,
    key_id: str,
    *,
    new: bool = False,
) -> None:
    """`new`: the next token begins to wait now; else it waits since it did."""
    since = "NULL" if next_token is None else "now()" if new else "next_token_since"
    await connection.execute(
        "UPDATE webhook_settings SET token = %(token)s, next_token = %(next)s, key_id = %(key)s,"  # noqa: S608  # constants
        f" next_token_since = {since}, updated_at = now() WHERE business_id = %(business)s",
        {
            "token": token,
            "next": next_token,
            "key": key_id,
            "business": business_id,
        },
    )


async def businesses_of_other_keys(connection: Connection, key_id: str, limit: int) -> list[UUID]:
    """Which businesses' tokens another key encrypted (a sweep over all of them)."""
    cursor = await connection.execute(
        "SELECT business_id FROM webhook_settings WHERE key_id <> %s ORDER BY business_id LIMIT %s",
        [key_id, limit],
    )
    return [row[0] async for row in cursor]  # type: ignore[misc]  # a uuid
