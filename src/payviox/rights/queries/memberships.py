"""Who belongs to which organization."""

from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from payviox.db.pool import Connection


@dataclass(frozen=True, slots=True)
class Standing:
    """What an operator is to one business: its organization's member, the installation's admin, or
    neither."""

    is_admin: bool
    role: str | None


async def find_standing(
    connection: Connection, operator_id: UUID, business_id: UUID
) -> Standing | None:
    """None where there is no such operator or no such business."""
    async with connection.cursor(row_factory=class_row(Standing)) as cursor:
        await cursor.execute(
            "SELECT o.is_admin, m.role FROM operators o CROSS JOIN businesses b"
            " LEFT JOIN memberships m"
            " ON m.organization_id = b.organization_id AND m.operator_id = o.id"
            " WHERE o.id = %s AND b.id = %s",
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
        " ON CONFLICT (organization_id, operator_id) DO UPDATE SET role = excluded.role",
        [operator_id, role, business_id],
    )
    return cursor.rowcount == 1
