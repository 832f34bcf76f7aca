"""The SQL of invitations."""

from uuid import UUID

from psycopg.rows import class_row

from payviox.access.model import Invitation
from payviox.actors import Actor
from payviox.db.pool import Connection
from payviox.rights.roles import Role

OPEN = (
    "SELECT i.organization_id, g.name AS organization, i.id, i.email, i.role, i.invited_by,"
    " i.number, i.is_mailed, i.created_at, i.expires_at, i.expires_at <= now() AS is_expired"
    " FROM invitations i JOIN organizations g ON g.id = i.organization_id WHERE i.ended IS NULL"
)


async def put(
    connection: Connection,
    organization_id: UUID,
    invitation_id: UUID,
    email: str,
    role: Role,
    invited_by: Actor,
    lasts_s: int,
) -> None:
    """Invite somebody, or renew their open invitation: its earlier links stop."""
    await connection.execute(
        "INSERT INTO invitations (organization_id, id, email, role, invited_by, expires_at)"
        " VALUES (%(organization)s, %(id)s, %(email)s, %(role)s, %(by)s,"
        "  now() + make_interval(secs => %(lasts)s))"
        " ON CONFLICT (organization_id, email) WHERE ended IS NULL DO UPDATE"
        " SET role = excluded.role, invited_by = excluded.invited_by, digest = NULL,"
        "  number = invitations.number + 1, expires_at = excluded.expires_at",
        {
            "organization": organization_id,
            "id": invitation_id,
            "email": email,
            "role": role,
            "by": invited_by,
            "lasts": lasts_s,
        },
    )


async def find_by_email(
    connection: Connection, organization_id: UUID, email: str
) -> Invitation | None:
    async with connection.cursor(row_factory=class_row(Invitation)) as cursor:
        await cursor.execute(
            f"{OPEN} AND i.organization_id = %s AND i.email = %s", [organization_id, email]
        )
        return await cursor.fetchone()


async def find(
    connection: Connection, organization_id: UUID, invitation_id: UUID
) -> Invitation | None:
    async with connection.cursor(row_factory=class_row(Invitation)) as cursor:
        await cursor.execute(
            f"{OPEN} AND i.organization_id = %s AND i.id = %s", [organization_id, invitation_id]
        )
        return await cursor.fetchone()


async def find_by_digest(
    connection: Connection, digest: bytes, *, lock: bool = False
) -> Invitation | None:
    """The open invitation that a link opens, unless it has expired or who sent it was disabled."""
    async with connection.cursor(row_factory=class_row(Invitation)) as cursor:
        await cursor.execute(
            f"{OPEN} AND i.digest = %s AND i.expires_at > now()"
            " AND NOT EXISTS (SELECT FROM operators o WHERE i.invited_by = 'operator:op_' || o.id"
            "   AND o.disabled_at IS NOT NULL)" + (" FOR UPDATE OF i" if lock else ""),
            [digest],
        )
        return await cursor.fetchone()


async def list_open(connection: Connection, organization_id: UUID) -> list[Invitation]:
    """The newest first, expired ones too."""
    async with connection.cursor(row_factory=class_row(Invitation)) as cursor:
        await cursor.execute(
            f"{OPEN} AND i.organization_id = %s ORDER BY i.id DESC", [organization_id]
        )
        return await cursor.fetchall()


async def set_digest(
    connection: Connection,
    organization_id: UUID,
    invitation_id: UUID,
    number: int,
    digest: bytes,
    *,
    is_mailed: bool,
) -> bool:
    """Let this link open the invitation; False where it has ended or has another link by now."""
    cursor = await connection.execute(
        "UPDATE invitations SET digest = %s, is_mailed = %s WHERE organization_id = %s AND id = %s"
        " AND number = %s AND ended IS NULL AND expires_at > now()",
        [digest, is_mailed, organization_id, invitation_id, number],
    )
    return cursor.rowcount == 1


async def end(
    connection: Connection, organization_id: UUID, invitation_id: UUID, ended: str
) -> None:
    await connection.execute(
        "UPDATE invitations SET ended = %s, ended_at = now(), digest = NULL"
        " WHERE organization_id = %s AND id = %s AND ended IS NULL",
        [ended, organization_id, invitation_id],
    )
