"""The SQL of keys and hashes."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from payviox import actors
from payviox.actors import Actor
from payviox.auth.model import LiveKey, Operator
from payviox.auth.restrictions import Restrictions, Scope
from payviox.db.pool import Connection


class KeyRow(msgspec.Struct, frozen=True):
    """A key that works now; what follows its hint only a restricted one has."""

    id: UUID
    business_id: UUID
    kind: str
    hint: str
    name: str | None
    scopes: list[Scope] | None
    amount_limit: int | None
    daily_limit: int | None
    networks: list[str] | None
    expires_at: datetime | None

    @property
    def restrictions(self) -> Restrictions | None:
        if self.name is None:
            return None
        return Restrictions(
            self.name,
            tuple(self.scopes or ()),
            self.amount_limit,
            self.daily_limit,
            tuple(self.networks or ()),
            self.expires_at,
        )


_KEY = (
    "SELECT id, business_id, kind, hint, name, scopes, amount_limit, daily_limit, networks,"
    " expires_at FROM api_keys"
)
_WORKS = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > statement_timestamp())"


@dataclass(frozen=True, slots=True)
class UserCaller:
    """A payout user calling with a hash."""

    business_id: UUID
    user_id: UUID
    email: str
    digest: bytes = field(repr=False)
    """Of the hash that they called with."""

    @property
    def actor(self) -> Actor:
        return actors.payout_user(self.user_id)


async def insert_key(
    connection: Connection, key_id: UUID, business_id: UUID, kind: str, digest: bytes, hint: str
) -> None:
    await connection.execute(
        "INSERT INTO api_keys (id, business_id, kind, digest, hint) VALUES (%s, %s, %s, %s, %s)",
        [key_id, business_id, kind, digest, hint],
    )


async def revoke_key(connection: Connection, business_id: UUID, kind: str) -> int:
    cursor = await connection.execute(
        "UPDATE api_keys SET revoked_at = now()"
        " WHERE business_id = %s AND kind = %s AND revoked_at IS NULL",
        [business_id, kind],
    )
    return cursor.rowcount


async def list_live_keys(connection: Connection) -> list[LiveKey]:
    async with connection.cursor(row_factory=class_row(LiveKey)) as cursor:
        await cursor.execute(
            "SELECT business_id, kind, hint, created_at FROM api_keys WHERE revoked_at IS NULL"
            " ORDER BY business_id, kind, created_at"
        )
        return await cursor.fetchall()


async def list_keys_of(connection: Connection, business_id: UUID) -> list[LiveKey]:
    """A business's secret and public key that work now, at most one of each kind."""
    async with connection.cursor(row_factory=class_row(LiveKey)) as cursor:
        await cursor.execute(
            "SELECT business_id, kind, hint, created_at FROM api_keys"
            " WHERE business_id = %s AND revoked_at IS NULL AND kind <> 'restricted'",
            [business_id],
        )
        return await cursor.fetchall()


async def find_key(connection: Connection, digest: bytes) -> KeyRow | None:
    async with connection.cursor(row_factory=class_row(KeyRow)) as cursor:
        await cursor.execute(f"{_KEY} WHERE digest = %s AND {_WORKS}", [digest])
        return await cursor.fetchone()


async def lock_key(connection: Connection, key_id: UUID) -> KeyRow | None:
    """The key as it is now, held so until the transaction ends; None where it works no more."""
    async with connection.cursor(row_factory=class_row(KeyRow)) as cursor:
        await cursor.execute(f"{_KEY} WHERE id = %s AND {_WORKS} FOR SHARE", [key_id])
        return await cursor.fetchone()


# A lifetime counts from the hash's last renewal, or from its own last change where
# that is later.
HASH_LIVES = """
u.status = 'active'
AND (b.hash_lifetime_days IS NULL
     OR greatest(u.hash_renewed_at, b.hash_lifetime_since)
        + make_interval(days => b.hash_lifetime_days) > clock_timestamp())
"""
_HASH_HOLDS = f"u.hash_digest = %(digest)s AND {HASH_LIVES}"


async def find_user(connection: Connection, hash_code: str, digest: bytes) -> UserCaller | None:
    """The active payout user of an unexpired hash. The code names the tenant, so that the second
    step is a look-up in one business."""
    async with connection.cursor(row_factory=class_row(UserCaller)) as cursor:
        await cursor.execute(
            "SELECT u.business_id, u.id AS user_id, u.email, u.hash_digest AS digest"  # noqa: S608  # a constant
            " FROM businesses b JOIN payout_users u ON u.business_id = b.id"
            f" WHERE b.hash_code = %(code)s AND {_HASH_HOLDS}",
            {"digest": digest, "code": hash_code},
        )
        return await cursor.fetchone()


async def lock_live_user(connection: Connection, caller: UserCaller) -> bool:
    """Whether the hash still opens, and hold it so until this transaction ends."""
    cursor = await connection.execute(
        "SELECT FROM payout_users u JOIN businesses b ON b.id = u.business_id"  # a constant
        f" WHERE u.business_id = %(business)s AND u.id = %(user)s AND {_HASH_HOLDS}"
        " FOR SHARE OF u",
        {"business": caller.business_id, "user": caller.user_id, "digest": caller.digest},
    )
    return await cursor.fetchone() is not None


async def known_secret_keys(connection: Connection) -> list[str]:
    cursor = await connection.execute("SELECT key_id FROM secret_keys")
    return [str(row[0]) for row in await cursor.fetchall()]


async def remember_secret_key(connection: Connection, key_id: str) -> None:
    await connection.execute(
        "INSERT INTO secret_keys (key_id) VALUES (%s) ON CONFLICT DO NOTHING", [key_id]
    )


