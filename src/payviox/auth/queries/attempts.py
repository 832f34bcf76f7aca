"""The SQL of attempts that are counted: at passwords, codes, proofs. Times are the database's."""

from collections.abc import Sequence

from payviox.db.pool import Connection

FORGOTTEN_S = 24 * 3600
"""Attempts older than this are deleted."""


async def count(connection: Connection, subject: bytes, window_s: int) -> int:
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


async def insert(connection: Connection, subject: bytes) -> None:
    await connection.execute("INSERT INTO sign_in_attempts (subject) VALUES (%s)", [subject])


async def forget(connection: Connection, subjects: Sequence[bytes]) -> None:
    await connection.execute(
        "DELETE FROM sign_in_attempts WHERE subject = ANY(%s)", [list(subjects)]
    )


async def delete_old(connection: Connection) -> None:
    await connection.execute(
        "DELETE FROM sign_in_attempts WHERE tried_at < now() - make_interval(secs => %s)",
        [FORGOTTEN_S],
    )
