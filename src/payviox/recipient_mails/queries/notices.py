"""Allocations that payout users are to be told of. The engine writes them."""

from uuid import UUID

import msgspec
from psycopg.rows import class_row

from payviox.db.pool import Connection


class Notice(msgspec.Struct, frozen=True):
    """What one payout user is told: `amount` is US cents, of every allocation collected."""

    id: UUID
    payout_user_id: UUID
    email: str
    amount: int


async def due_businesses(connection: Connection) -> list[UUID]:
    """Whose notices are due."""
    cursor = await connection.execute(
        "SELECT DISTINCT business_id FROM allocation_notices WHERE due_at <= now()"
    )
    return [UUID(str(row[0])) for row in await cursor.fetchall()]


async def take_due(
    connection: Connection, business_id: UUID, limit: int, *, early: bool
) -> list[Notice]:
    """Remove what is due, or, where it is `early`, everything. Whoever adds to one of these
    meanwhile waits and begins another."""
    async with connection.cursor(row_factory=class_row(Notice)) as cursor:
        await cursor.execute(
            "WITH due AS MATERIALIZED ("
            " SELECT payout_user_id FROM allocation_notices"
            " WHERE business_id = %(business)s AND (due_at <= now() OR %(early)s)"
            " ORDER BY due_at, payout_user_id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)"
            " DELETE FROM allocation_notices n USING due d, payout_users u"
            " WHERE n.business_id = %(business)s AND n.payout_user_id = d.payout_user_id"
            " AND u.business_id = %(business)s AND u.id = d.payout_user_id"
            " RETURNING n.id, n.payout_user_id, u.email, n.amount",
            {"business": business_id, "limit": limit, "early": early},
        )
        return await cursor.fetchall()
