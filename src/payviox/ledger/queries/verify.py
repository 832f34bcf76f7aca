"""The SQL of `ledger verify`. Each statement answers one row an account or an order, so that ten
million transfers are sorted by PostgreSQL on its disk and never held here. What is asked of a
business is asked in one read-only snapshot."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from psycopg.rows import class_row

from payviox.db.pool import Connection
from payviox.order_states import FOR_A_RAIL, GIVES_BACK, OPEN

SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

# Both sides of every transfer in the order of their account's versions, each compared with the one
# before it. A jump or a gap is answered as an array, whose smallest is the first of the account.
# What somebody set to nonsense is cut at 4 * 10^18, so that no sum of two overflows: it is named.
CHAINS = """
WITH sides AS (
  SELECT from_account AS account, from_version AS version, id,
         -least(greatest(amount, -4000000000000000000), 4000000000000000000) AS change,
         least(greatest(from_balance, -4000000000000000000), 4000000000000000000) AS after
  FROM transfers WHERE business_id = %(business)s
  UNION ALL
  SELECT to_account, to_version, id,
         least(greatest(amount, -4000000000000000000), 4000000000000000000),
         least(greatest(to_balance, -4000000000000000000), 4000000000000000000)
  FROM transfers WHERE business_id = %(business)s
), compared AS (
  SELECT account, version, id, change, after, lag(version, 1, 0::bigint) OVER w AS version_before,
         lag(after, 1, 0::bigint) OVER w AS before, lag(id, 1, 0::bigint) OVER w AS id_before
  FROM sides WINDOW w AS (PARTITION BY account ORDER BY version, id)
), chains AS (
  SELECT account, count(*) AS sides, max(version) AS last_version, sum(change) AS sum,
         min(after) AS lowest, min(id) AS first_id,
         min(ARRAY[version, id, version_before, id_before])
           FILTER (WHERE version <> version_before + 1) AS gap,
         min(ARRAY[version, id, before + change, after])
           FILTER (WHERE after <> before + change) AS jump
  FROM compared GROUP BY account
)
SELECT coalesce(a.id, c.account) AS id, a.kind, a.rail, a.balance, a.version,
       coalesce(c.sides, 0) AS sides, coalesce(c.last_version, 0) AS last_version,
       coalesce(c.sum, 0) AS sum, coalesce(c.lowest, 0) AS lowest, c.first_id, c.gap, c.jump
FROM (SELECT * FROM accounts WHERE business_id = %(business)s) a
FULL JOIN chains c ON c.account = a.id
"""

# How many transfers of each kind there are between which kinds of account: a few hundred rows at
# the very most, and PostgreSQL may use several processes for them.
KINDS = """
SELECT t.kind, f.kind AS source, g.kind AS target, t.order_id IS NOT NULL AS for_order,
       count(*) AS number, min(t.id) AS first_id
FROM transfers t
JOIN accounts f ON f.business_id = %(business)s AND f.id = t.from_account
JOIN accounts g ON g.business_id = %(business)s AND g.id = t.to_account
WHERE t.business_id = %(business)s GROUP BY 1, 2, 3, 4 ORDER BY first_id
"""

# Where the money of each order is, whatever its transfers call themselves; adjustments and suspense
# items apart. What a rail paid after all is in `settled` against `suspense`, what it really cost
# against the fees, what it was worth by another rate in `exchange`; every attempt may cost
# something. What was reserved and what was paid are compared with the order in every state, in
# numeric: an amount set to nonsense is named.
ORDERS = """
WITH moves AS (
  SELECT t.order_id, min(t.id) AS first_id,
    sum(t.cut * ((g.kind = 'in_transit')::int - (f.kind = 'in_transit')::int)) AS transit,
    sum(t.cut * ((g.kind IN ('settled', 'exchange', 'suspense'))::int
                  - (f.kind IN ('settled', 'exchange', 'suspense'))::int)) AS settled,
    sum(t.cut * ((g.kind IN ('fee_income', 'rail_cost'))::int
                  - (f.kind IN ('fee_income', 'rail_cost'))::int)) AS fees,
    sum(t.cut * ((g.kind = 'user')::int - (f.kind = 'user')::int)) AS with_user,
    sum(t.cut) FILTER (WHERE f.kind = 'user' AND g.kind = 'in_transit') AS reserved,
    sum(t.cut) FILTER (WHERE f.kind = 'in_transit' AND g.kind = 'settled') AS paid,
    count(*) FILTER (WHERE t.kind <> 'cost')
      > count(DISTINCT t.kind) FILTER (WHERE t.kind <> 'cost') AS repeated,
    min(t.id) FILTER (WHERE NOT (
      (f.kind = 'user') <= (f.id = o.payout_user_id)
      AND (g.kind = 'user') <= (g.id = o.payout_user_id)
      AND f.rail IN ('', o.rail) AND g.rail IN ('', o.rail)
      AND f.kind NOT IN ('main', 'payout', 'world') AND g.kind NOT IN ('main', 'payout', 'world')
    )) AS astray
  FROM (SELECT *, greatest(amount, -4000000000000000000) AS cut FROM transfers) t
  LEFT JOIN orders o ON o.business_id = %(business)s AND o.id = t.order_id
  LEFT JOIN accounts f ON f.business_id = %(business)s AND f.id = t.from_account
  LEFT JOIN accounts g ON g.business_id = %(business)s AND g.id = t.to_account
  WHERE t.business_id = %(business)s AND t.order_id IS NOT NULL
    AND t.kind NOT IN ('adjustment', 'suspense')
  GROUP BY t.order_id
), compared AS (
  SELECT coalesce(o.id, m.order_id) AS id, o.status, o.amount, o.fees AS order_fees, o.net_amount,
         coalesce(m.transit, 0) AS transit, coalesce(m.settled, 0) AS settled,
         coalesce(m.fees, 0) AS fees, coalesce(m.with_user, 0) AS with_user,
         m.reserved, m.paid, coalesce(m.repeated, false) AS repeated, m.first_id, m.astray
  FROM (SELECT id, status, amount::numeric, fees::numeric, net_amount::numeric
        FROM orders WHERE business_id = %(business)s) o
  FULL JOIN moves m ON m.order_id = o.id
)
SELECT * FROM compared WHERE status IS NULL OR astray IS NOT NULL OR repeated
  OR reserved IS DISTINCT FROM amount OR paid <> net_amount OR NOT CASE
  WHEN status = ANY(%(open)s)
    THEN (transit, settled, fees, with_user) = (amount, 0, 0, -amount)
  WHEN status = 'succeeded'
    THEN (transit, settled, fees, with_user) = (0, net_amount, order_fees, -amount)
  WHEN status = ANY(%(gives_back)s)
    THEN paid IS NULL AND (transit, settled, fees, with_user) = (0, 0, 0, 0)
  WHEN status = 'returned'
    THEN paid IS NOT NULL AND (transit, settled) = (0, 0) AND fees IN (0, order_fees)
      AND with_user = -fees
  ELSE false END
