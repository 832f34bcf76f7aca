"""The SQL of statements of a period. A period is a range of transfers' numbers, which grow on every
account as its versions do: so its first balance, its rows and its last balance always fit, whatever
the clocks said at its edges."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from payviox.db.pool import Connection
from payviox.ledger.queries.transfers import MovementRow

# Binary lifting: some forty look-ups by key, whatever there is.
_BOUNDARY = """
WITH RECURSIVE lift(reached, step) AS (
  SELECT 0::bigint, 1::bigint << 42
  UNION ALL
  SELECT CASE WHEN coalesce((SELECT t.created_at FROM transfers t
      WHERE t.business_id = %(business)s AND t.id <= reached + step
      ORDER BY t.id DESC LIMIT 1), '-infinity') < %(moment)s THEN reached + step ELSE reached END,
    step >> 1
  FROM lift WHERE step > 0
) SELECT reached FROM lift WHERE step = 0
"""
_POSITIONS = """
SELECT a.kind, b.boundary, found.version, coalesce((
    SELECT from_balance FROM transfers WHERE business_id = a.business_id
    AND from_account = a.id AND from_version = found.version
    UNION ALL SELECT to_balance FROM transfers WHERE business_id = a.business_id
    AND to_account = a.id AND to_version = found.version), 0) AS balance
FROM accounts a CROSS JOIN unnest(%(boundaries)s::bigint[]) b(boundary) CROSS JOIN LATERAL (
  WITH RECURSIVE lift(reached, step) AS (
    SELECT 0::bigint, 1::bigint << 42
    UNION ALL
    SELECT CASE WHEN coalesce(
        (SELECT id FROM transfers WHERE business_id = a.business_id AND from_account = a.id
         AND from_version = reached + step),
        (SELECT id FROM transfers WHERE business_id = a.business_id AND to_account = a.id
         AND to_version = reached + step)) <= b.boundary THEN reached + step ELSE reached END,
      step >> 1
    FROM lift WHERE step > 0
  ) SELECT reached AS version FROM lift WHERE step = 0
) found
WHERE a.business_id = %(business)s AND a.kind = ANY(%(kinds)s) AND a.kind <> 'user'
"""
_MOVEMENT = """
SELECT t.id, t.kind, t.amount, f.kind AS from_kind, f.rail AS from_rail, g.kind AS to_kind,
  g.rail AS to_rail, t.from_account, t.to_account, t.from_balance, t.to_balance, t.order_id,
  t.actor, t.reason, t.reference, u.email, u.id AS user_id, t.created_at
FROM page t
JOIN accounts f ON f.business_id = t.business_id AND f.id = t.from_account
JOIN accounts g ON g.business_id = t.business_id AND g.id = t.to_account
LEFT JOIN payout_users u ON u.business_id = t.business_id AND u.id =
  CASE 'user' WHEN g.kind THEN t.to_account WHEN f.kind THEN t.from_account END
ORDER BY t.id
"""
_OF_ACCOUNT = """
WITH own AS (
  SELECT id FROM accounts WHERE business_id = %(business)s AND kind = %(kind)s AND kind <> 'user'
), page AS MATERIALIZED (
  (SELECT t.* FROM transfers t JOIN own ON t.from_account = own.id
   WHERE t.business_id = %(business)s AND from_version > %(after)s AND from_version <= %(until)s
   ORDER BY from_version LIMIT %(limit)s)
  UNION ALL
  (SELECT t.* FROM transfers t JOIN own ON t.to_account = own.id
   WHERE t.business_id = %(business)s AND to_version > %(after)s AND to_version <= %(until)s
   ORDER BY to_version LIMIT %(limit)s)
)
"""

_BETWEEN = """
WITH page AS MATERIALIZED (
  SELECT * FROM transfers WHERE business_id = %(business)s
  AND id > %(after)s AND id <= %(until)s ORDER BY id LIMIT %(limit)s
)
"""


@dataclass(frozen=True, slots=True)
class Position:
    """What an account held after its last transfer up to a boundary, and which version that was."""

    kind: str
    boundary: int
    version: int
    balance: int


@dataclass(frozen=True, slots=True)
class KindSum:
    """What one kind of transfer brought to an account and took from it, in cents."""

    kind: str
    number: int
    came: int
    went: int


async def boundary(connection: Connection, business_id: UUID, moment: datetime) -> int:
    """The number up to which transfers are from before this moment."""
    cursor = await connection.execute(_BOUNDARY, {"business": business_id, "moment": moment})
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101  # the last step is always reached
    return int(str(row[0]))


async def positions(
    connection: Connection, business_id: UUID, kinds: list[str], boundaries: list[int]
) -> list[Position]:
    """What the business's own accounts of these kinds held at each boundary."""
    async with connection.cursor(row_factory=class_row(Position)) as cursor:
        await cursor.execute(
            _POSITIONS, {"business": business_id, "kinds": kinds, "boundaries": boundaries}
        )
        return await cursor.fetchall()


async def list_of_account(
    connection: Connection, business_id: UUID, kind: str, after: int, until: int, limit: int
) -> list[MovementRow]:
    """An account's transfers with these versions, oldest first, after the version `after`."""
    async with connection.cursor(row_factory=class_row(MovementRow)) as cursor:
        await cursor.execute(
            f"{_OF_ACCOUNT}{_MOVEMENT} LIMIT %(limit)s",
            {
                "business": business_id,
                "kind": kind,
                "after": after,
                "until": min(until, after + limit),
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def sums_by_kind(
    connection: Connection, business_id: UUID, kind: str, after: int, until: int
) -> list[KindSum]:
    """What each kind of transfer moved between these versions: it reads each of them."""
    async with connection.cursor(row_factory=class_row(KindSum)) as cursor:
        await cursor.execute(
            "WITH own AS (SELECT id FROM accounts WHERE business_id = %(business)s"
            "  AND kind = %(kind)s AND kind <> 'user')"
            " SELECT kind, count(*) AS number, coalesce(sum(came), 0)::bigint AS came,"
            " coalesce(sum(went), 0)::bigint AS went FROM ("
            "  SELECT t.kind, 0 AS came, t.amount AS went FROM transfers t"
            "  JOIN own ON t.from_account = own.id WHERE t.business_id = %(business)s"
            "  AND from_version > %(after)s AND from_version <= %(until)s"
            "  UNION ALL SELECT t.kind, t.amount, 0 FROM transfers t"
            "  JOIN own ON t.to_account = own.id WHERE t.business_id = %(business)s"
            "  AND to_version > %(after)s AND to_version <= %(until)s) moved"
            " GROUP BY kind ORDER BY kind",
            {"business": business_id, "kind": kind, "after": after, "until": until},
        )
        return await cursor.fetchall()


async def list_between(
    connection: Connection, business_id: UUID, after: int, until: int, limit: int
) -> list[MovementRow]:
    """Every transfer of a business with these numbers, oldest first, after the number `after`."""
    async with connection.cursor(row_factory=class_row(MovementRow)) as cursor:
        await cursor.execute(
            f"{_BETWEEN}{_MOVEMENT}",
            {"business": business_id, "after": after, "until": until, "limit": limit},
        )
        return await cursor.fetchall()
