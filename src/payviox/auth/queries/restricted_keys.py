"""The SQL of restricted keys, and of what each has spent today (UTC)."""

from uuid import UUID

from psycopg.rows import class_row

from payviox.auth.model import RestrictedKey
from payviox.auth.restrictions import Restrictions
from payviox.db.pool import Connection

TODAY = "(statement_timestamp() AT TIME ZONE 'UTC')::date"

_KEYS = f"""
SELECT k.id, k.hint, k.name, k.scopes, k.amount_limit, k.daily_limit, k.networks, k.expires_at,
  k.expires_at <= statement_timestamp() AS has_expired, k.made_by, k.created_at,
  coalesce(s.amount, 0) AS spent_today
FROM api_keys k
LEFT JOIN key_spending s ON s.business_id = %(business)s AND s.key_id = k.id AND s.day = {TODAY}
WHERE k.business_id = %(business)s AND k.kind = 'restricted' AND k.revoked_at IS NULL
"""  # noqa: S608  # constants


async def insert(
    connection: Connection,
    key_id: UUID,
    business_id: UUID,
    restrictions: Restrictions,
    *,
    digest: bytes,
    hint: str,
    made_by: str,
) -> None:
    await connection.execute(
        "INSERT INTO api_keys (id, business_id, kind, digest, hint, name, scopes, amount_limit,"
        " daily_limit, networks, expires_at, made_by)"
        " VALUES (%s, %s, 'restricted', %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [key_id, business_id, digest, hint, *_columns(restrictions), made_by],
    )


async def update(connection: Connection, key_id: UUID, restrictions: Restrictions) -> None:
    await connection.execute(
        "UPDATE api_keys SET name = %s, scopes = %s, amount_limit = %s, daily_limit = %s,"
        " networks = %s, expires_at = %s WHERE id = %s",
        [*_columns(restrictions), key_id],
    )


async def revoke(connection: Connection, key_id: UUID) -> None:
    await connection.execute("UPDATE api_keys SET revoked_at = now() WHERE id = %s", [key_id])


async def is_hint_taken(connection: Connection, business_id: UUID, hint: str) -> bool:
    """Whether any key of the business, old ones too, ends so."""
    cursor = await connection.execute(
        "SELECT FROM api_keys WHERE business_id = %s AND hint = %s LIMIT 1", [business_id, hint]
    )
    return await cursor.fetchone() is not None


async def count(connection: Connection, business_id: UUID) -> int:
    """How many are not revoked."""
    cursor = await connection.execute(
        "SELECT count(*) FROM api_keys WHERE business_id = %s AND kind = 'restricted'"
        " AND revoked_at IS NULL",
        [business_id],
    )
    row = await cursor.fetchone()
    return int(str(row[0])) if row else 0


async def list_of(connection: Connection, business_id: UUID) -> list[RestrictedKey]:
    """Those that are not revoked, the latest first."""
    async with connection.cursor(row_factory=class_row(RestrictedKey)) as cursor:
        await cursor.execute(
            f"{_KEYS} ORDER BY k.created_at DESC, k.id DESC", {"business": business_id}
        )
        return await cursor.fetchall()


async def find(connection: Connection, business_id: UUID, key_id: UUID) -> RestrictedKey | None:
    """The key, unless it is revoked."""
    async with connection.cursor(row_factory=class_row(RestrictedKey)) as cursor:
        await cursor.execute(
            f"{_KEYS} AND k.id = %(key)s", {"business": business_id, "key": key_id}
        )
        return await cursor.fetchone()


async def spend(connection: Connection, business_id: UUID, key_id: UUID, amount: int) -> None:
    """Add to what a key has spent today. The caller holds the payout account's lock."""
    await connection.execute(
        f"INSERT INTO key_spending AS s (business_id, key_id, day, amount)"  # noqa: S608  # a constant
        f" VALUES (%s, %s, {TODAY}, %s) ON CONFLICT (business_id, key_id, day)"
        " DO UPDATE SET amount = s.amount + excluded.amount",
        [business_id, key_id, amount],
    )


def _columns(restrictions: Restrictions) -> list[object]:
    return [
        restrictions.name,
        list(restrictions.scopes),
        restrictions.amount_limit,
        restrictions.daily_limit,
        list(restrictions.networks),
        restrictions.expires_at,
    ]
