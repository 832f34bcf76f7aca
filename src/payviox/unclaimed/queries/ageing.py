"""What each payout user has not spent, by the day on which it came."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from psycopg.rows import class_row, scalar_row

from payviox.db.pool import Connection
from payviox.db.sweeps import EACH_BUSINESS

# The oldest money is spent first: of each allocation is left what of the sum up to it exceeds all
# that went out since. An order's money that comes back is no new money.
LOOK = """
WITH pieces AS (
  SELECT a.id, a.version, came.created_at,
         least(came.amount, greatest(0, came.until - went.net)) AS left_over
  FROM accounts a
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount), 0) - coalesce((
      SELECT sum(amount) FROM transfers
      WHERE business_id = %(business)s AND to_account = a.id
        AND kind IN ('release', 'return', 'fee_return')), 0) AS net
    FROM transfers WHERE business_id = %(business)s AND from_account = a.id
  ) went
  CROSS JOIN LATERAL (
    SELECT created_at, amount, sum(amount) OVER (ORDER BY to_version) AS until
    FROM transfers WHERE business_id = %(business)s AND to_account = a.id
      AND kind NOT IN ('release', 'return', 'fee_return')
  ) came
  WHERE a.business_id = %(business)s AND a.id = ANY(%(users)s) AND a.balance > 0
), days AS (
  SELECT id, version, min(created_at) AS since, created_at::date AS day,
         sum(left_over)::bigint AS amount
  FROM pieces WHERE left_over > 0 GROUP BY id, version, created_at::date
)
INSERT INTO unclaimed (business_id, payout_user_id, version, since, days, amounts)
SELECT %(business)s, id, version, min(since), array_agg(day ORDER BY day),
       array_agg(amount ORDER BY day)
FROM days GROUP BY id, version
ON CONFLICT (business_id, payout_user_id) DO UPDATE SET
  version = excluded.version, since = excluded.since, days = excluded.days,
  amounts = excluded.amounts,
  reminders = CASE WHEN unclaimed.since = excluded.since THEN unclaimed.reminders ELSE 0 END
"""


class Window(msgspec.Struct, frozen=True):
    """Some payout users' accounts in the order of their ids: the last one's, and those that are not
    as they were last seen."""

    last: UUID | None
    changed: list[UUID]


async def window(connection: Connection, business_id: UUID, after: UUID, limit: int) -> Window:
    """The next accounts; without a last one there is none."""
    async with connection.cursor(row_factory=class_row(Window)) as cursor:
        await cursor.execute(
            "SELECT (array_agg(a.id ORDER BY a.id DESC))[1] AS last,"
            " coalesce(array_agg(a.id ORDER BY a.id) FILTER (WHERE"
            "   CASE WHEN a.balance > 0 THEN u.version IS DISTINCT FROM a.version"
            "   ELSE u.version IS NOT NULL END), '{}') AS changed"
            " FROM (SELECT id, balance, version FROM accounts WHERE business_id = %(business)s"
            "   AND kind = 'user' AND id > %(after)s ORDER BY id LIMIT %(limit)s) a"
            " LEFT JOIN unclaimed u ON u.business_id = %(business)s AND u.payout_user_id = a.id",
            {"business": business_id, "after": after, "limit": limit},
        )
        row = await cursor.fetchone()
    return row or Window(None, [])


async def look(connection: Connection, business_id: UUID, user_ids: Sequence[UUID]) -> None:
    """Write down what these payout users have now; who has nothing is forgotten."""
    given = {"business": business_id, "users": list(user_ids)}
    await connection.execute(
        "DELETE FROM unclaimed u USING accounts a WHERE u.business_id = %(business)s"
        " AND u.payout_user_id = ANY(%(users)s) AND a.business_id = u.business_id"
        " AND a.id = u.payout_user_id AND a.balance = 0",
        given,
    )
    await connection.execute(LOOK, given)


async def unsummed_businesses(connection: Connection, limit: int) -> list[UUID]:
    """Businesses without any sum, of whose first so many payout users somebody has money."""
    async with connection.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(
            f"SELECT b.id FROM {EACH_BUSINESS}"  # noqa: S608  # a constant
            " WHERE NOT EXISTS (SELECT FROM unclaimed_days"
            "   WHERE business_id = home.business_id)"
            " AND EXISTS (SELECT FROM ("
            "   SELECT balance FROM accounts WHERE business_id = home.business_id AND kind = 'user'"
            "   ORDER BY id LIMIT %s) a WHERE a.balance > 0)",
            [limit],
        )
        return await cursor.fetchall()


async def sum_days(connection: Connection, business_id: UUID) -> None:
    """Add up what was seen, in place of the sums before."""
    await connection.execute("DELETE FROM unclaimed_days WHERE business_id = %s", [business_id])
    await connection.execute(
        "INSERT INTO unclaimed_days (business_id, day, amount)"
        " SELECT u.business_id, piece.day, sum(piece.amount)::bigint"
        " FROM unclaimed u CROSS JOIN LATERAL unnest(u.days, u.amounts) AS piece(day, amount)"
        " WHERE u.business_id = %s GROUP BY u.business_id, piece.day",
        [business_id],
    )