async def insert_operator(
    connection: Connection,
    operator_id: UUID,
    email: str,
    password_hash: str,
    *,
    is_admin: bool,
    is_verified: bool,
) -> bool:
    """Whether it was new."""
    cursor = await connection.execute(
        "INSERT INTO operators (id, email, password_hash, is_admin, email_verified)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (email) DO NOTHING",
        [operator_id, email, password_hash, is_admin, is_verified],
    )
    return cursor.rowcount == 1


async def set_verified(connection: Connection, operator_id: UUID) -> bool:
    """Note that an operator's address is theirs; whether that was not known."""
    cursor = await connection.execute(
        "UPDATE operators SET email_verified = true WHERE id = %s AND NOT email_verified",
        [operator_id],
    )
    return cursor.rowcount == 1


async def is_verified(connection: Connection, operator_id: UUID) -> bool:
    cursor = await connection.execute(
        "SELECT email_verified FROM operators WHERE id = %s", [operator_id]
    )
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


async def find_operator(connection: Connection, email: str) -> UUID | None:
    cursor = await connection.execute("SELECT id FROM operators WHERE email = %s", [email])
    row = await cursor.fetchone()
    return None if row is None else UUID(str(row[0]))


async def find_enabled_operator(connection: Connection, email: str) -> UUID | None:
    """The operator who has this address, unless they were disabled."""
    cursor = await connection.execute(
        "SELECT id FROM operators WHERE email = %s AND disabled_at IS NULL", [email]
    )
    row = await cursor.fetchone()
    return None if row is None else UUID(str(row[0]))


async def list_emails(connection: Connection, operator_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The addresses of these operators."""
    cursor = await connection.execute(
        "SELECT id, email FROM operators WHERE id = ANY(%s)", [list(operator_ids)]
    )
    return {UUID(str(row[0])): str(row[1]) for row in await cursor.fetchall()}


async def set_password(connection: Connection, operator_id: UUID, password_hash: str) -> None:
    """Put another password in place; links to choose one stop."""
    await connection.execute("DELETE FROM password_resets WHERE operator_id = %s", [operator_id])
    await connection.execute(
        "UPDATE operators SET password_hash = %s WHERE id = %s", [password_hash, operator_id]
    )


async def switch_operator(connection: Connection, operator_id: UUID, *, enabled: bool) -> bool:
    """Whether it changed anything."""
    cursor = await connection.execute(
        "UPDATE operators SET disabled_at = NULL, enabled_at = statement_timestamp()"
        " WHERE id = %s AND disabled_at IS NOT NULL"
        if enabled
        else "UPDATE operators SET disabled_at = now() WHERE id = %s AND disabled_at IS NULL",
        [operator_id],
    )
    return cursor.rowcount == 1


async def some_operators(connection: Connection, limit: int) -> list[str]:
    """The addresses of the first few."""
    cursor = await connection.execute(
        "SELECT email FROM operators ORDER BY created_at, id LIMIT %s", [limit]
    )
    return [str(row[0]) for row in await cursor.fetchall()]


async def forget_secret_keys(connection: Connection, current: str) -> None:
    """Forget the keys, but the current one, that nothing stored names. Across businesses."""
    for key_id in set(await known_secret_keys(connection)) - {current}:
        if not await _names_key(connection, key_id):
            await connection.execute("DELETE FROM secret_keys WHERE key_id = %s", [key_id])


_NAMES_KEY = (
    "SELECT FROM payout_users WHERE hash_key_id = %s LIMIT 1",
    "SELECT FROM gift_cards WHERE key_id = %s LIMIT 1",
    "SELECT FROM webhook_settings WHERE key_id = %s LIMIT 1",
    "SELECT FROM rail_accounts WHERE key_id = %s LIMIT 1",
    "SELECT FROM authenticator_apps WHERE key_id = %s LIMIT 1",
    "SELECT FROM bank_accounts WHERE key_id = %s LIMIT 1",
    "SELECT FROM bank_files WHERE key_id = %s LIMIT 1",
)


async def _names_key(connection: Connection, key_id: str) -> bool:
    """Whether anything stored names the key."""
    for statement in _NAMES_KEY:
        cursor = await connection.execute(statement, [key_id])
        if await cursor.fetchone() is not None:
            return True
    return False


async def count_users_of_key(connection: Connection, key_id: str) -> int:
    """How many payout users' hashes come from this key. Across businesses."""
    cursor = await connection.execute(
        "SELECT count(*) FROM payout_users WHERE hash_key_id = %s", [key_id]
    )
    row = await cursor.fetchone()
    return int(str(row[0])) if row else 0


async def list_operators(connection: Connection) -> list[Operator]:
    async with connection.cursor(row_factory=class_row(Operator)) as cursor:
        await cursor.execute(
            "SELECT id, email, is_admin, created_at, seen_at, disabled_at FROM operators"
            " ORDER BY email"
        )
        return await cursor.fetchall()


@dataclass(frozen=True, slots=True)
class StoredHash:
    """What is stored of a payout user's hash, and what it is derived from besides the key."""

    user_id: UUID
    hash_code: str
    key_id: str
    generation: int
    digest: bytes = field(repr=False)


async def stored_hashes(connection: Connection, business_id: UUID) -> AsyncIterator[StoredHash]:
    """Every payout user's of a business, in a transaction."""
    async with connection.cursor("hashes", row_factory=class_row(StoredHash)) as cursor:
        cursor.itersize = 2_000
        await cursor.execute(
            "SELECT u.id AS user_id, b.hash_code, u.hash_key_id AS key_id,"
            " u.hash_generation AS generation, u.hash_digest AS digest"
            " FROM payout_users u JOIN businesses b ON b.id = u.business_id"
            " WHERE u.business_id = %s",
            [business_id],
        )
        async for row in cursor:
            yield row
