"""The SQL of reconciliation: which rails there are, one comparison at a time, and what the last one
came to."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from payviox import ids
from payviox.db.announcing import announce
from payviox.db.pool import Connection
from payviox.reconciliation.model import Kept, OpenItems

SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_RAILS = (
    "SELECT rail FROM accounts WHERE business_id = %(b)s AND kind = 'in_transit'"
    " UNION SELECT rail FROM rail_accounts WHERE business_id = %(b)s"
)
_LOCK = "hashtextextended('reconcile ' || %s || ' ' || %s, 0)"


async def rails_of(connection: Connection, business_id: UUID) -> list[str]:
    """Every rail that the business has or had orders at, or has an account at."""
    cursor = await connection.execute(
        f"{_RAILS} ORDER BY 1",
        {"b": business_id},
    )
    return [str(row[0]) for row in await cursor.fetchall()]


async def now(connection: Connection) -> datetime:
    """The database's clock, by which orders are dated."""
    cursor = await connection.execute("SELECT clock_timestamp()")
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101  # a SELECT of an expression answers a row
    moment = row[0]
    assert isinstance(moment, datetime)  # noqa: S101  # a timestamptz
    return moment


async def take_turn(connection: Connection, business_id: UUID, rail: str) -> bool:
    """Be the only one who compares this rail, until `end_turn` or the connection's end."""
    cursor = await connection.execute(
        f"SELECT pg_try_advisory_lock({_LOCK})",
        [str(business_id), rail],
    )
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


async def end_turn(connection: Connection, business_id: UUID, rail: str) -> None:
    await connection.execute(
        f"SELECT pg_advisory_unlock({_LOCK})",
        [str(business_id), rail],
    )


async def open_items(connection: Connection, business_id: UUID, rail: str) -> list[OpenItems]:
    async with connection.cursor(row_factory=class_row(OpenItems)) as cursor:
        await cursor.execute(
            "SELECT cause, count(*) AS number, sum(amount)::bigint AS amount FROM suspense_items"
            " WHERE business_id = %s AND rail = %s AND resolved_at IS NULL"
            " GROUP BY cause ORDER BY cause",
            [business_id, rail],
        )
        return await cursor.fetchall()


async def keep(
    connection: Connection,
    business_id: UUID,
    rail: str,
    since: datetime,
    started_at: datetime,
    report: dict[str, Any],
) -> None:
    await connection.execute(
        "INSERT INTO reconciliations (business_id, id, rail, since, report, started_at)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        [business_id, ids.new(), rail, since, Jsonb(report), started_at],
    )
    announce(connection, business_id, "items")


async def delete_old(connection: Connection, business_id: UUID, days: int, limit: int) -> int:
    """Delete reports older than so many days, so many at most, but each rail's newest."""
    cursor = await connection.execute(
        "DELETE FROM reconciliations WHERE business_id = %(business)s AND id IN ("
        " SELECT r.id FROM reconciliations r WHERE r.business_id = %(business)s"
        " AND r.finished_at < now() - make_interval(days => %(days)s)"
        " AND EXISTS (SELECT FROM reconciliations n WHERE n.business_id = r.business_id"
        "   AND n.rail = r.rail AND n.finished_at > r.finished_at)"
        " ORDER BY r.finished_at LIMIT %(limit)s)",
        {"business": business_id, "days": days, "limit": limit},
    )
    return cursor.rowcount


async def latest(connection: Connection, business_id: UUID) -> list[Kept]:
    """The newest report on each rail that was compared, by the rail's name."""
    async with connection.cursor(row_factory=class_row(Kept)) as cursor:
        await cursor.execute(
            f"SELECT r.rail, k.report, k.finished_at FROM ({_RAILS}) r CROSS JOIN LATERAL ("  # noqa: S608  # a constant
            "   SELECT report, finished_at FROM reconciliations"
            "   WHERE business_id = %(b)s AND rail = r.rail ORDER BY finished_at DESC LIMIT 1) k"
            " ORDER BY 1",
            {"b": business_id},
        )
        return await cursor.fetchall()


async def last(connection: Connection, business_id: UUID, rail: str) -> Kept | None:
    """The newest report on this rail."""
    async with connection.cursor(row_factory=class_row(Kept)) as cursor:
        await cursor.execute(
            "SELECT rail, report, finished_at FROM reconciliations"
            " WHERE business_id = %s AND rail = %s ORDER BY finished_at DESC LIMIT 1",
            [business_id, rail],
        )
        return await cursor.fetchone()
