"""The SQL of links to choose a password with."""

from uuid import UUID

from payviox.db.pool import Connection


async def put(connection: Connection, digest: bytes, operator_id: UUID, lasts_s: int) -> None:
    """Let this link open for so many seconds from now."""
    await connection.execute(
        "INSERT INTO password_resets (digest, operator_id, expires_at)"
        " VALUES (%(digest)s, %(operator)s, now() + make_interval(secs => %(lasts)s))"
        " ON CONFLICT (digest) DO UPDATE SET expires_at = excluded.expires_at",
        {"digest": digest, "operator": operator_id, "lasts": lasts_s},
    )


async def find_email(connection: Connection, digest: bytes) -> str | None:
    """Whose password a link that opens is for."""
    cursor = await connection.execute(
        "SELECT o.email FROM password_resets r JOIN operators o ON o.id = r.operator_id"
        " WHERE r.digest = %s AND r.expires_at > now() AND o.disabled_at IS NULL",
        [digest],
    )
    row = await cursor.fetchone()
    return None if row is None else str(row[0])


async def use_up(connection: Connection, digest: bytes) -> str | None:
    """Use the link up, with every other of the same operator; answers their address."""
    cursor = await connection.execute(
        "WITH used AS (DELETE FROM password_resets WHERE digest = %s AND expires_at > now()"
        "  RETURNING operator_id),"
        " others AS (DELETE FROM password_resets r USING used"
        "  WHERE r.operator_id = used.operator_id AND r.digest <> %s)"
        " SELECT o.email FROM operators o JOIN used ON used.operator_id = o.id"
        " WHERE o.disabled_at IS NULL",
        [digest, digest],
    )
    row = await cursor.fetchone()
    return None if row is None else str(row[0])


async def delete_every(connection: Connection) -> None:
    await connection.execute("DELETE FROM password_resets")


async def delete_expired(connection: Connection) -> int:
    cursor = await connection.execute("DELETE FROM password_resets WHERE expires_at < now()")
    return cursor.rowcount
