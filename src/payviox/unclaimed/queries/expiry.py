"""What is announced to expire, and what has. Times are the database's."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from payviox.db.pool import Connection
from payviox.order_states import GIVES_BACK, OPEN

# Told under the rule that holds now, and as early as it says now.
HOLDS = (
    "b.balance_lifetime_days = n.lifetime_days"
    " AND n.announced_at >= coalesce(b.balance_lifetime_since, '-infinity')"
    " AND n.expires_at - n.announced_at >= make_interval(days => b.expiry_notice_days)"
)
HAS_OPEN_ORDER = (
    "EXISTS (SELECT FROM orders o WHERE o.business_id = %(business)s"
    " AND o.payout_user_id = p.id AND o.status = ANY(%(open)s))"
)
# Somebody tried to take it and could not: they are told anew.
CAME_BACK = (
    "EXISTS (SELECT FROM orders o WHERE o.business_id = %(business)s AND o.payout_user_id = p.id"
    " AND o.status = ANY(%(came_back)s) AND o.updated_at > n.announced_at)"
)
# The oldest money is spent first: what came before the limit (an order's money coming back is no
# new money), less all that went out since, is what is left of it.
LEFT = """
CROSS JOIN LATERAL (
  SELECT coalesce(sum(amount) FILTER (
           WHERE kind NOT IN ('release', 'return', 'fee_return') AND created_at < n.before), 0)
           AS old,
         coalesce(sum(amount) FILTER (WHERE kind IN ('release', 'return', 'fee_return')), 0) AS back
  FROM transfers WHERE business_id = %(business)s AND to_account = a.id
) came
CROSS JOIN LATERAL (
  SELECT coalesce(sum(amount), 0) - came.back AS net
  FROM transfers WHERE business_id = %(business)s AND from_account = a.id
) went
"""
CENTS = "least(a.balance, greatest(0, came.old - went.net))::bigint"


class NewNotice(msgspec.Struct, frozen=True):
    """A payout user who is to be told now."""

    id: UUID
    payout_user_id: UUID
    email: str


class Announced(msgspec.Struct, frozen=True):
    """So many cents expire then."""

    cents: int
    expires_at: datetime


class Expired(msgspec.Struct, frozen=True):
    """What of a payout user's money has expired, by which notice."""

    payout_user_id: UUID
    notice_id: UUID
    email: str
    cents: int


async def delete_void(connection: Connection) -> None:
    """Forget what was announced under a rule that has changed. Across businesses."""
    await connection.execute(
        f"DELETE FROM expiry_notices n USING businesses b WHERE b.id = n.business_id"  # noqa: S608  # a constant
        f" AND ({HOLDS}) IS NOT TRUE"
    )


async def announce(connection: Connection, business_id: UUID, limit: int) -> list[NewNotice]:
    """Announce what will be too old by the end of the notice, of those who have money that nothing
    was announced of, are let in and have no open order; the oldest first. What comes after now is
    never part of it."""
    async with connection.cursor(row_factory=class_row(NewNotice)) as cursor:
        await cursor.execute(
            "WITH rule AS (SELECT id, balance_lifetime_days AS lifetime,"  # noqa: S608  # constants
            "   now() + make_interval(days => expiry_notice_days) AS expires_at,"
            "   least(now(), now() + make_interval("
            "     days => expiry_notice_days - balance_lifetime_days)) AS before"
            "   FROM businesses WHERE id = %(business)s AND balance_lifetime_days IS NOT NULL),"
            " new AS (INSERT INTO expiry_notices"
            "   (business_id, payout_user_id, id, lifetime_days, before, expires_at)"
            "   SELECT r.id, p.id, gen_random_uuid(), r.lifetime, r.before, r.expires_at"
            "   FROM rule r JOIN unclaimed u ON u.business_id = r.id AND u.since < r.before"
            "   JOIN payout_users p ON p.business_id = r.id AND p.id = u.payout_user_id"
            "   AND p.status = 'active'"
            "   WHERE NOT EXISTS (SELECT FROM expiry_notices n WHERE n.business_id = r.id"
            "     AND n.payout_user_id = p.id)"
            f"  AND NOT {HAS_OPEN_ORDER}"
            "   ORDER BY u.since, u.payout_user_id LIMIT %(limit)s"
            "   ON CONFLICT DO NOTHING RETURNING id, payout_user_id)"
            " SELECT new.id, new.payout_user_id, p.email FROM new"
            " JOIN payout_users p ON p.business_id = %(business)s AND p.id = new.payout_user_id",
            {"business": business_id, "limit": limit, "open": list(OPEN)},
        )
        return await cursor.fetchall()


