"""The SQL of orders that one of two people has signed."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from payviox.db.pool import Connection

DAYS = 90
"""How old a first signature may be and still be shown."""


@dataclass(frozen=True, slots=True)
class SignedOrder:
    """An order that waits for a second person's signature."""

    id: UUID
    act: str
    amount: int
    email: str
    signed_by: UUID
    signed_at: datetime


async def signed_orders(connection: Connection, business_id: UUID, limit: int) -> list[SignedOrder]:
    """Orders with a first signature for what can still be done to them, oldest first."""
    async with connection.cursor(row_factory=class_row(SignedOrder)) as cursor:
        await cursor.execute(
            "SELECT o.id, s.act, o.amount, u.email, s.operator_id AS signed_by,"
            " s.created_at AS signed_at FROM signatures s"
            " JOIN orders o ON o.business_id = s.business_id AND o.id = s.subject"
            " JOIN payout_users u ON u.business_id = o.business_id AND u.id = o.payout_user_id"
            " WHERE s.business_id = %(business)s AND s.completes IS NULL"
            " AND (s.act, o.status) IN (('order.approve', 'review'), ('order.settle', 'unknown'))"
            " AND s.created_at > now() - make_interval(days => %(days)s)"
            " AND NOT EXISTS (SELECT FROM signatures c"
            "   WHERE c.business_id = s.business_id AND c.completes = s.id)"
            " ORDER BY s.id LIMIT %(limit)s",
            {"business": business_id, "days": DAYS, "limit": limit},
        )
        return await cursor.fetchall()
