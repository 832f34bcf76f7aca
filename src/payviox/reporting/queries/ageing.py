"""Unclaimed money by its age, as the worker last saw it, and whose it is."""

from datetime import datetime
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from payviox.db.pool import Connection

# The page first, by its index: its few rows are then joined by key. Then their latest mails, apart:
# mails stand with the installation, not with the business.
PAGE = """
WITH page AS MATERIALIZED (
  SELECT u.payout_user_id, p.email, p.status, p.reminders_stopped_at, p.seen_at, u.since,
         u.reminders, u.reminded_at, a.balance
  FROM unclaimed u
  JOIN accounts a ON a.business_id = %(business)s AND a.id = u.payout_user_id AND a.balance > 0
  JOIN payout_users p ON p.business_id = %(business)s AND p.id = u.payout_user_id
  WHERE u.business_id = %(business)s
    AND since < now() - make_interval(days => %(least)s)
    AND since >= now() - make_interval(days => %(most)s)
    AND (since, payout_user_id) > (%(after_since)s, %(after)s)
  ORDER BY since, payout_user_id LIMIT %(limit)s
), mailed AS MATERIALIZED (
  SELECT page.payout_user_id, m.message, m.status
  FROM page CROSS JOIN LATERAL (
    SELECT message, status FROM mails
    WHERE business_id = %(business)s AND recipient = page.email ORDER BY id DESC LIMIT 1
  ) m
)
SELECT u.payout_user_id AS user_id, u.email, u.status, u.balance, u.since, u.reminders,
       u.reminded_at, u.reminders_stopped_at, n.expires_at,
       greatest(u.seen_at, latest.created_at) AS seen_at, m.message, m.status AS mail_status
FROM page u
LEFT JOIN mailed m ON m.payout_user_id = u.payout_user_id
LEFT JOIN expiry_notices n ON n.business_id = %(business)s AND n.payout_user_id = u.payout_user_id
LEFT JOIN LATERAL (
  SELECT created_at FROM orders o
  WHERE o.business_id = %(business)s AND o.payout_user_id = u.payout_user_id
  ORDER BY o.id DESC LIMIT 1
) latest ON true
ORDER BY u.since, u.payout_user_id
"""


class AgeRow(msgspec.Struct, frozen=True):
    """What came so many days ago and is unspent, in cents, as summed then."""

    age: int
    amount: int
    summed_at: datetime


class UnclaimedRow(msgspec.Struct, frozen=True):
    """Somebody with money: `balance` is what they have now, `since` when the oldest of it came,
    `seen_at` when they last opened their page or asked for an order; then their latest mail."""

    user_id: UUID
    email: str
    status: str
    balance: int
    since: datetime
    reminders: int
    reminded_at: datetime | None
    reminders_stopped_at: datetime | None
    expires_at: datetime | None
    seen_at: datetime | None
    message: str | None
    mail_status: str | None


async def list_ages(connection: Connection, business_id: UUID) -> list[AgeRow]:
    async with connection.cursor(row_factory=class_row(AgeRow)) as cursor:
        await cursor.execute(
            "SELECT greatest(now()::date - day, 0) AS age, amount, summed_at FROM unclaimed_days"
            " WHERE business_id = %s",
            [business_id],
        )
        return await cursor.fetchall()


async def since_of(connection: Connection, business_id: UUID, user_id: UUID) -> datetime | None:
    """How old the money of a payout user is."""
    cursor = await connection.execute(
        "SELECT since FROM unclaimed WHERE business_id = %s AND payout_user_id = %s",
        [business_id, user_id],
    )
    row = await cursor.fetchone()
    return row[0] if row else None  # type: ignore[return-value]  # a timestamp


async def list_page(
    connection: Connection,
    business_id: UUID,
    least: int,
    most: int,
    after: tuple[datetime, UUID],
    limit: int,
) -> list[UnclaimedRow]:
    """The oldest first, of those whose oldest money came so many days ago."""
    async with connection.cursor(row_factory=class_row(UnclaimedRow)) as cursor:
        await cursor.execute(
            PAGE,
            {
                "business": business_id,
                "least": least,
                "most": most,
                "after_since": after[0],
                "after": after[1],
                "limit": limit,
            },
        )
        return await cursor.fetchall()