ORDER BY id
"""

IN_TRANSIT = """
SELECT coalesce(a.rail, o.rail), a.id, coalesce(o.amount, 0), coalesce(a.balance, 0)
FROM (SELECT * FROM accounts WHERE business_id = %(business)s AND kind = 'in_transit') a
FULL JOIN (
  SELECT rail, sum(amount) AS amount FROM orders
  WHERE business_id = %(business)s
  AND status = ANY(%(open)s) GROUP BY rail
) o ON o.rail = a.rail
WHERE coalesce(o.amount, 0) <> coalesce(a.balance, 0) ORDER BY 1
"""


# A card is bound before its order learns of it, and to no order that has ended otherwise.
CARDS = """
SELECT coalesce(o.id, c.order_id), c.id, o.status
FROM (SELECT * FROM orders WHERE business_id = %(business)s AND rail = 'stock') o
FULL JOIN (
  SELECT * FROM gift_cards WHERE business_id = %(business)s AND status = 'delivered'
) c ON c.order_id = o.id
WHERE CASE WHEN c.id IS NULL THEN o.status IN ('succeeded', 'returned')
  ELSE coalesce(o.status <> ALL(%(may_have_card)s), true) END
ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Chain:
    """An account (`kind` None: there is none) and what its transfers say of it. `gap` holds
    version, transfer, version before and transfer before; `jump` version, transfer, expected and
    found balance."""

    id: UUID
    kind: str | None
    rail: str | None
    balance: int | None
    version: int | None
    sides: int
    last_version: int
    sum: int | Decimal
    lowest: int
    first_id: int | None
    gap: list[int] | None
    jump: list[int] | None


@dataclass(frozen=True, slots=True)
class Moved:
    """The transfers of one kind between the same kinds of account, all for orders or none."""

    kind: str
    source: str
    target: str
    for_order: bool
    number: int
    first_id: int


@dataclass(frozen=True, slots=True)
class OrderMoney:
    """An order (`status` None: there is none) whose money is not where its state says."""

    id: UUID
    status: str | None
    amount: Decimal | None
    order_fees: Decimal | None
    net_amount: Decimal | None
    transit: int | Decimal
    settled: int | Decimal
    fees: int | Decimal
    with_user: int | Decimal
    reserved: int | Decimal | None
    paid: int | Decimal | None
    repeated: bool
    first_id: int | None
    astray: int | None


async def begin(connection: Connection) -> None:
    await connection.execute(SNAPSHOT)
    # A compiler's start costs more than it saves on many small businesses.
    await connection.execute("SET LOCAL jit = off")


async def list_businesses(connection: Connection) -> list[tuple[UUID, bool]]:
    """Every business that exists or has transfers, and whether it exists."""
    cursor = await connection.execute("SELECT id FROM businesses")
    existing = {UUID(str(row[0])) for row in await cursor.fetchall()}
    every, found = set(existing), await _next_with_transfers(connection, None)
    while found is not None:
        every.add(found)
        found = await _next_with_transfers(connection, found)
    return [(each, each in existing) for each in sorted(every)]


