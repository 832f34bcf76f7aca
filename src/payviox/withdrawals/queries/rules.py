"""The SQL of quotes and of what the review rules and limits ask."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from payviox import ids
from payviox.db.pool import Connection
from payviox.rails.orders import Quote
from payviox.withdrawals.model import KeptQuote


@dataclass(frozen=True, slots=True)
class Uses:
    """Who has used a destination before."""

    succeeded_before: bool
    other_users: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What the review rules look at: the order, who used its payee, and how many orders over how
    much the payout user made within the window before it. Amounts are US cents."""

    amount: int
    provider: str
    rail: str
    has_payee: bool = False
    paid_here: bool = False
    other_users: int = 0
    day_orders: int = 0
    day_amount: int = 0
    is_new_bank_account: bool = False


@dataclass(frozen=True, slots=True)
class PastOrder:
    """An order with what was known when it was made."""

    id: UUID
    email: str
    status: str
    created_at: datetime
    amount: int
    provider: str
    rail: str
    has_payee: bool
    paid_here: bool
    other_users: int
    day_orders: int
    day_amount: int

    @property
    def facts(self) -> Facts:
        return Facts(
            self.amount,
            self.provider,
            self.rail,
            self.has_payee,
            self.paid_here,
            self.other_users,
            self.day_orders,
            self.day_amount,
            self.provider == "bank" and not self.paid_here,
        )


async def lock_active(
    connection: Connection, business_id: UUID, user_ids: Sequence[UUID]
) -> dict[UUID, str]:
    """The addresses of those of the payout users who may act; they cannot be deactivated until this
    transaction ends."""
    cursor = await connection.execute(
        "SELECT id, email, status FROM payout_users WHERE business_id = %s AND id = ANY(%s)"
        " ORDER BY id FOR SHARE",
        [business_id, list(user_ids)],
    )
    rows = await cursor.fetchall()
    return {row[0]: str(row[1]) for row in rows if row[2] == "active"}  # type: ignore[misc]  # a uuid column


async def insert_quote(
    connection: Connection,
    business_id: UUID,
    quote_id: UUID,
    user_id: UUID,
    provider: str,
    rail: str,
    quote: Quote,
) -> None:
    """Keep a quote for as long as it is good from now on, by the database's clock, which is also
    what says that it has expired."""
    await connection.execute(
        "INSERT INTO quotes (business_id, id, payout_user_id, provider, rail, amount, fees,"
        " net_amount, destination, expires_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s,"
        " clock_timestamp() + make_interval(secs => %s))",
        [
            business_id,
            quote_id,
            user_id,
            provider,
            rail,
            quote.amount,
            quote.fees,
            quote.net_amount,
            Jsonb(quote.destination),
            (quote.expires_at - datetime.now(UTC)).total_seconds(),
        ],
    )


async def count_open_quotes(
    connection: Connection, business_id: UUID, user_id: UUID, most: int
) -> int:
    """How many quotes of the payout user have neither expired nor been used; at most `most` are
    counted."""
    cursor = await connection.execute(
        "SELECT count(*) FROM (SELECT FROM quotes q WHERE q.business_id = %(b)s"
        " AND q.payout_user_id = %(u)s AND q.expires_at > clock_timestamp() AND NOT EXISTS"
        " (SELECT FROM orders o WHERE o.business_id = q.business_id AND o.quote_id = q.id)"
        " LIMIT %(most)s) open",
        {"b": business_id, "u": user_id, "most": most},
    )
    row = await cursor.fetchone()
    return int(str(row[0])) if row else 0


async def find_quote(
    connection: Connection, business_id: UUID, user_id: UUID, quote_id: UUID
) -> KeptQuote | None:
    async with connection.cursor(row_factory=class_row(KeptQuote)) as cursor:
        await cursor.execute(
            "SELECT q.id, q.provider, q.rail, q.amount, q.fees, q.net_amount, q.destination,"
            " q.expires_at,"
            " q.expires_at <= clock_timestamp() AS expired,"
            " EXISTS (SELECT 1 FROM orders o WHERE o.business_id = %(business)s"
            "         AND o.quote_id = q.id) AS used"
            " FROM quotes q WHERE q.business_id = %(business)s AND q.payout_user_id = %(user)s"
            " AND q.id = %(quote)s",
            {"business": business_id, "user": user_id, "quote": quote_id},
        )
        return await cursor.fetchone()


async def forget_unused_quotes(
    connection: Connection, business_id: UUID, since: UUID, limit: int
) -> int:
    """Delete quotes that expired more than a day ago, so many at most, but those that an order or
    the replay of a call with an idempotency key still reads. Only those made since the id `since`
    are looked at: whatever is older was looked at before."""
    cursor = await connection.execute(
        "DELETE FROM quotes WHERE business_id = %(business)s AND id IN (SELECT q.id FROM quotes q"
        " WHERE q.business_id = %(business)s AND q.id >= %(since)s"
        " AND q.expires_at < now() - interval '1 day'"
        " AND NOT EXISTS (SELECT FROM orders o"
        "   WHERE o.business_id = q.business_id AND o.quote_id = q.id)"
        " AND NOT EXISTS (SELECT FROM idempotency_keys k"
        "   WHERE k.business_id = q.business_id AND k.caller = q.payout_user_id::text"
        "   AND k.path = '/payout/quote' AND k.reference = to_jsonb(%(prefix)s || q.id::text))"
        " ORDER BY q.id LIMIT %(limit)s)",
        {"business": business_id, "since": since, "prefix": f"{ids.QUOTE}_", "limit": limit},
    )
    return cursor.rowcount


