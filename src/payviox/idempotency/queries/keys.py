"""The SQL of idempotency keys."""

from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from payviox.db.pool import Connection
from payviox.idempotency.model import Scope


async def claim(
    connection: Connection,
    business_id: UUID,
    scope: Scope,
    part: int,
    call_id: UUID | None = None,
) -> bool:
    """Whether the key is ours to use. Waits for another transaction that is just using it."""
    cursor = await connection.execute(
        "INSERT INTO idempotency_keys (business_id, caller, path, key, part, digest, call_id)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [business_id, scope.caller, scope.path, scope.key, part, scope.digest, call_id],
    )
    return cursor.rowcount == 1


async def find(
    connection: Connection, business_id: UUID, scope: Scope, part: int
) -> tuple[bytes, Any] | None:
    cursor = await connection.execute(
        "SELECT digest, reference FROM idempotency_keys WHERE business_id = %s AND caller = %s"
        " AND path = %s AND key = %s AND part = %s",
        [business_id, scope.caller, scope.path, scope.key, part],
    )
    row = await cursor.fetchone()
    return None if row is None else (bytes(row[0]), row[1])  # type: ignore[call-overload]  # bytea


async def was_claimed_by(
    connection: Connection, business_id: UUID, scope: Scope, call_id: UUID
) -> bool:
    cursor = await connection.execute(
        "SELECT FROM idempotency_keys WHERE business_id = %s AND caller = %s AND path = %s"
        " AND key = %s AND part = 0 AND call_id = %s",
        [business_id, scope.caller, scope.path, scope.key, call_id],
    )
    return await cursor.fetchone() is not None


async def count_of_user(connection: Connection, business_id: UUID, caller: str, most: int) -> int:
    """How many keys a payout user has used within a day; at most `most` are counted."""
    cursor = await connection.execute(
        "SELECT count(*) FROM (SELECT FROM idempotency_keys WHERE business_id = %s AND caller = %s"
        " AND caller <> 'business' AND created_at > clock_timestamp() - interval '1 day'"
        " LIMIT %s) used",
        [business_id, caller, most],
    )
    row = await cursor.fetchone()
    return int(str(row[0])) if row else 0


async def find_parts(
    connection: Connection, business_id: UUID, scope: Scope
) -> list[tuple[int, bytes, Any]]:
    """Every part of a key that was used, in order."""
    cursor = await connection.execute(
        "SELECT part, digest, reference FROM idempotency_keys"
        " WHERE business_id = %s AND caller = %s AND path = %s AND key = %s ORDER BY part",
        [business_id, scope.caller, scope.path, scope.key],
    )
    return [
        (int(str(part)), bytes(digest), reference)  # type: ignore[call-overload]  # bytea
        for part, digest, reference in await cursor.fetchall()
    ]


async def set_reference(
    connection: Connection, business_id: UUID, scope: Scope, part: int, reference: Any
) -> None:
    await connection.execute(
        "UPDATE idempotency_keys SET reference = %s WHERE business_id = %s AND caller = %s"
        " AND path = %s AND key = %s AND part = %s",
        [Jsonb(reference), business_id, scope.caller, scope.path, scope.key, part],
    )
