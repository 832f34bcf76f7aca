"""The SQL of readiness and figures. It reads across businesses, as only the operator may, through
indexes and small tables: nothing here grows with the number of payout users or transfers."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from payviox.actors import WORKER
from payviox.db.pool import Connection
from payviox.db.sweeps import EACH_BUSINESS
from payviox.order_states import OPEN
from payviox.webhooks.queries.deliveries import MAY_GO


class Workers(msgspec.Struct, frozen=True):
    """Workers with a fresh heartbeat, and the age of the freshest, in seconds."""

    alive: int
    heartbeat_age_s: float | None


class Due(msgspec.Struct, frozen=True):
    """What waits for the worker, and for how long what is due already has, in seconds."""

    orders_age_s: float
    deliveries_pending: int
    deliveries_age_s: float


class Counted(msgspec.Struct, frozen=True):
    mode: str
    name: str
    value: int


class Waiting(msgspec.Struct, frozen=True):
    """Orders that wait for the same thing at a rail."""

    mode: str
    rail: str
    cause: str
    value: int


async def schema_revision(connection: Connection) -> str | None:
    cursor = await connection.execute("SELECT version_num FROM payviox_schema")
    row = await cursor.fetchone()
    return None if row is None else str(row[0])


async def workers(connection: Connection, fresh_s: float) -> Workers:
    async with connection.cursor(row_factory=class_row(Workers)) as cursor:
        await cursor.execute(
            "SELECT count(*) FILTER (WHERE last_heartbeat > now() - make_interval(secs => %s))"
            " AS alive, extract(epoch FROM now() - max(last_heartbeat))::float AS heartbeat_age_s"
            " FROM procrastinate_workers",
            [fresh_s],
        )
        row = await cursor.fetchone()
    assert row is not None  # noqa: S101  # an aggregate answers a row
    return row


async def due(connection: Connection) -> Due:
    async with connection.cursor(row_factory=class_row(Due)) as cursor:
        await cursor.execute(
            "SELECT greatest(extract(epoch FROM now() - (SELECT min(first.due_at)"  # noqa: S608  # a constant
            f"   FROM {EACH_BUSINESS} CROSS JOIN LATERAL (SELECT due_at FROM orders"
            "     WHERE business_id = home.business_id AND due_at IS NOT NULL"
            "     ORDER BY due_at LIMIT 1) first)), 0)::float AS orders_age_s,"
            " (SELECT count(*) FROM deliveries WHERE due_at IS NOT NULL) AS deliveries_pending,"
            # What waits because its webhook is off or does not subscribe to it is late for nobody.
            " greatest(extract(epoch FROM now() - (SELECT min(d.due_at) FROM deliveries d"
            "   JOIN events e ON e.business_id = d.business_id AND e.id = d.event_id"
            "   JOIN webhook_settings s ON s.business_id = d.business_id"
            f"   WHERE d.due_at IS NOT NULL AND {MAY_GO})), 0)::float AS deliveries_age_s"
        )
        row = await cursor.fetchone()
    assert row is not None  # noqa: S101  # a SELECT of expressions answers a row
    return row


async def open_orders(connection: Connection) -> list[Counted]:
    """How many orders are in each state that is not final."""
    async with connection.cursor(row_factory=class_row(Counted)) as cursor:
        await cursor.execute(
            "SELECT b.mode, o.status AS name, sum(o.number)::bigint AS value"  # noqa: S608  # a constant
            f" FROM {EACH_BUSINESS} CROSS JOIN LATERAL ("
            "   SELECT status, count(*) AS number FROM orders"
            "   WHERE business_id = home.business_id AND status = ANY(%s) GROUP BY status) o"
            " GROUP BY b.mode, o.status",
            [list(OPEN)],
        )
        return await cursor.fetchall()


async def waiting_orders(connection: Connection) -> list[Waiting]:
    """How many orders wait, by what they wait for; `person` are those that nothing automatic will
    end."""
    async with connection.cursor(row_factory=class_row(Waiting)) as cursor:
        await cursor.execute(
            "SELECT b.mode, o.rail, o.waiting AS cause, sum(o.number)::bigint AS value"  # noqa: S608  # a constant
            f" FROM {EACH_BUSINESS} CROSS JOIN LATERAL ("
            "   SELECT waiting, rail, count(*) AS number FROM orders"
            "   WHERE business_id = home.business_id AND waiting IS NOT NULL"
            "   GROUP BY waiting, rail) o"
            " GROUP BY b.mode, o.rail, o.waiting"
        )
        return await cursor.fetchall()


async def unknown_reasons(
    connection: Connection,
    waiting: Sequence[str],
    reviews: Sequence[str],
    failures: Sequence[str],
    unexplained: Sequence[str],
    first: UUID,
) -> list[Counted]:
    """How many orders name a reason that is none of these: open ones that wait or are reviewed, and
    those from the order `first` on that failed or came back by the worker's word. And those from
    there on that failed for an `unexplained` reason of a vendor."""
    async with connection.cursor(row_factory=class_row(Counted)) as cursor:
        await cursor.execute(
            "SELECT b.mode, r.name, sum(r.number)::bigint AS value"  # noqa: S608  # a constant
            f" FROM {EACH_BUSINESS} CROSS JOIN LATERAL ("
            "   SELECT 'waiting' AS name, count(*) AS number FROM orders"
            "   WHERE business_id = home.business_id"
            "   AND waiting IS NOT NULL AND waiting <> ALL(%(waiting)s)"
            "   UNION ALL SELECT 'review', count(*) FROM orders"
            "   WHERE business_id = home.business_id AND status = 'review'"
            "   AND NOT review_reasons <@ %(reviews)s"
            "   UNION ALL SELECT 'failure', count(*) FROM orders o"
            "   WHERE business_id = home.business_id"
            "   AND status IN ('failed', 'returned') AND id >= %(first)s"
            "   AND failure <> ALL(%(failures)s) AND EXISTS (SELECT FROM order_states s"
            "     WHERE s.business_id = o.business_id AND s.order_id = o.id AND s.status = o.status"
            "     AND s.actor = %(worker)s)"
            "   UNION ALL SELECT 'vendor', count(*) FROM orders"
            "   WHERE business_id = home.business_id"
            "   AND status IN ('failed', 'returned') AND id >= %(first)s"
            "   AND failure = ANY(%(unexplained)s)) r"
            " GROUP BY b.mode, r.name",
            {
                "waiting": list(waiting),
                "reviews": list(reviews),
                "failures": list(failures),
                "unexplained": list(unexplained),
                "first": first,
                "worker": WORKER,
            },
        )
        return await cursor.fetchall()


async def broken_ledgers(connection: Connection, within_s: float) -> list[Counted]:
    """In how many businesses the worker found a broken ledger lately, by mode."""
    async with connection.cursor(row_factory=class_row(Counted)) as cursor:
        await cursor.execute(
            "SELECT b.mode, 'broken' AS name, count(*) AS value"  # noqa: S608  # a constant
            f" FROM {EACH_BUSINESS} WHERE EXISTS (SELECT FROM audit_entries"
            "   WHERE business_id = home.business_id AND act = 'ledger.broken'"
            "   AND created_at > now() - make_interval(secs => %s)) GROUP BY b.mode",
            [within_s],
        )
        return await cursor.fetchall()


async def balances(connection: Connection) -> list[Counted]:
    """Cents by kind of account. All balances of a business sum to 0, so what payout users hold is
    told by the few accounts that are not theirs."""
    async with connection.cursor(row_factory=class_row(Counted)) as cursor:
        await cursor.execute(
            "WITH own AS (SELECT b.mode, a.kind, sum(a.balance) AS value"
            "   FROM businesses b JOIN accounts a ON a.business_id = b.id AND a.kind <> 'user'"
            "   GROUP BY b.mode, a.kind)"
            " SELECT mode, kind AS name, value::bigint AS value FROM own"
            " UNION ALL SELECT mode, 'user', (-sum(value))::bigint FROM own GROUP BY mode"
        )
        return await cursor.fetchall()
