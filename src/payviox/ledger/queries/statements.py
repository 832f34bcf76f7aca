"""The SQL of statements and of balances at a moment. A period of an account is a range of its
versions: so its first balance, its rows and its last balance always fit, whatever the clocks said
at its edges. The journal of everything is a range of transfers' numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
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
# Binary lifting over an account's versions, from the power of two above its last one: a look-up by
# key a step. Versions of one account are written one after another, so their times go one way.
_POSITIONS = """
SELECT a.id, a.kind, a.rail, m.number, p.version, coalesce((
    SELECT from_balance FROM transfers WHERE business_id = %(business)s
    AND from_account = a.id AND from_version = p.version
    UNION ALL SELECT to_balance FROM transfers WHERE business_id = %(business)s
    AND to_account = a.id AND to_version = p.version), 0) AS balance
FROM accounts a CROSS JOIN unnest(%(moments)s::timestamptz[])
  WITH ORDINALITY m(moment, number) CROSS JOIN LATERAL (
  WITH RECURSIVE lift(reached, step) AS (
    SELECT 0::bigint, 1::bigint << ceil(log(2.0, a.version + 1))::integer
    UNION ALL
    SELECT CASE WHEN coalesce(
        (SELECT created_at FROM transfers WHERE business_id = %(business)s AND from_account = a.id
         AND from_version = reached + step),
        (SELECT created_at FROM transfers WHERE business_id = %(business)s AND to_account = a.id
         AND to_version = reached + step)) <= m.moment THEN reached + step ELSE reached END,
      step >> 1
    FROM lift WHERE step > 0
  ) SELECT reached AS version FROM lift WHERE step = 0
) p
WHERE a.business_id = %(business)s AND
"""
_MOVEMENT = """
SELECT t.id, t.kind, t.amount, f.kind AS from_kind, f.rail AS from_rail, g.kind AS to_kind,
  g.rail AS to_rail, t.from_account, t.to_account, t.from_balance, t.to_balance, t.order_id,
  t.actor, t.reason, t.reference, u.email, u.id AS user_id, t.created_at
FROM page t
JOIN accounts f ON f.business_id = %(business)s AND f.id = t.from_account
JOIN accounts g ON g.business_id = %(business)s AND g.id = t.to_account
LEFT JOIN payout_users u ON u.business_id = %(business)s AND u.id =
  CASE 'user' WHEN g.kind THEN t.to_account WHEN f.kind THEN t.from_account END
ORDER BY t.id
"""
_OF_ACCOUNT = """
WITH page AS MATERIALIZED (
  (SELECT * FROM transfers WHERE business_id = %(business)s AND from_account = %(account)s
   AND from_version > %(after)s AND from_version <= %(until)s
   ORDER BY from_version LIMIT %(limit)s)
  UNION ALL
  (SELECT * FROM transfers WHERE business_id = %(business)s AND to_account = %(account)s
   AND to_version > %(after)s AND to_version <= %(until)s
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
    """What an account held after its last transfer recorded up to a moment, in US cents, and which
    version that was; 0 both before its first. `number` counts the moments that were asked for."""

    id: UUID
    kind: str
    rail: str
    number: int
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


async def of_business(
    connection: Connection, business_id: UUID, kinds: Sequence[str], moments: Sequence[datetime]
) -> list[Position]:
    """What the business's own accounts of these kinds held at each moment."""
    return await _positions(
        connection, "a.kind <> 'user' AND a.kind = ANY(%(wanted)s)", business_id, kinds, moments
    )


async def of_accounts(
    connection: Connection, business_id: UUID, ids: Sequence[UUID], moments: Sequence[datetime]
) -> list[Position]:
    """What these accounts held at each moment; a payout user's has their id."""
    return await _positions(connection, "a.id = ANY(%(wanted)s)", business_id, ids, moments)


async def _positions(
    connection: Connection,
    condition: LiteralString,
    business_id: UUID,
    wanted: Sequence[object],
    moments: Sequence[datetime],
) -> list[Position]:
    async with connection.cursor(row_factory=class_row(Position)) as cursor:
        await cursor.execute(
            _POSITIONS + condition,
            {"business": business_id, "wanted": list(wanted), "moments": list(moments)},
        )
        return await cursor.fetchall()


async def is_past(connection: Connection, moment: datetime) -> bool:
    """Whether it is no later than now, as the database's clock says."""
    cursor = await connection.execute("SELECT %s <= clock_timestamp()", [moment])
    row = await cursor.fetchone()
    return row is not None and row[0] is True


async def version_of(
    connection: Connection, business_id: UUID, account_id: UUID, transfer_id: int
) -> int | None:
    """Which version of the account this transfer made; None where it did not move it."""
    cursor = await connection.execute(
        "SELECT CASE %(account)s WHEN from_account THEN from_version"
        " WHEN to_account THEN to_version END FROM transfers"
        " WHERE business_id = %(business)s AND id = %(transfer)s",
        {"business": business_id, "account": account_id, "transfer": transfer_id},
    )
    row = await cursor.fetchone()
    return None if row is None or row[0] is None else int(str(row[0]))


async def list_of_account(
    connection: Connection, business_id: UUID, account_id: UUID, after: int, until: int, limit: int
) -> list[MovementRow]:
    """An account's transfers with these versions, oldest first, after the version `after`."""
    async with connection.cursor(row_factory=class_row(MovementRow)) as cursor:
        await cursor.execute(
            f"{_OF_ACCOUNT}{_MOVEMENT} LIMIT %(limit)s",
            {
                "business": business_id,
                "account": account_id,
                "after": after,
                "until": min(until, after + limit),
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def sums_by_kind(
    connection: Connection, business_id: UUID, account_id: UUID, after: int, until: int
) -> list[KindSum]:
    """What each kind of transfer moved between these versions: it reads each of them."""
    async with connection.cursor(row_factory=class_row(KindSum)) as cursor:
        await cursor.execute(
            "SELECT kind, count(*) AS number, coalesce(sum(came), 0)::bigint AS came,"
            " coalesce(sum(went), 0)::bigint AS went FROM ("
            "  SELECT kind, 0 AS came, amount AS went FROM transfers"
            "  WHERE business_id = %(business)s AND from_account = %(account)s"
            "  AND from_version > %(after)s AND from_version <= %(until)s"
            "  UNION ALL SELECT kind, amount, 0 FROM transfers"
            "  WHERE business_id = %(business)s AND to_account = %(account)s"
            "  AND to_version > %(after)s AND to_version <= %(until)s) moved"
            " GROUP BY kind ORDER BY kind",
            {"business": business_id, "account": account_id, "after": after, "until": until},
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