async def _next_with_transfers(connection: Connection, after: UUID | None) -> UUID | None:
    """The first business that has transfers, or the next: from one to the other by their key, not
    by a scan."""
    cursor = await connection.execute(
        "SELECT business_id FROM transfers"  # noqa: S608  # constants
        f"{'' if after is None else ' WHERE business_id > %s'} ORDER BY business_id LIMIT 1",
        [] if after is None else [after],
    )
    row = await cursor.fetchone()
    return None if row is None else UUID(str(row[0]))


async def count_sides(connection: Connection) -> int:
    """About how many sides of transfers there are: what the accounts' versions say."""
    cursor = await connection.execute("SELECT coalesce(sum(version), 0) FROM accounts")
    row = await cursor.fetchone()
    return int(str(row[0])) if row else 0


async def chains(connection: Connection, business_id: UUID) -> AsyncIterator[Chain]:
    async with connection.cursor("chains", row_factory=class_row(Chain)) as cursor:
        cursor.itersize = 2_000
        await cursor.execute(CHAINS, {"business": business_id})
        async for chain in cursor:
            yield chain


async def transfers_by_kind(connection: Connection, business_id: UUID) -> list[Moved]:
    async with connection.cursor(row_factory=class_row(Moved)) as cursor:
        await cursor.execute(KINDS, {"business": business_id})
        return await cursor.fetchall()


async def misplaced_cards(
    connection: Connection, business_id: UUID
) -> AsyncIterator[tuple[UUID | None, UUID | None, str | None]]:
    """(order, delivered gift card, the order's status) where one stands without the other."""
    async with connection.cursor("cards") as cursor:
        cursor.itersize = 2_000
        await cursor.execute(CARDS, _given(business_id))
        async for row in cursor:
            yield row  # type: ignore[misc]  # two uuids and a text


async def misplaced_orders(connection: Connection, business_id: UUID) -> AsyncIterator[OrderMoney]:
    async with connection.cursor("orders", row_factory=class_row(OrderMoney)) as cursor:
        cursor.itersize = 2_000
        await cursor.execute(ORDERS, _given(business_id))
        async for order in cursor:
            yield order


async def count_orders(connection: Connection, business_id: UUID) -> int:
    cursor = await connection.execute(
        "SELECT count(*) FROM orders WHERE business_id = %s", [business_id]
    )
    row = await cursor.fetchone()
    return int(str(row[0])) if row else 0


async def in_transit_differences(
    connection: Connection, business_id: UUID
) -> list[tuple[str, UUID | None, int, int]]:
    """(rail, account, what open orders reserve, what the account holds) where they differ."""
    cursor = await connection.execute(IN_TRANSIT, _given(business_id))
    rows = await cursor.fetchall()
    return [
        (str(rail), account, int(str(expected)), int(str(actual)))  # type: ignore[misc]  # a uuid column
        for rail, account, expected, actual in rows
    ]


async def side_between(
    connection: Connection, business_id: UUID, account_id: UUID, after: int, before: int
) -> tuple[int, int] | None:
    """The first transfer of an account between two transfers, and the version that it claims."""
    cursor = await connection.execute(
        "SELECT id, CASE from_account WHEN %(account)s THEN from_version ELSE to_version END FROM"
        " transfers WHERE business_id = %(business)s AND id > %(after)s AND id < %(before)s"
        " AND (from_account = %(account)s OR to_account = %(account)s) ORDER BY id LIMIT 1",
        {"business": business_id, "account": account_id, "after": after, "before": before},
    )
    row = await cursor.fetchone()
    return (int(str(row[0])), int(str(row[1]))) if row else None


async def side_with(
    connection: Connection, business_id: UUID, account_id: UUID, *, least_version: int
) -> int | None:
    """The first transfer of an account from this version on."""
    cursor = await connection.execute(
        "SELECT id FROM ("
        " (SELECT id, from_version AS version FROM transfers WHERE business_id = %(business)s"
        "  AND from_account = %(account)s AND from_version >= %(version)s"
        "  ORDER BY from_version LIMIT 1) UNION ALL"
        " (SELECT id, to_version FROM transfers WHERE business_id = %(business)s"
        "  AND to_account = %(account)s AND to_version >= %(version)s"
        "  ORDER BY to_version LIMIT 1)) AS sides ORDER BY version, id LIMIT 1",
        {"business": business_id, "account": account_id, "version": least_version},
    )
    row = await cursor.fetchone()
    return int(str(row[0])) if row else None


async def first_negative(connection: Connection, business_id: UUID, account_id: UUID) -> int | None:
    """The first transfer after which the account was negative."""
    cursor = await connection.execute(
        "SELECT id FROM transfers WHERE business_id = %(business)s AND"
        " (from_account = %(account)s AND from_balance < 0"
        "  OR to_account = %(account)s AND to_balance < 0) ORDER BY id LIMIT 1",
        {"business": business_id, "account": account_id},
    )
    row = await cursor.fetchone()
    return int(str(row[0])) if row else None


def _given(business_id: UUID) -> dict[str, object]:
    """The business, and the orders' states that the statements ask about."""
    return {
        "business": business_id,
        "open": list(OPEN),
        "gives_back": list(GIVES_BACK),
        "may_have_card": [*FOR_A_RAIL, "succeeded"],
    }