async def lock_payee(connection: Connection, business_id: UUID, payee: bytes) -> None:
    """Let orders to one payee go one at a time, so that each sees those before it."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s || encode(%s, 'hex'), 0))",
        [str(business_id), payee],
    )


async def uses(
    connection: Connection,
    business_id: UUID,
    user_id: UUID,
    *,
    destination: bytes,
    payee: bytes,
    most: int,
) -> Uses:
    """Whether this payout user has been paid at just this destination before, and how many others
    (at most `most` are counted) have asked to be paid to the same payee."""
    cursor = await connection.execute(
        "SELECT EXISTS (SELECT 1 FROM orders WHERE business_id = %(b)s"
        "   AND payee_digest = %(p)s AND destination_digest = %(d)s AND payout_user_id = %(u)s"
        "   AND status = 'succeeded'),"
        " (SELECT count(*) FROM (SELECT DISTINCT payout_user_id FROM orders"
        "   WHERE business_id = %(b)s AND payee_digest = %(p)s AND payout_user_id <> %(u)s"
        "   LIMIT %(most)s) others)",
        {"b": business_id, "u": user_id, "d": destination, "p": payee, "most": most},
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101  # aggregates answer a row
    return Uses(bool(row[0]), int(str(row[1])))


async def is_new_bank_account(
    connection: Connection, business_id: UUID, user_id: UUID, destination: bytes, account_id: UUID
) -> bool:
    """Whether this payout user was never paid at this bank account, or not since its bank said that
    something of it has changed."""
    cursor = await connection.execute(
        "SELECT NOT EXISTS (SELECT FROM orders o JOIN bank_accounts a"
        "   ON a.business_id = o.business_id AND a.id = %(a)s"
        "   WHERE o.business_id = %(b)s AND o.payout_user_id = %(u)s"
        "   AND o.destination_digest = %(d)s AND o.status = 'succeeded'"
        "   AND (a.changed_at IS NULL OR o.created_at > a.changed_at))",
        {"b": business_id, "u": user_id, "d": destination, "a": account_id},
    )
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


async def within(
    connection: Connection, business_id: UUID, user_id: UUID, seconds: float
) -> tuple[int, int]:
    """How many orders the payout user has made in the last so many seconds, and for how many cents,
    leaving out those that were taken back before anything was sent."""
    cursor = await connection.execute(
        "SELECT count(*), coalesce(sum(amount), 0)::bigint FROM orders WHERE business_id = %s"
        " AND payout_user_id = %s AND created_at >= clock_timestamp() - make_interval(secs => %s)"
        " AND status NOT IN ('canceled', 'rejected')",
        [business_id, user_id, seconds],
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101  # aggregates answer a row
    return int(str(row[0])), int(str(row[1]))


async def past_orders(
    connection: Connection,
    business_id: UUID,
    since: UUID,
    *,
    seconds: float,
    shared: int,
    limit: int,
) -> list[PastOrder]:
    """The latest orders from this id on, newest first, each with what the orders before it say, as
    those stand now. At most `shared` others are counted at a payee."""
    async with connection.cursor(row_factory=class_row(PastOrder)) as cursor:
        await cursor.execute(
            "SELECT o.id, u.email, o.status, o.created_at, o.amount, o.provider, o.rail,"
            " o.payee_digest IS NOT NULL AS has_payee,"
            " EXISTS (SELECT FROM orders e WHERE e.business_id = %(business)s"
            "   AND e.payee_digest = o.payee_digest"
            "   AND e.destination_digest = o.destination_digest"
            "   AND e.payout_user_id = o.payout_user_id AND e.id < o.id"
            "   AND e.status = 'succeeded' AND e.updated_at <= o.created_at) AS paid_here,"
            " (SELECT count(*) FROM (SELECT DISTINCT e.payout_user_id FROM orders e"
            "   WHERE e.business_id = %(business)s AND e.payee_digest = o.payee_digest"
            "   AND e.payout_user_id <> o.payout_user_id AND e.id < o.id"
            "   LIMIT %(shared)s) others) AS other_users,"
            " day.orders AS day_orders, day.amount AS day_amount"
            " FROM orders o"
            " JOIN payout_users u ON u.business_id = %(business)s AND u.id = o.payout_user_id"
            " CROSS JOIN LATERAL (SELECT count(*) AS orders,"
            "   coalesce(sum(e.amount), 0)::bigint AS amount FROM orders e"
            "   WHERE e.business_id = %(business)s AND e.payout_user_id = o.payout_user_id"
            "   AND e.id < o.id AND e.created_at <= o.created_at"
            "   AND e.created_at >= o.created_at - make_interval(secs => %(seconds)s)"
            "   AND e.status NOT IN ('canceled', 'rejected')) day"
            " WHERE o.business_id = %(business)s AND o.id >= %(since)s"
            " ORDER BY o.id DESC LIMIT %(limit)s",
            {
                "business": business_id,
                "since": since,
                "seconds": seconds,
                "shared": shared,
                "limit": limit,
            },
        )
        return await cursor.fetchall()
