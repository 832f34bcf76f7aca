"""The SQL of exchange rates."""

from collections.abc import Sequence

from psycopg.rows import class_row

from payviox.db.pool import Connection
from payviox.rates.model import ExchangeRate, Source

COLUMNS = "source, currency, rate, as_of, expires_at"


async def insert(connection: Connection, rates: Sequence[ExchangeRate], created_by: str) -> int:
    """Keep those that are not there; answers how many were new."""
    cursor = await connection.execute(
        "INSERT INTO exchange_rates (source, currency, as_of, rate, expires_at, created_by)"
        " SELECT n.source, n.currency, n.as_of, n.rate, n.expires_at, %s"
        " FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::numeric[], %s::timestamptz[])"
        "   n(source, currency, as_of, rate, expires_at)"
        " ON CONFLICT DO NOTHING",
        [
            created_by,
            [rate.source for rate in rates],
            [rate.currency for rate in rates],
            [rate.as_of for rate in rates],
            [rate.rate for rate in rates],
            [rate.expires_at for rate in rates],
        ],
    )
    return cursor.rowcount


async def find_others(connection: Connection, rates: Sequence[ExchangeRate]) -> list[ExchangeRate]:
    """Those of the same moments that are kept with another rate."""
    async with connection.cursor(row_factory=class_row(ExchangeRate)) as cursor:
        await cursor.execute(
            "SELECT r.source, r.currency, r.rate, r.as_of, r.expires_at FROM exchange_rates r"
            " JOIN unnest(%s::text[], %s::text[], %s::timestamptz[], %s::numeric[])"
            "   n(source, currency, as_of, rate) USING (source, currency, as_of)"
            " WHERE r.rate <> n.rate ORDER BY r.as_of LIMIT 1",
            [
                [rate.source for rate in rates],
                [rate.currency for rate in rates],
                [rate.as_of for rate in rates],
                [rate.rate for rate in rates],
            ],
        )
        return await cursor.fetchall()


class Newest(ExchangeRate, frozen=True, kw_only=True):
    """A rate, and whether it may be relied on by the database's clock."""

    lasts: bool


async def find_newest(connection: Connection, source: Source, currency: str) -> Newest | None:
    """The newest rate that has begun by the database's clock."""
    async with connection.cursor(row_factory=class_row(Newest)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS}, expires_at > now() AS lasts FROM exchange_rates"  # noqa: S608
            " WHERE source = %s AND currency = %s AND as_of <= now() ORDER BY as_of DESC LIMIT 1",
            [source, currency],
        )
        return await cursor.fetchone()


async def list_newest(connection: Connection, limit: int) -> list[ExchangeRate]:
    """The newest first."""
    async with connection.cursor(row_factory=class_row(ExchangeRate)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS} FROM exchange_rates"  # noqa: S608
            " ORDER BY as_of DESC, source, currency LIMIT %s",
            [limit],
        )
        return await cursor.fetchall()
