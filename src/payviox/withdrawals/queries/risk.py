"""The SQL of what an order is compared with before somebody approves it. Each part reads a bounded
number of rows through an index."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from payviox.db.pool import Connection
from payviox.withdrawals.model import Order, destination_digest, payee_digest

MOST = 1_000
"""Rows of one payee, or of one day, that are looked at."""
USUAL = 20
"""Earlier orders that make a person's usual amount."""
SHOWN = 5


@dataclass(frozen=True, slots=True)
class OtherOrder:
    """Another order of the same payout user."""

    id: UUID
    status: str
    amount: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Sharer:
    """Somebody else who named the same payee, with one of their orders there."""

    user_id: UUID
    email: str
    order_id: UUID


@dataclass(frozen=True, slots=True)
class RiskRow:
    """Facts beside an order; amounts are US cents. `paid_here` are this person's orders that
    succeeded at just this destination; those of a payee are None where the order names none.
    `sharers` are others who named the payee, one more than are shown, and `others` the latest other
    orders of the same payout user: both as JSON."""

    paid_here: int
    last_destination: dict[str, Any] | None
    usual_amount: int | None
    earlier: int
    day_orders: int
    day_amount: int
    payee_day_amount: int
    sharers: list[Any]
    others: list[Any]


_RISK = """
WITH theirs AS (
  SELECT id, amount FROM orders WHERE business_id = %(business)s AND payout_user_id = %(user)s
  AND id <> %(order)s AND status NOT IN ('canceled', 'rejected', 'failed')
  ORDER BY id DESC LIMIT %(usual)s
), day AS (
  SELECT amount FROM orders WHERE business_id = %(business)s AND payout_user_id = %(user)s
  AND created_at > now() - interval '1 day' AND status NOT IN ('canceled', 'rejected', 'failed')
  LIMIT %(most)s
), payee AS (
  SELECT amount, status, payout_user_id, destination_digest, created_at FROM orders
  WHERE business_id = %(business)s AND payee_digest = %(payee)s AND id <> %(order)s LIMIT %(most)s
)
SELECT
  (SELECT count(*) FROM payee WHERE payout_user_id = %(user)s AND status = 'succeeded'
   AND destination_digest = %(destination)s) AS paid_here,
  (SELECT last.destination FROM (SELECT destination, destination_digest FROM orders
     WHERE business_id = %(business)s AND payout_user_id = %(user)s AND provider = %(provider)s
     AND id < %(order)s ORDER BY id DESC LIMIT 1) last
   WHERE last.destination_digest <> %(destination)s) AS last_destination,
  (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY amount) FROM theirs) AS usual_amount,
  (SELECT count(*) FROM theirs) AS earlier,
  (SELECT count(*) FROM day) AS day_orders,
  (SELECT coalesce(sum(amount), 0)::bigint FROM day) AS day_amount,
  (SELECT coalesce(sum(amount), 0)::bigint FROM payee
   WHERE created_at > now() - interval '1 day'
   AND status NOT IN ('canceled', 'rejected', 'failed')) AS payee_day_amount,
  coalesce((SELECT json_agg(s) FROM (
     SELECT DISTINCT ON (o.payout_user_id) o.payout_user_id AS user_id, u.email, o.id AS order_id
     FROM (SELECT payout_user_id, id, business_id FROM orders WHERE business_id = %(business)s
       AND payee_digest = %(payee)s AND payout_user_id <> %(user)s LIMIT %(most)s) o
     JOIN payout_users u ON u.business_id = o.business_id AND u.id = o.payout_user_id
     ORDER BY o.payout_user_id, o.id DESC LIMIT %(shown)s + 1) s), '[]') AS sharers,
  coalesce((SELECT json_agg(r) FROM (
     SELECT id, status, amount, created_at FROM orders WHERE business_id = %(business)s
     AND payout_user_id = %(user)s AND id <> %(order)s ORDER BY id DESC LIMIT %(shown)s) r), '[]')
   AS others
"""


async def risk(connection: Connection, order: Order) -> RiskRow:
    """What is known beside the order itself."""
    async with connection.cursor(row_factory=class_row(RiskRow)) as cursor:
        await cursor.execute(
            _RISK,
            {
                "business": order.business_id,
                "user": order.payout_user_id,
                "order": order.id,
                "provider": order.provider,
                "payee": payee_digest(order.provider, order.destination),
                "destination": destination_digest(order.provider, order.destination),
                "usual": USUAL,
                "most": MOST,
                "shown": SHOWN,
            },
        )
        row = await cursor.fetchone()
    assert row is not None  # noqa: S101  # a SELECT without FROM answers a row
    return row
