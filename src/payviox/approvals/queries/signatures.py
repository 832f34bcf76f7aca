"""The SQL of signatures."""

from collections.abc import Mapping
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from payviox.approvals.model import Signature
from payviox.db.pool import Connection
from payviox.rights.queries.memberships import PEOPLE, SINCE
from payviox.rights.roles import Right, who_may

COLUMNS = "s.id, s.act, s.subject, s.digest, s.typed, s.operator_id, s.created_at"
UNUSED = (
    "s.completes IS NULL AND NOT EXISTS (SELECT FROM signatures c"
    " WHERE c.business_id = s.business_id AND c.completes = s.id)"
)
"""A first signature that no second one has completed, and that was not taken back."""


COUNTS: LiteralString = (
    "p.id = s.operator_id AND b.id = s.business_id AND p.disabled_at IS NULL"  # noqa: S608  # a constant
    f" AND {SINCE} <= s.created_at AND (s.act, CASE WHEN p.is_admin THEN 'owner' ELSE m.role END)"
    " IN (SELECT * FROM unnest(%(acts)s::text[], %(roles)s::text[]))"
)
"""Of PEOPLE, a signature s whose owner may do the act still, and has been allowed to ever since;
`acts` and `roles` are of `roles.who_may`."""


async def insert(
    connection: Connection,
    business_id: UUID,
    act: str,
    subject: UUID,
    digest: bytes,
    operator_id: UUID,
    completes: int | None,
    typed: Mapping[str, object] | None = None,
) -> None:
    typed = {} if typed is None else dict(typed)
    await connection.execute(
        "INSERT INTO signatures (business_id, act, subject, digest, operator_id, completes, typed)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [business_id, act, subject, digest, operator_id, completes, Jsonb(typed)],
    )


async def lock_subject(connection: Connection, business_id: UUID, subject: UUID) -> None:
    """Of several who sign for one subject at once, one goes first."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('signatures ' || %s || %s, 0))",
        [str(business_id), str(subject)],
    )


async def has_signed(
    connection: Connection, business_id: UUID, subject: UUID, operator_id: UUID
) -> bool:
    """Whether this operator ever signed for a subject, also where they took that back."""
    cursor = await connection.execute(
        "SELECT FROM signatures WHERE business_id = %s AND subject = %s AND operator_id = %s"
        " LIMIT 1",
        [business_id, subject, operator_id],
    )
    return await cursor.fetchone() is not None


async def list_unused(
    connection: Connection, business_id: UUID, subject: UUID, act: str | None = None
) -> list[Signature]:
    """First signatures for a subject, and one act where it is named, oldest first."""
    async with connection.cursor(row_factory=class_row(Signature)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS} FROM signatures s WHERE s.business_id = %(business)s"  # noqa: S608  # constants
            " AND s.subject = %(subject)s AND (%(act)s::text IS NULL OR s.act = %(act)s)"
            f" AND {UNUSED} ORDER BY s.id",
            {"business": business_id, "subject": subject, "act": act},
        )
        return await cursor.fetchall()


async def list_counting(
    connection: Connection, business_id: UUID, subject: UUID, act: Right
) -> list[Signature]:
    """First signatures for an act on a subject that count still, oldest first."""
    acts, roles = who_may(act)
    async with connection.cursor(row_factory=class_row(Signature)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS} FROM signatures s CROSS JOIN {PEOPLE}"  # noqa: S608  # constants
            " WHERE s.business_id = %(business)s AND s.subject = %(subject)s AND s.act = %(act)s"
            f" AND {UNUSED} AND {COUNTS}"
            " ORDER BY s.id",
            {
                "business": business_id,
                "subject": subject,
                "act": act,
                "acts": acts,
                "roles": roles,
            },
        )
        return await cursor.fetchall()
