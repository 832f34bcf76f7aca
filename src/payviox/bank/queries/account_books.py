"""The SQL of a bank account's books: its statements, and sums of what stands in them."""

from datetime import date
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from payviox.db.pool import Connection


class Statement(msgspec.Struct, frozen=True):
    """What a statement says of the account, in minor units; `repeated` of its entries another
    report had before."""

    currency: str
    period_from: date | None
    period_to: date | None
    opening: int
    closing: int
    repeated: int


class EntrySum(msgspec.Struct, frozen=True):
    """Entries of one kind: how many, and what they move the account by, in minor units."""

    currency: str
    status: str
    unmatched: str | None
    entries: int
    moved: int


class NotStated(msgspec.Struct, frozen=True):
    """Payments that our books call booked and no statement shows."""

    currency: str
    payments: int
    total: int


async def list_statements(connection: Connection, business_id: UUID) -> list[Statement]:
    """Every statement with balances, the oldest of each currency first."""
    async with connection.cursor(row_factory=class_row(Statement)) as cursor:
        await cursor.execute(
            "SELECT currency, period_from, period_to, opening, closing, repeated FROM bank_imports"
            " WHERE business_id = %s AND kind = 'camt.053' AND closing IS NOT NULL"
            " AND opening IS NOT NULL AND currency IS NOT NULL"
            " ORDER BY currency, period_to NULLS FIRST, period_from NULLS FIRST, id",
            [business_id],
        )
        return await cursor.fetchall()


# A payment that a notification and a statement name is the same money in other words: it counts
# once.
_ENTRIES = """
WITH last AS (
  SELECT currency, max(period_to) AS period_to FROM bank_imports
  WHERE business_id = %(b)s AND kind = 'camt.053' AND closing IS NOT NULL GROUP BY currency
), stated AS (
  SELECT DISTINCT ON (CASE WHEN e.unmatched IS NULL THEN coalesce(e.reference, e.file_id::text) END,
                      e.status, CASE WHEN e.unmatched IS NOT NULL THEN e.id END)
    coalesce(e.currency, i.currency) AS currency, e.status, e.unmatched, e.reference, e.file_id,
    CASE e.direction WHEN 'debit' THEN -e.amount ELSE e.amount END AS moved
  FROM bank_entries e
  JOIN bank_imports i ON i.business_id = %(b)s AND i.id = e.import_id
  JOIN last ON last.currency = coalesce(e.currency, i.currency)
  WHERE e.business_id = %(b)s AND i.kind LIKE 'camt.%%' AND e.direction IS NOT NULL
    AND e.amount IS NOT NULL AND e.status IN ('booked', 'returned', 'other')
    AND (e.booked_on IS NULL OR last.period_to IS NULL OR e.booked_on <= last.period_to)
)
"""


async def sum_entries(connection: Connection, business_id: UUID) -> list[EntrySum]:
    """What moved the account until its last statement, by kind."""
    async with connection.cursor(row_factory=class_row(EntrySum)) as cursor:
        await cursor.execute(
            f"{_ENTRIES} SELECT currency, status, unmatched, count(*) AS entries,"  # noqa: S608  # a constant
            " sum(moved)::bigint AS moved FROM stated GROUP BY 1, 2, 3, moved > 0 ORDER BY 1, 2, 3",
            {"b": business_id},
        )
        return await cursor.fetchall()


async def sum_not_stated(connection: Connection, business_id: UUID) -> list[NotStated]:
    """What is booked by another report alone."""
    async with connection.cursor(row_factory=class_row(NotStated)) as cursor:
        await cursor.execute(
            f"{_ENTRIES} SELECT p.currency, count(*) AS payments, sum(p.amount)::bigint AS total"  # noqa: S608  # a constant
            " FROM bank_payments p WHERE p.business_id = %(b)s"
            " AND p.status IN ('booked', 'returned') AND p.booked_on IS NOT NULL"
            " AND NOT EXISTS (SELECT FROM stated s WHERE s.status = 'booked'"
            "   AND s.unmatched IS NULL AND s.reference = p.reference)"
            " AND NOT EXISTS (SELECT FROM stated s WHERE s.status = 'booked'"
            "   AND s.unmatched IS NULL AND s.reference IS NULL AND s.file_id = p.file_id)"
            " GROUP BY 1 ORDER BY 1",
            {"b": business_id},
        )
        return await cursor.fetchall()
