"""The SQL of tax facts. A year is a range of transfers' numbers, so that each is in one year; each
payout user's orders, and each order's transfers, are found by index."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import class_row

from payviox.db.pool import Connection
from payviox.taxes.model import Note, Paid, State, Threshold

# An order counts in the year in which it was settled; what came back of it counts there, too,
# whenever it did.
_PAID = """
SELECT u.id AS user_id, u.email, o.provider, count(*) AS orders, sum(t.paid)::bigint AS paid,
  sum(t.returned)::bigint AS returned, sum(t.fees)::bigint AS fees, n.state, n.note
FROM payout_users u
JOIN orders o ON o.business_id = %(business)s AND o.payout_user_id = u.id
CROSS JOIN LATERAL (
  SELECT sum(amount) FILTER (WHERE kind IN ('settle', 'paid_after_all')
      AND id > %(first)s AND id <= %(last)s) AS paid,
    coalesce(sum(amount) FILTER (WHERE kind = 'return'), 0) AS returned,
    coalesce(sum(CASE kind WHEN 'fee' THEN amount WHEN 'fee_return' THEN -amount END), 0) AS fees
  FROM transfers WHERE business_id = %(business)s AND order_id = o.id
) t
LEFT JOIN tax_notes n ON n.business_id = %(business)s AND n.payout_user_id = u.id
WHERE u.business_id = %(business)s AND u.id = ANY(%(users)s) AND t.paid IS NOT NULL
GROUP BY u.id, u.email, o.provider, n.state, n.note
ORDER BY u.id, o.provider
"""


async def next_users(
    connection: Connection, business_id: UUID, after: UUID | None, limit: int
) -> list[UUID]:
    """Payout users in the order of their ids, whether they were paid or not."""
    cursor = await connection.execute(
        "SELECT id FROM payout_users WHERE business_id = %s AND id > %s ORDER BY id LIMIT %s",
        [business_id, after or UUID(int=0), limit],
    )
    return [UUID(str(row[0])) for row in await cursor.fetchall()]


async def paid(
    connection: Connection, business_id: UUID, users: Sequence[UUID], first: int, last: int
) -> list[Paid]:
    """What these got by transfers numbered above `first` up to `last`."""
    wanted = {"business": business_id, "users": list(users), "first": first, "last": last}
    async with connection.cursor(row_factory=class_row(Paid)) as cursor:
        await cursor.execute(_PAID, wanted)
        return await cursor.fetchall()


async def find_note(connection: Connection, business_id: UUID, user_id: UUID) -> Note | None:
    async with connection.cursor(row_factory=class_row(Note)) as cursor:
        await cursor.execute(
            "SELECT state, note, noted_at FROM tax_notes"
            " WHERE business_id = %s AND payout_user_id = %s",
            [business_id, user_id],
        )
        return await cursor.fetchone()


async def put_note(
    connection: Connection, business_id: UUID, user_id: UUID, state: State, note: str | None
) -> None:
    await connection.execute(
        "INSERT INTO tax_notes (business_id, payout_user_id, state, note) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (business_id, payout_user_id) DO UPDATE"
        " SET state = excluded.state, note = excluded.note, noted_at = excluded.noted_at",
        [business_id, user_id, state, note],
    )


async def list_thresholds(connection: Connection, business_id: UUID) -> list[Threshold]:
    async with connection.cursor(row_factory=class_row(Threshold)) as cursor:
        await cursor.execute(
            "SELECT name, amount FROM tax_thresholds WHERE business_id = %s ORDER BY name",
            [business_id],
        )
        return await cursor.fetchall()


async def put_threshold(
    connection: Connection, business_id: UUID, name: str, amount: int | None
) -> None:
    """Keep a threshold; None forgets it."""
    if amount is None:
        await connection.execute(
            "DELETE FROM tax_thresholds WHERE business_id = %s AND name = %s", [business_id, name]
        )
        return
    await connection.execute(
        "INSERT INTO tax_thresholds (business_id, name, amount) VALUES (%s, %s, %s)"
        " ON CONFLICT (business_id, name) DO UPDATE SET amount = excluded.amount",
        [business_id, name, amount],
    )
