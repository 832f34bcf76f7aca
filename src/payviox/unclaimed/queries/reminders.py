"""Who is to be reminded, and who does not want to be. Times are the database's."""

from datetime import datetime
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from payviox.db.pool import Connection
from payviox.order_states import OPEN


class Due(msgspec.Struct, frozen=True):
    """A payout user who is to be reminded now, of what came first `since` then; the `number`th
    time."""

    payout_user_id: UUID
    email: str
    since: datetime
    number: int


class Reminded(msgspec.Struct, frozen=True):
    """What a reminder is about: `balance` is US cents."""

    balance: int
    since: datetime


# Several that are due at once, as after the rule's first day, are one.
TAKE_DUE = """
WITH due AS MATERIALIZED (
  SELECT u.payout_user_id, passed.number
  FROM businesses b
  JOIN unclaimed u ON u.business_id = b.id
    AND u.since <= now() - make_interval(days => (SELECT min(d) FROM unnest(b.reminder_days) d))
  JOIN payout_users p ON p.business_id = b.id AND p.id = u.payout_user_id
    AND p.status = 'active' AND p.reminders_stopped_at IS NULL
  JOIN accounts a ON a.business_id = b.id AND a.id = p.id AND a.version = u.version
  CROSS JOIN LATERAL (
    SELECT count(*)::integer AS number FROM unnest(b.reminder_days) d
    WHERE u.since <= now() - make_interval(days => d)
  ) passed
  WHERE b.id = %(business)s AND b.notify AND u.reminders < passed.number
    AND NOT EXISTS (SELECT FROM expiry_notices n
      WHERE n.business_id = b.id AND n.payout_user_id = p.id)
    AND NOT EXISTS (SELECT FROM orders o WHERE o.business_id = b.id AND o.payout_user_id = p.id
      AND o.status = ANY(%(open)s))
  ORDER BY u.since, u.payout_user_id LIMIT %(limit)s
)
UPDATE unclaimed u SET reminders = due.number, reminded_at = now()
FROM due JOIN payout_users p ON p.business_id = %(business)s AND p.id = due.payout_user_id
WHERE u.business_id = %(business)s AND u.payout_user_id = due.payout_user_id
  AND u.reminders < due.number
RETURNING u.payout_user_id, p.email, u.since, due.number
"""


async def take_due(connection: Connection, business_id: UUID, limit: int) -> list[Due]:
    """Whom to remind now, each counted as reminded."""
    async with connection.cursor(row_factory=class_row(Due)) as cursor:
        await cursor.execute(
            TAKE_DUE, {"business": business_id, "open": list(OPEN), "limit": limit}
        )
        return await cursor.fetchall()


async def find(connection: Connection, business_id: UUID, user_id: UUID) -> Reminded | None:
    """What to remind a payout user of; None where there is nothing, or they do not want it."""
    async with connection.cursor(row_factory=class_row(Reminded)) as cursor:
        await cursor.execute(
            "SELECT a.balance, u.since FROM unclaimed u"
            " JOIN payout_users p ON p.business_id = u.business_id AND p.id = u.payout_user_id"
            " JOIN accounts a ON a.business_id = u.business_id AND a.id = u.payout_user_id"
            " WHERE u.business_id = %s AND u.payout_user_id = %s"
            " AND p.reminders_stopped_at IS NULL AND a.balance > 0",
            [business_id, user_id],
        )
        return await cursor.fetchone()


async def are_stopped(connection: Connection, business_id: UUID, user_id: UUID) -> bool:
    """Whether a payout user asked for no more reminders."""
    cursor = await connection.execute(
        "SELECT FROM payout_users"
        " WHERE business_id = %s AND id = %s AND reminders_stopped_at IS NOT NULL",
        [business_id, user_id],
    )
    return await cursor.fetchone() is not None


async def stop(connection: Connection, business_id: UUID, user_id: UUID) -> None:
    """Send a payout user no more reminders."""
    await connection.execute(
        "UPDATE payout_users SET reminders_stopped_at = now()"
        " WHERE business_id = %s AND id = %s AND reminders_stopped_at IS NULL",
        [business_id, user_id],
    )


async def resume(connection: Connection, business_id: UUID, user_id: UUID) -> None:
    """Remind a payout user again, from the next day on that the business's rule names: what came
    due meanwhile is not made up for."""
    await connection.execute(
        "UPDATE payout_users SET reminders_stopped_at = NULL"
        " WHERE business_id = %s AND id = %s AND reminders_stopped_at IS NOT NULL",
        [business_id, user_id],
    )
    await connection.execute(
        "UPDATE unclaimed u SET reminders = (SELECT count(*) FROM unnest(b.reminder_days) d"
        "  WHERE u.since <= now() - make_interval(days => d))"
        " FROM businesses b WHERE b.id = u.business_id"
        " AND u.business_id = %s AND u.payout_user_id = %s",
        [business_id, user_id],
    )
