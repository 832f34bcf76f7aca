"""The SQL of identities at OpenID providers, and of browsers that were sent there."""

from dataclasses import dataclass, field
from uuid import UUID

from psycopg.rows import class_row

from payviox.auth.model import Identity
from payviox.db.pool import Connection


@dataclass(frozen=True, slots=True)
class RequestRow:
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)
    onward: str
    operator_id: UUID | None = None


async def insert_request(connection: Connection, digest: bytes, request: RequestRow) -> None:
    await connection.execute(
        "INSERT INTO openid_requests (digest, nonce, code_verifier, onward, operator_id)"
        " VALUES (%s, %s, %s, %s, %s)",
        [digest, request.nonce, request.code_verifier, request.onward, request.operator_id],
    )


async def take_request(connection: Connection, digest: bytes, longest_s: int) -> RequestRow | None:
    """Use a request up; None where there is none like it, or it is too old."""
    async with connection.cursor(row_factory=class_row(RequestRow)) as cursor:
        await cursor.execute(
            "DELETE FROM openid_requests WHERE digest = %s"
            " AND created_at > now() - make_interval(secs => %s)"
            " RETURNING nonce, code_verifier, onward, operator_id",
            [digest, longest_s],
        )
        return await cursor.fetchone()


async def delete_old_requests(connection: Connection, longest_s: int) -> None:
    await connection.execute(
        "DELETE FROM openid_requests WHERE created_at < now() - make_interval(secs => %s)",
        [longest_s],
    )


async def find_owner(connection: Connection, issuer: str, subject: str) -> UUID | None:
    cursor = await connection.execute(
        "SELECT i.operator_id FROM identities i"
        " JOIN operators o ON o.id = i.operator_id AND o.disabled_at IS NULL"
        " WHERE i.issuer = %s AND i.subject = %s",
        [issuer, subject],
    )
    row = await cursor.fetchone()
    return None if row is None else UUID(str(row[0]))


async def insert_identity(
    connection: Connection, issuer: str, subject: str, operator_id: UUID
) -> bool:
    """False where the operator is somebody else there already, or somebody else is this one."""
    cursor = await connection.execute(
        "INSERT INTO identities (issuer, subject, operator_id) VALUES (%s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        [issuer, subject, operator_id],
    )
    return cursor.rowcount == 1


async def list_identities(connection: Connection, operator_id: UUID) -> list[Identity]:
    async with connection.cursor(row_factory=class_row(Identity)) as cursor:
        await cursor.execute(
            "SELECT issuer, subject, created_at FROM identities WHERE operator_id = %s"
            " ORDER BY issuer",
            [operator_id],
        )
        return await cursor.fetchall()


async def delete_identity(connection: Connection, operator_id: UUID, issuer: str) -> bool:
    cursor = await connection.execute(
        "DELETE FROM identities WHERE operator_id = %s AND issuer = %s", [operator_id, issuer]
    )
    return cursor.rowcount == 1


async def delete_all(connection: Connection, operator_id: UUID) -> None:
    """Every identity of an operator."""
    await connection.execute("DELETE FROM identities WHERE operator_id = %s", [operator_id])


async def keep_unlinked(connection: Connection, operator_id: UUID, issuer: str) -> None:
    """Remember that an operator took their identity there away."""
    await connection.execute(
        "INSERT INTO unlinked_issuers (operator_id, issuer) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        [operator_id, issuer],
    )


async def forget_unlinked(connection: Connection, operator_id: UUID, issuer: str) -> None:
    await connection.execute(
        "DELETE FROM unlinked_issuers WHERE operator_id = %s AND issuer = %s", [operator_id, issuer]
    )


async def was_unlinked(connection: Connection, operator_id: UUID, issuer: str) -> bool:
    cursor = await connection.execute(
        "SELECT FROM unlinked_issuers WHERE operator_id = %s AND issuer = %s", [operator_id, issuer]
    )
    return await cursor.fetchone() is not None
