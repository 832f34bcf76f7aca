"""The SQL of second factors: authenticator apps, recovery codes, passkeys and their challenges."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast
from uuid import UUID

from psycopg.rows import class_row

from payviox.auth.model import Passkey
from payviox.db.pool import Connection


@dataclass(frozen=True, slots=True)
class AppRow:
    """An authenticator app's secret, encrypted; `clock` is the database's, in seconds."""

    operator_id: UUID
    secret: bytes = field(repr=False)
    key_id: str
    last_step: int
    confirmed_at: datetime | None
    clock: int


@dataclass(frozen=True, slots=True)
class PasskeyRow:
    id: UUID
    operator_id: UUID
    email: str
    credential_id: bytes
    public_key: bytes = field(repr=False)
    sign_count: int


_APP = (
    "SELECT operator_id, secret, key_id, last_step, confirmed_at,"
    " extract(epoch FROM clock_timestamp())::bigint AS clock FROM authenticator_apps"
)


async def put_app(connection: Connection, operator_id: UUID, secret: bytes, key_id: str) -> bool:
    """Keep the secret of an app that is not confirmed yet; False where one is."""
    cursor = await connection.execute(
        "INSERT INTO authenticator_apps AS a (operator_id, secret, key_id) VALUES (%s, %s, %s)"
        " ON CONFLICT (operator_id) DO UPDATE SET secret = excluded.secret,"
        " key_id = excluded.key_id WHERE a.confirmed_at IS NULL",
        [operator_id, secret, key_id],
    )
    return cursor.rowcount == 1


async def find_app(connection: Connection, operator_id: UUID) -> AppRow | None:
    async with connection.cursor(row_factory=class_row(AppRow)) as cursor:
        await cursor.execute(f"{_APP} WHERE operator_id = %s", [operator_id])
        return await cursor.fetchone()


async def lock_other_apps(connection: Connection, key_id: str, limit: int) -> list[AppRow]:
    """Apps whose secrets another key encrypted, held until the transaction ends."""
    async with connection.cursor(row_factory=class_row(AppRow)) as cursor:
        await cursor.execute(
            f"{_APP} WHERE key_id <> %s ORDER BY operator_id LIMIT %s FOR UPDATE", [key_id, limit]
        )
        return await cursor.fetchall()


async def reseal_app(connection: Connection, operator_id: UUID, secret: bytes, key_id: str) -> None:
    await connection.execute(
        "UPDATE authenticator_apps SET secret = %s, key_id = %s WHERE operator_id = %s",
        [secret, key_id, operator_id],
    )


async def use_step(
    connection: Connection, operator_id: UUID, step: int, *, is_confirmed: bool
) -> bool:
    """Use a time step up; False where it, or a later one, was used before. The first one confirms
    the app."""
    cursor = await connection.execute(
        "UPDATE authenticator_apps SET last_step = %(step)s,"
        " confirmed_at = least(confirmed_at, now())"
        " WHERE operator_id = %(operator)s AND last_step < %(step)s"
        " AND (confirmed_at IS NOT NULL) = %(confirmed)s",
        {"step": step, "operator": operator_id, "confirmed": is_confirmed},
    )
    return cursor.rowcount == 1


async def delete_app(connection: Connection, operator_id: UUID) -> bool:
    cursor = await connection.execute(
        "DELETE FROM authenticator_apps WHERE operator_id = %s", [operator_id]
    )
    return cursor.rowcount == 1


async def replace_recovery_codes(
    connection: Connection, operator_id: UUID, digests: Sequence[bytes]
) -> None:
    await connection.execute("DELETE FROM recovery_codes WHERE operator_id = %s", [operator_id])
    await connection.execute(
        "INSERT INTO recovery_codes (operator_id, digest) SELECT %s, unnest(%s::bytea[])",
        [operator_id, list(digests)],
    )


async def use_recovery_code(connection: Connection, operator_id: UUID, digest: bytes) -> bool:
    cursor = await connection.execute(
        "UPDATE recovery_codes SET used_at = now()"
        " WHERE operator_id = %s AND digest = %s AND used_at IS NULL",
        [operator_id, digest],
    )
    return cursor.rowcount == 1


async def count_recovery_codes(connection: Connection, operator_id: UUID) -> int:
    """How many of them were not used."""
    cursor = await connection.execute(
        "SELECT count(*) FROM recovery_codes WHERE operator_id = %s AND used_at IS NULL",
        [operator_id],
    )
    row = await cursor.fetchone()
    return int(str(row[0])) if row else 0


async def list_passkeys(connection: Connection, operator_id: UUID) -> list[Passkey]:
    async with connection.cursor(row_factory=class_row(Passkey)) as cursor:
        await cursor.execute(
            "SELECT id, name, created_at, used_at FROM passkeys WHERE operator_id = %s"
            " ORDER BY created_at, id",
            [operator_id],
        )
        return await cursor.fetchall()


async def list_credentials(connection: Connection, operator_id: UUID) -> list[bytes]:
    cursor = await connection.execute(
        "SELECT credential_id FROM passkeys WHERE operator_id = %s", [operator_id]
    )
    return [cast("bytes", row[0]) for row in await cursor.fetchall()]


async def lock_passkey(connection: Connection, credential_id: bytes) -> PasskeyRow | None:
    async with connection.cursor(row_factory=class_row(PasskeyRow)) as cursor:
        await cursor.execute(
            "SELECT p.id, p.operator_id, o.email, p.credential_id, p.public_key, p.sign_count"
            " FROM passkeys p JOIN operators o ON o.id = p.operator_id AND o.disabled_at IS NULL"
            " WHERE p.credential_id = %s FOR UPDATE OF p",
            [credential_id],
        )
        return await cursor.fetchone()


async def insert_passkey(
    connection: Connection,
    passkey_id: UUID,
    operator_id: UUID,
    name: str,
    credential_id: bytes,
    public_key: bytes,
    sign_count: int,
) -> bool:
    """False where the passkey is somebody's already."""
    cursor = await connection.execute(
        "INSERT INTO passkeys (id, operator_id, name, credential_id, public_key, sign_count)"
        " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (credential_id) DO NOTHING",
        [passkey_id, operator_id, name, credential_id, public_key, sign_count],
    )
    return cursor.rowcount == 1


