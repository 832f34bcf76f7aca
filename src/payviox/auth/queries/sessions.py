"""The SQL of sessions, known devices and attempts to sign in. Times are the database's."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from payviox.db.pool import Connection

FORGOTTEN_S = 24 * 3600
"""Attempts older than this are deleted."""


@dataclass(frozen=True, slots=True)
class OperatorRow:
    id: UUID
    email: str
    password_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session that is open."""

    digest: bytes = field(repr=False)
    operator_id: UUID
    email: str
    is_admin: bool
    created_at: datetime
    seen_at: datetime
    is_stale: bool
    """Whether `seen_at` is worth renewing."""


async def find_operator(connection: Connection, email: str) -> OperatorRow | None:
    async with connection.cursor(row_factory=class_row(OperatorRow)) as cursor:
        await cursor.execute(
            "SELECT id, email, password_hash FROM operators"
            " WHERE email = %s AND disabled_at IS NULL",
            [email],
        )
        return await cursor.fetchone()


async def is_known_device(connection: Connection, operator_id: UUID, digest: bytes) -> bool:
    cursor = await connection.execute(
        "SELECT 1 FROM known_devices WHERE digest = %s AND operator_id = %s", [digest, operator_id]
    )
    return await cursor.fetchone() is not None


async def count_attempts(connection: Connection, subject: bytes, window_s: int) -> int:
    """How many there were within the window; nobody else counts this subject meanwhile."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [subject.hex()]
    )
    cursor = await connection.execute(
        "SELECT count(*) FROM sign_in_attempts"
        " WHERE subject = %s AND tried_at > now() - make_interval(secs => %s)",
        [subject, window_s],
    )
    row = await cursor.fetchone()
    return int(str(row[0])) if row else 0


async def insert_attempt(connection: Connection, subject: bytes) -> None:
    await connection.execute("INSERT INTO sign_in_attempts (subject) VALUES (%s)", [subject])


async def delete_old_attempts(connection: Connection) -> None:
    await connection.execute(
        "DELETE FROM sign_in_attempts WHERE tried_at < now() - make_interval(secs => %s)",
        [FORGOTTEN_S],
    )


async def hold_password(connection: Connection, operator: OperatorRow) -> bool:
    """Whether this is still the operator's password; it stays so until the transaction ends."""
    cursor = await connection.execute(
        "SELECT 1 FROM operators WHERE id = %s AND password_hash = %s AND disabled_at IS NULL"
        " FOR SHARE",
        [operator.id, operator.password_hash],
    )
    return await cursor.fetchone() is not None


async def forget_attempts(connection: Connection, subjects: list[bytes]) -> None:
    await connection.execute("DELETE FROM sign_in_attempts WHERE subject = ANY(%s)", [subjects])


async def insert_session(
    connection: Connection, digest: bytes, operator_id: UUID, place: str | None, agent: str | None
) -> None:
    await connection.execute(
        "INSERT INTO sessions (digest, operator_id, place, agent) VALUES (%s, %s, %s, %s)",
        [digest, operator_id, place, agent],
    )
    await connection.execute("UPDATE operators SET seen_at = now() WHERE id = %s", [operator_id])


async def insert_device(connection: Connection, digest: bytes, operator_id: UUID) -> None:
    await connection.execute(
        "INSERT INTO known_devices (digest, operator_id) VALUES (%s, %s)", [digest, operator_id]
    )


async def find_session(
    connection: Connection, digest: bytes, idle_s: int, longest_s: int
) -> SessionRow | None:
    """The session, unless it was idle or lasted for too long."""
    async with connection.cursor(row_factory=class_row(SessionRow)) as cursor:
        await cursor.execute(
            "SELECT s.digest, s.operator_id, o.email, o.is_admin, s.created_at, s.seen_at,"
            " s.seen_at < now() - interval '1 minute' AS is_stale"
            " FROM sessions s JOIN operators o ON o.id = s.operator_id AND o.disabled_at IS NULL"
            " WHERE s.digest = %s AND s.seen_at > now() - make_interval(secs => %s)"
            " AND s.created_at > now() - make_interval(secs => %s)",
            [digest, idle_s, longest_s],
        )
        return await cursor.fetchone()


async def touch_session(connection: Connection, digest: bytes) -> None:
    await connection.execute(
        "WITH touched AS"
        " (UPDATE sessions SET seen_at = now() WHERE digest = %s RETURNING operator_id)"
        " UPDATE operators SET seen_at = now() FROM touched WHERE id = touched.operator_id",
        [digest],
    )


async def delete_session(connection: Connection, digest: bytes) -> None:
    await connection.execute("DELETE FROM sessions WHERE digest = %s", [digest])


async def delete_of(connection: Connection, operator_id: UUID) -> None:
    """Every session and every known device of an operator."""
    await connection.execute("DELETE FROM sessions WHERE operator_id = %s", [operator_id])
    await connection.execute("DELETE FROM known_devices WHERE operator_id = %s", [operator_id])


async def delete_ended(connection: Connection, idle_s: int, longest_s: int) -> int:
    cursor = await connection.execute(
        "DELETE FROM sessions WHERE seen_at < now() - make_interval(secs => %s)"
        " OR created_at < now() - make_interval(secs => %s)",
        [idle_s, longest_s],
    )
    return cursor.rowcount
