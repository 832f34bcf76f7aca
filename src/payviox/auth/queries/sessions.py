"""The SQL of sessions, sign-ins that were started, and known devices. Times are the database's."""

from dataclasses import dataclass, field
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from payviox.auth.model import Device, OpenSession
from payviox.db.pool import Connection


@dataclass(frozen=True, slots=True)
class OperatorRow:
    id: UUID
    email: str
    password_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session that is open."""

    digest: bytes = field(repr=False)
    id: UUID
    operator_id: UUID
    email: str
    is_admin: bool
    is_fresh: bool
    """Whether its owner proved within the last minutes who they are."""
    has_second: bool
    """Whether a second factor is set up."""
    is_stale: bool
    """Whether `seen_at` is worth renewing."""


class StartedRow(msgspec.Struct, frozen=True):
    """Somebody who showed one factor and still has to show another."""

    operator_id: UUID
    email: str
    method: str


async def find_operator(connection: Connection, email: str) -> OperatorRow | None:
    async with connection.cursor(row_factory=class_row(OperatorRow)) as cursor:
        await cursor.execute(
            "SELECT id, email, password_hash FROM operators"
            " WHERE email = %s AND disabled_at IS NULL",
            [email],
        )
        return await cursor.fetchone()


async def hold_password(connection: Connection, operator: OperatorRow) -> bool:
    """Whether this is still the operator's password; it stays so until the transaction ends."""
    cursor = await connection.execute(
        "SELECT 1 FROM operators WHERE id = %s AND password_hash = %s AND disabled_at IS NULL"
        " FOR SHARE",
        [operator.id, operator.password_hash],
    )
    return await cursor.fetchone() is not None


async def insert_started(
    connection: Connection, digest: bytes, operator_id: UUID, method: str
) -> None:
    await connection.execute(
        "INSERT INTO started_sign_ins (digest, operator_id, method) VALUES (%s, %s, %s)",
        [digest, operator_id, method],
    )


_STARTED_HOLDS = (
    "o.disabled_at IS NULL AND s.digest = %s AND s.created_at > now() - make_interval(secs => %s)"
)


async def find_started(connection: Connection, digest: bytes, longest_s: int) -> StartedRow | None:
    """The sign-in that was started, unless too long ago."""
    async with connection.cursor(row_factory=class_row(StartedRow)) as cursor:
        await cursor.execute(
            "SELECT s.operator_id, o.email, s.method FROM started_sign_ins s"  # noqa: S608  # a constant
            f" JOIN operators o ON o.id = s.operator_id WHERE {_STARTED_HOLDS}",
            [digest, longest_s],
        )
        return await cursor.fetchone()


async def take_started(connection: Connection, digest: bytes, longest_s: int) -> StartedRow | None:
    """The same, used up."""
    async with connection.cursor(row_factory=class_row(StartedRow)) as cursor:
        await cursor.execute(
            "DELETE FROM started_sign_ins s USING operators o"  # noqa: S608  # a constant
            f" WHERE o.id = s.operator_id AND {_STARTED_HOLDS}"
            " RETURNING s.operator_id, o.email, s.method",
            [digest, longest_s],
        )
        return await cursor.fetchone()


async def insert_session(
    connection: Connection,
    session_id: UUID,
    digest: bytes,
    operator_id: UUID,
    method: str,
    place: str | None,
    agent: str | None,
) -> None:
    await connection.execute(
        "INSERT INTO sessions (id, digest, operator_id, method, place, agent)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        [session_id, digest, operator_id, method, place, agent],
    )
    await connection.execute("UPDATE operators SET seen_at = now() WHERE id = %s", [operator_id])


async def find_session(
    connection: Connection, digest: bytes, idle_s: int, longest_s: int, fresh_s: int
) -> SessionRow | None:
    """The session, unless it was idle or lasted for too long."""
    async with connection.cursor(row_factory=class_row(SessionRow)) as cursor:
        await cursor.execute(
            "SELECT s.digest, s.id, s.operator_id, o.email, o.is_admin,"
            " s.proved_at > now() - make_interval(secs => %(fresh)s) AS is_fresh,"
            " EXISTS (SELECT FROM authenticator_apps a"
            " WHERE a.operator_id = o.id AND a.confirmed_at IS NOT NULL)"
            " OR EXISTS (SELECT FROM passkeys p WHERE p.operator_id = o.id) AS has_second,"
            " s.seen_at < now() - interval '1 minute' AS is_stale"
            " FROM sessions s JOIN operators o ON o.id = s.operator_id AND o.disabled_at IS NULL"
            " WHERE s.digest = %(digest)s AND s.seen_at > now() - make_interval(secs => %(idle)s)"
            " AND s.created_at > now() - make_interval(secs => %(longest)s)",
            {"digest": digest, "idle": idle_s, "longest": longest_s, "fresh": fresh_s},
        )
        return await cursor.fetchone()


async def list_open(
    connection: Connection, operator_id: UUID, idle_s: int, longest_s: int
) -> list[OpenSession]:
    """An operator's sessions, the last seen first."""
    async with connection.cursor(row_factory=class_row(OpenSession)) as cursor:
        await cursor.execute(
            "SELECT id, method, place, agent, created_at, seen_at FROM sessions"
            " WHERE operator_id = %s AND seen_at > now() - make_interval(secs => %s)"
            " AND created_at > now() - make_interval(secs => %s)"
            " ORDER BY seen_at DESC, id LIMIT 100",
            [operator_id, idle_s, longest_s],
        )
        return await cursor.fetchall()