async def touch_passkey(connection: Connection, passkey_id: UUID, sign_count: int) -> None:
    await connection.execute(
        "UPDATE passkeys SET sign_count = %s, used_at = now() WHERE id = %s",
        [sign_count, passkey_id],
    )


async def delete_passkey(connection: Connection, operator_id: UUID, passkey_id: UUID) -> str | None:
    """The name of the passkey that is gone now; None where there was none."""
    cursor = await connection.execute(
        "DELETE FROM passkeys WHERE operator_id = %s AND id = %s RETURNING name",
        [operator_id, passkey_id],
    )
    row = await cursor.fetchone()
    return None if row is None else str(row[0])


async def delete_all(connection: Connection, operator_id: UUID) -> None:
    """Every second factor of an operator."""
    for table in ("authenticator_apps", "recovery_codes", "passkeys"):
        await connection.execute(
            f"DELETE FROM {table} WHERE operator_id = %s",  # noqa: S608  # a constant
            [operator_id],
        )


async def delete_recovery_codes(connection: Connection, operator_id: UUID) -> None:
    await connection.execute("DELETE FROM recovery_codes WHERE operator_id = %s", [operator_id])


async def lock_operator(connection: Connection, operator_id: UUID) -> None:
    """One at a time changes an operator's factors."""
    await connection.execute(
        "SELECT 1 FROM operators WHERE id = %s FOR NO KEY UPDATE", [operator_id]
    )


async def insert_challenge(
    connection: Connection, digest: bytes, purpose: str, operator_id: UUID | None
) -> None:
    await connection.execute(
        "INSERT INTO passkey_challenges (digest, purpose, operator_id) VALUES (%s, %s, %s)",
        [digest, purpose, operator_id],
    )


async def take_challenge(
    connection: Connection,
    digest: bytes,
    purpose: str,
    operator_id: UUID | None,
    longest_s: int,
) -> bool:
    """Use a challenge up; False where there is none like it, or it is too old."""
    cursor = await connection.execute(
        "DELETE FROM passkey_challenges WHERE digest = %s AND purpose = %s"
        " AND operator_id IS NOT DISTINCT FROM %s"
        " AND created_at > now() - make_interval(secs => %s)",
        [digest, purpose, operator_id, longest_s],
    )
    return cursor.rowcount == 1


async def delete_old_challenges(connection: Connection, longest_s: int) -> None:
    await connection.execute(
        "DELETE FROM passkey_challenges WHERE created_at < now() - make_interval(secs => %s)",
        [longest_s],
    )
