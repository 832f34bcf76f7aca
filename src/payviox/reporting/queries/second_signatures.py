"""The SQL of orders that one of two people has signed."""

from datetime import datetime
from typing import LiteralString
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from payviox.approvals.queries.signatures import COUNTS
from payviox.db.pool import Connection
from payviox.rights.queries.memberships import PEOPLE
from payviox.rights.roles import who_may

SIGNED: LiteralString = (
    "FROM signatures s"  # noqa: S608  # constants
    " JOIN orders o ON o.business_id = {business} AND o.id = s.subject"
    f" CROSS JOIN {PEOPLE}"
    " WHERE s.business_id = {business} AND s.completes IS NULL"
    " AND (s.act, o.status) IN (('order.approve', 'review'), ('order.settle', 'unknown'))"
    " AND s.created_at > now() - interval '90 days'"
    " AND NOT EXISTS (SELECT FROM signatures c"
    "   WHERE c.business_id = {business} AND c.completes = s.id)"
    " AND NOT EXISTS (SELECT FROM order_attempts a WHERE a.business_id = {business}"
    "   AND a.order_id = o.id AND a.started_at > s.created_at)"
    " AND o.amount > b.second_person_amount"
    f" AND {COUNTS}"
)
"""Orders with a first signature that counts, of the last 90 days, for what can still be done to
them by two people: not one of before the latest attempt, nor of somebody who may not do it any
more. `{business}` is whose; `acts` and `roles` are DECIDERS."""

DECIDERS = who_may("order.approve", "order.settle")


class SignedOrder(msgspec.Struct, frozen=True):
    """An order that waits for a second person's signature."""

    id: UUID
    act: str
    amount: int
    email: str
    signed_by: UUID
    signed_at: datetime


async def signed_orders(connection: Connection, business_id: UUID, limit: int) -> list[SignedOrder]:
    """See SIGNED; the oldest first."""
    async with connection.cursor(row_factory=class_row(SignedOrder)) as cursor:
        await cursor.execute(
            "SELECT w.id, w.act, w.amount, u.email, w.signed_by, w.signed_at"  # noqa: S608  # a constant
            " FROM (SELECT o.id, s.act, o.amount, o.payout_user_id,"
            "   s.operator_id AS signed_by, s.created_at AS signed_at "
            f"{SIGNED.replace('{business}', '%(business)s')} ORDER BY s.id LIMIT %(limit)s) w"
            " JOIN payout_users u ON u.business_id = %(business)s AND u.id = w.payout_user_id"
            " ORDER BY w.signed_at",
            {
                "business": business_id,
                "limit": limit,
                "acts": DECIDERS[0],
                "roles": DECIDERS[1],
            },
        )
        return await cursor.fetchall()