async def open_sessions(
    connection: Connection, digests: list[bytes], idle_s: int, longest_s: int
) -> set[bytes]:
    """Which of these sessions are open."""
    cursor = await connection.execute(
        "SELECT digest FROM sessions WHERE digest = ANY(%s)"
        " AND seen_at > now() - make_interval(secs => %s)"
        " AND created_at > now() - make_interval(secs => %s)",
        [digests, idle_s, longest_s],
    )
    return {row[0] for row in await cursor.fetchall()}  # type: ignore[misc]  # bytea


async def touch_session(connection: Connection, digest: bytes) -> None:
    await connection.execute(
        "WITH touched AS"
        " (UPDATE sessions SET seen_at = now() WHERE digest = %s RETURNING operator_id)"
        " UPDATE operators SET seen_at = now() FROM touched WHERE id = touched.operator_id",
        [digest],
    )


async def renew_session(connection: Connection, digest: bytes, fresh: bytes, method: str) -> bool:
    """Put another token in place of a session's, proved just now; False where it has ended."""
    cursor = await connection.execute(
        "UPDATE sessions SET digest = %s, method = %s, proved_at = now(), seen_at = now()"
        " WHERE digest = %s",
        [fresh, method, digest],
    )
    return cursor.rowcount == 1


async def delete_session(connection: Connection, digest: bytes) -> None:
    await connection.execute("DELETE FROM sessions WHERE digest = %s", [digest])


async def delete_one(connection: Connection, operator_id: UUID, session_id: UUID) -> bool:
    cursor = await connection.execute(
        "DELETE FROM sessions WHERE operator_id = %s AND id = %s", [operator_id, session_id]
    )
    return cursor.rowcount == 1


async def delete_others(connection: Connection, operator_id: UUID, session_id: UUID) -> int:
    """Every session of an operator but one, and every sign-in that was started."""
    await connection.execute("DELETE FROM started_sign_ins WHERE operator_id = %s", [operator_id])
    cursor = await connection.execute(
        "DELETE FROM sessions WHERE operator_id = %s AND id <> %s", [operator_id, session_id]
    )
    return cursor.rowcount


async def delete_of(connection: Connection, operator_id: UUID) -> None:
    """Every session and every known device of an operator. What was started goes first: who holds
    such a row may open a session until then."""
    await connection.execute("DELETE FROM started_sign_ins WHERE operator_id = %s", [operator_id])
    await connection.execute("DELETE FROM sessions WHERE operator_id = %s", [operator_id])
    await connection.execute("DELETE FROM known_devices WHERE operator_id = %s", [operator_id])


async def count_open(connection: Connection, idle_s: int, longest_s: int) -> int:
    """Everybody's sessions that are open."""
    cursor = await connection.execute(
        "SELECT count(*) FROM sessions WHERE seen_at > now() - make_interval(secs => %s)"
        " AND created_at > now() - make_interval(secs => %s)",
        [idle_s, longest_s],
    )
    row = await cursor.fetchone()
    return int(str(row[0])) if row else 0


async def delete_every(connection: Connection) -> int:
    """Every session and known device of everybody; answers how many sessions."""
    await connection.execute("DELETE FROM started_sign_ins")
    await connection.execute("DELETE FROM known_devices")
    return (await connection.execute("DELETE FROM sessions")).rowcount


async def delete_ended(
    connection: Connection, idle_s: int, longest_s: int, started_s: int, devices_days: int
) -> int:
    """Forget what is over by itself; answers how many sessions were."""
    await connection.execute(
        "DELETE FROM started_sign_ins WHERE created_at < now() - make_interval(secs => %s)",
        [started_s],
    )
    await connection.execute(
        "DELETE FROM known_devices WHERE seen_at < now() - make_interval(days => %s)",
        [devices_days],
    )
    cursor = await connection.execute(
        "DELETE FROM sessions WHERE seen_at < now() - make_interval(secs => %s)"
        " OR created_at < now() - make_interval(secs => %s)",
        [idle_s, longest_s],
    )
    return cursor.rowcount


async def find_device(
    connection: Connection, operator_id: UUID, digest: bytes, days: int
) -> UUID | None:
    """The id of a browser in which this operator signed in within so many days."""
    cursor = await connection.execute(
        "SELECT id FROM known_devices WHERE digest = %s AND operator_id = %s"
        " AND seen_at > now() - make_interval(days => %s)",
        [digest, operator_id, days],
    )
    row = await cursor.fetchone()
    return None if row is None else UUID(str(row[0]))


async def insert_device(
    connection: Connection,
    device_id: UUID,
    digest: bytes,
    operator_id: UUID,
    place: str | None,
    agent: str | None,
) -> None:
    await connection.execute(
        "INSERT INTO known_devices (id, digest, operator_id, place, agent)"
        " VALUES (%s, %s, %s, %s, %s)",
        [device_id, digest, operator_id, place, agent],
    )


async def touch_device(
    connection: Connection, device_id: UUID, place: str | None, agent: str | None
) -> None:
    await connection.execute(
        "UPDATE known_devices SET seen_at = now(), place = %s, agent = %s WHERE id = %s",
        [place, agent, device_id],
    )


async def list_devices(connection: Connection, operator_id: UUID, days: int) -> list[Device]:
    """The browsers in which an operator signed in, the last seen first."""
    async with connection.cursor(row_factory=class_row(Device)) as cursor:
        await cursor.execute(
            "SELECT id, place, agent, created_at, seen_at FROM known_devices"
            " WHERE operator_id = %s AND seen_at > now() - make_interval(days => %s)"
            " ORDER BY seen_at DESC, id LIMIT 100",
            [operator_id, days],
        )
        return await cursor.fetchall()


async def delete_device(connection: Connection, operator_id: UUID, device_id: UUID) -> bool:
    cursor = await connection.execute(
        "DELETE FROM known_devices WHERE operator_id = %s AND id = %s", [operator_id, device_id]
    )
    return cursor.rowcount == 1