async def due_businesses(connection: Connection) -> list[UUID]:
    """Of whom something is to expire now."""
    cursor = await connection.execute(
        "SELECT b.business_id FROM accounts b WHERE b.kind = 'payout' AND b.kind <> 'user'"
        " AND EXISTS (SELECT FROM expiry_notices n"
        " WHERE n.business_id = b.business_id AND n.expires_at <= now())"
    )
    return [row[0] for row in await cursor.fetchall()]  # type: ignore[misc]  # uuid


async def due(connection: Connection, business_id: UUID, limit: int) -> list[UUID]:
    """The payout users whose notice has run out."""
    cursor = await connection.execute(
        "SELECT payout_user_id FROM expiry_notices WHERE business_id = %s AND expires_at <= now()"
        " ORDER BY expires_at, payout_user_id LIMIT %s",
        [business_id, limit],
    )
    return [row[0] for row in await cursor.fetchall()]  # type: ignore[misc]  # uuid


async def take_due(
    connection: Connection, business_id: UUID, user_ids: Sequence[UUID]
) -> list[Expired]:
    """Use up the notices of these payout users that have run out; answer what expires by those that
    hold. Their accounts are locked."""
    async with connection.cursor(row_factory=class_row(Expired)) as cursor:
        await cursor.execute(
            "WITH n AS MATERIALIZED (DELETE FROM expiry_notices n"  # noqa: S608  # constants
            "   USING businesses b, payout_users p"
            "   WHERE n.business_id = %(business)s AND n.payout_user_id = ANY(%(users)s)"
            "   AND n.expires_at <= now() AND b.id = n.business_id"
            "   AND p.business_id = %(business)s AND p.id = n.payout_user_id"
            "   RETURNING n.payout_user_id, n.id, n.before, p.email,"
            f"  ({HOLDS}) IS TRUE AND p.status = 'active' AND NOT {HAS_OPEN_ORDER}"
            f"  AND NOT {CAME_BACK} AS holds)"
            f" SELECT n.payout_user_id, n.id AS notice_id, n.email, {CENTS} AS cents"
            " FROM n JOIN accounts a ON a.business_id = %(business)s AND a.id = n.payout_user_id"
            f" {LEFT} WHERE n.holds AND {CENTS} > 0 ORDER BY n.payout_user_id",
            {
                "business": business_id,
                "users": list(user_ids),
                "open": list(OPEN),
                "came_back": [*GIVES_BACK, "returned"],
            },
        )
        return await cursor.fetchall()


async def find(
    connection: Connection, business_id: UUID, user_id: UUID, notice_id: UUID | None = None
) -> Announced | None:
    """What is announced to a payout user and holds; by this notice, where one is named."""
    async with connection.cursor(row_factory=class_row(Announced)) as cursor:
        await cursor.execute(
            f"SELECT {CENTS} AS cents, n.expires_at FROM expiry_notices n"  # noqa: S608  # constants
            " JOIN businesses b ON b.id = n.business_id"
            " JOIN accounts a ON a.business_id = n.business_id AND a.id = n.payout_user_id"
            f" {LEFT} WHERE n.business_id = %(business)s AND n.payout_user_id = %(user)s"
            " AND (%(notice)s::uuid IS NULL OR n.id = %(notice)s)"
            f" AND {HOLDS} AND {CENTS} > 0",
            {"business": business_id, "user": user_id, "notice": notice_id},
        )
        return await cursor.fetchone()
