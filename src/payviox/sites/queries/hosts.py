"""The SQL of businesses' own hosts."""

from uuid import UUID

from psycopg.rows import class_row

from payviox.db.pool import Connection
from payviox.sites.model import Owner, OwnHost

_HOST = (
    "SELECT business_id, host, host_token AS token, host_verified_at AS verified_at,"
    " host_lost_at AS lost_at FROM sites WHERE host IS NOT NULL"
)


async def find(connection: Connection, business_id: UUID) -> OwnHost | None:
    async with connection.cursor(row_factory=class_row(OwnHost)) as cursor:
        await cursor.execute(f"{_HOST} AND business_id = %s", [business_id])
        return await cursor.fetchone()


async def list_all(connection: Connection) -> list[OwnHost]:
    """Every business's, to be looked at again. Across businesses."""
    async with connection.cursor(row_factory=class_row(OwnHost)) as cursor:
        await cursor.execute(f"{_HOST} ORDER BY business_id")
        return await cursor.fetchall()


async def list_named(connection: Connection, host: str) -> list[OwnHost]:
    """Who says that this host is theirs."""
    async with connection.cursor(row_factory=class_row(OwnHost)) as cursor:
        await cursor.execute(f"{_HOST} AND host = %s", [host])
        return await cursor.fetchall()


async def find_owner(connection: Connection, host: str) -> Owner | None:
    """Whose host this is, once that was seen."""
    async with connection.cursor(row_factory=class_row(Owner)) as cursor:
        await cursor.execute(
            "SELECT s.business_id, s.host, b.hash_code AS code"
            " FROM sites s JOIN businesses b ON b.id = s.business_id"
            " WHERE s.host = %s AND s.host_verified_at IS NOT NULL",
            [host],
        )
        return await cursor.fetchone()


async def set_host(
    connection: Connection, business_id: UUID, host: str | None, token: str | None
) -> None:
    await connection.execute(
        "INSERT INTO sites AS s (business_id, host, host_token) VALUES (%s, %s, %s)"
        " ON CONFLICT (business_id) DO UPDATE SET host = EXCLUDED.host,"
        " host_token = EXCLUDED.host_token, host_verified_at = NULL, host_lost_at = NULL",
        [business_id, host, token],
    )


async def mark_seen(connection: Connection, seen: OwnHost) -> bool:
    """Whether it is this business's from now on, and nobody else's."""
    cursor = await connection.execute(
        "UPDATE sites s SET host_verified_at = least(host_verified_at, now()),"
        " host_lost_at = NULL WHERE business_id = %(business)s AND host_token = %(token)s"
        " AND NOT EXISTS (SELECT FROM sites o WHERE o.host = s.host"
        " AND o.host_verified_at IS NOT NULL AND o.business_id <> s.business_id)",
        {"business": seen.business_id, "token": seen.token},
    )
    return cursor.rowcount == 1


async def mark_lost(connection: Connection, missed: OwnHost) -> bool:
    """Whether this is news."""
    cursor = await connection.execute(
        "UPDATE sites SET host_lost_at = now() WHERE business_id = %s AND host_token = %s"
        " AND host_verified_at IS NOT NULL AND host_lost_at IS NULL",
        [missed.business_id, missed.token],
    )
    return cursor.rowcount == 1
