"""Who belongs to which organization."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from payviox.db.pool import Connection


class Standing(msgspec.Struct, frozen=True):
    """What an operator is to one business: its organization's member, the installation's admin, or
    neither; and since when without a break."""

    is_admin: bool
    role: str | None
    since: datetime


class Member(msgspec.Struct, frozen=True):
    """An operator of an organization: whether their address is theirs for sure, since when, when
    they were last seen signed in, and what they prove themselves with besides a password."""

    operator_id: UUID
    email: str
    role: str
    is_disabled: bool
    is_verified: bool
    since: datetime
    seen_at: datetime | None
    has_app: bool
    passkeys: int
    has_provider: bool


SINCE: LiteralString = (
    "greatest(p.enabled_at, CASE WHEN p.is_admin THEN p.created_at"
    " ELSE coalesce(m.role_since, p.created_at) END)"
)
PEOPLE: LiteralString = (
    "operators p CROSS JOIN businesses b LEFT JOIN memberships m"
    " ON m.organization_id = b.organization_id AND m.operator_id = p.id"
)
STANDING: LiteralString = "FROM " + PEOPLE + " WHERE p.disabled_at IS NULL"
"""What an operator p, who is not disabled, is to a business b: see Standing."""


async def find_standing(
    connection: Connection, operator_id: UUID, business_id: UUID
) -> Standing | None:
    """None where there is no such operator, or one who was disabled, or no such business."""
    async with connection.cursor(row_factory=class_row(Standing)) as cursor:
        await cursor.execute(
            f"SELECT p.is_admin, m.role, {SINCE} AS since {STANDING}"  # constants
            " AND p.id = %s AND b.id = %s",
            [operator_id, business_id],
        )
        return await cursor.fetchone()


async def list_organizations(connection: Connection, operator_id: UUID) -> list[UUID] | None:
    """The organizations of an operator; None for an admin, who sees all."""
    cursor = await connection.execute("SELECT is_admin FROM operators WHERE id = %s", [operator_id])
    row = await cursor.fetchone()
    if row is not None and row[0]:
        return None
    cursor = await connection.execute(
        "SELECT organization_id FROM memberships WHERE operator_id = %s", [operator_id]
    )
    return [UUID(str(row[0])) for row in await cursor.fetchall()]


async def find_role(connection: Connection, business_id: UUID, operator_id: UUID) -> str | None:
    """The role at a business's organization, held until the transaction ends."""
    cursor = await connection.execute(
        "SELECT m.role FROM memberships m"
        " JOIN businesses b ON b.organization_id = m.organization_id"
        " WHERE b.id = %s AND m.operator_id = %s FOR UPDATE OF m",
        [business_id, operator_id],
    )
    row = await cursor.fetchone()
    return None if row is None else str(row[0])


async def put(connection: Connection, business_id: UUID, operator_id: UUID, role: str) -> bool:
    """Give an operator this role at a business's organization; False where there is no such
    business."""
    cursor = await connection.execute(
        "INSERT INTO memberships (organization_id, operator_id, role)"
        " SELECT organization_id, %s, %s FROM businesses WHERE id = %s"
        " ON CONFLICT (organization_id, operator_id) DO UPDATE SET role = excluded.role,"
        "  role_since = CASE WHEN memberships.role = excluded.role THEN memberships.role_since"
        "    ELSE excluded.role_since END",
        [operator_id, role, business_id],
    )
    return cursor.rowcount == 1


async def who_may_look(
    connection: Connection, pairs: Sequence[tuple[UUID, UUID]]
) -> set[tuple[UUID, UUID]]:
    """Those of these pairs of an operator and a business of whom the first may look at the
    second."""
    cursor = await connection.execute(
        "SELECT w.operator_id, w.business_id"
        " FROM unnest(%s::uuid[], %s::uuid[]) AS w(operator_id, business_id)"
        " JOIN operators o ON o.id = w.operator_id AND o.disabled_at IS NULL"
        " JOIN businesses b ON b.id = w.business_id"
        " WHERE o.is_admin OR EXISTS (SELECT FROM memberships m"
        "   WHERE m.organization_id = b.organization_id AND m.operator_id = o.id)",
        [[operator_id for operator_id, _ in pairs], [business_id for _, business_id in pairs]],
    )
    return set(await cursor.fetchall())  # type: ignore[arg-type]  # pairs of uuids


async def list_members(connection: Connection, organization_id: UUID) -> list[Member]:
    """The members of an organization by their addresses."""
    async with connection.cursor(row_factory=class_row(Member)) as cursor:
        await cursor.execute(
            "SELECT o.id AS operator_id, o.email, m.role, o.disabled_at IS NOT NULL AS is_disabled,"
            " o.email_verified AS is_verified, m.created_at AS since, o.seen_at,"
            " EXISTS (SELECT FROM authenticator_apps a"
            "   WHERE a.operator_id = o.id AND a.confirmed_at IS NOT NULL) AS has_app,"
            " (SELECT count(*) FROM passkeys p WHERE p.operator_id = o.id) AS passkeys,"
            " EXISTS (SELECT FROM identities i WHERE i.operator_id = o.id) AS has_provider"
            " FROM memberships m JOIN operators o ON o.id = m.operator_id"
            " WHERE m.organization_id = %s ORDER BY o.email",
            [organization_id],
        )
        return await cursor.fetchall()


async def lock_members(connection: Connection, organization_id: UUID) -> None:
    """Nobody else changes who belongs to the organization until the transaction ends."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('members ' || %s, 0))",
        [str(organization_id)],
    )


async def remove(connection: Connection, organization_id: UUID, operator_id: UUID) -> None:
    await connection.execute(
        "DELETE FROM memberships WHERE organization_id = %s AND operator_id = %s",
        [organization_id, operator_id],
    )


async def list_roles(connection: Connection, operator_id: UUID) -> list[tuple[str, str]]:
    """The name and the role of each organization that an operator belongs to."""
    cursor = await connection.execute(
        "SELECT g.name, m.role FROM memberships m"
        " JOIN organizations g ON g.id = m.organization_id"
        " WHERE m.operator_id = %s ORDER BY g.name, g.id",
        [operator_id],
    )
    return [(str(row[0]), str(row[1])) for row in await cursor.fetchall()]
