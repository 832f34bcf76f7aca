"""The SQL of what the bank gave us: reports, their entries, and what the last statements left."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from payviox.bank.model import Entry, Import
from payviox.db.pool import Connection

IMPORT = (
    "business_id, id, kind, digest, number, message_id, file_name, source, account, currency,"
    " period_from, period_to, opening, closing, entries, repeated, unmatched, created_by,"
    " created_at"
)
ENTRY = (
    "business_id, id, import_id, status, end_to_end_id, message_id, direction, amount, currency,"
    " code, booked_on, entry_ref, evidence, reference, file_id, unmatched, created_at"
)


class Left(msgspec.Struct, frozen=True):
    """What the account holds of a currency by its last statement, less what is in files or on its
    way and not booked yet; in minor units."""

    currency: str
    amount: int


async def lock(connection: Connection, business_id: UUID) -> None:
    """Let a business's reports be taken one at a time, and its files be cut after them: each sees
    what the one before it did."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('bank reports ' || %s, 0))",
        [str(business_id)],
    )


async def find_all(connection: Connection, business_id: UUID, digest: str) -> list[Import]:
    """The reports of a file that was taken before, in their order."""
    async with connection.cursor(row_factory=class_row(Import)) as cursor:
        await cursor.execute(
            f"SELECT {IMPORT} FROM bank_imports WHERE business_id = %s AND digest = %s"  # noqa: S608  # constants
            " ORDER BY number",
            [business_id, digest],
        )
        return await cursor.fetchall()


async def find(connection: Connection, business_id: UUID, import_id: UUID) -> Import | None:
    async with connection.cursor(row_factory=class_row(Import)) as cursor:
        await cursor.execute(
            f"SELECT {IMPORT} FROM bank_imports WHERE business_id = %s AND id = %s",  # noqa: S608  # constants
            [business_id, import_id],
        )
        return await cursor.fetchone()


async def list_page(
    connection: Connection, business_id: UUID, *, after: UUID | None = None, limit: int = 50
) -> list[Import]:
    """Reports, newest first, before the one `after`."""
    async with connection.cursor(row_factory=class_row(Import)) as cursor:
        await cursor.execute(
            f"SELECT {IMPORT} FROM bank_imports WHERE business_id = %(b)s"  # noqa: S608  # constants
            " AND (%(after)s::uuid IS NULL OR id < %(after)s) ORDER BY id DESC LIMIT %(limit)s",
            {"b": business_id, "after": after, "limit": limit},
        )
        return await cursor.fetchall()


async def list_entries(
    connection: Connection,
    business_id: UUID,
    import_id: UUID,
    *,
    after: UUID | None = None,
    limit: int = 500,
) -> list[Entry]:
    """The entries that a report was the first to have, in its order."""
    async with connection.cursor(row_factory=class_row(Entry)) as cursor:
        await cursor.execute(
            f"SELECT {ENTRY} FROM bank_entries WHERE business_id = %(b)s AND import_id = %(i)s"  # noqa: S608  # constants
            " AND (%(after)s::uuid IS NULL OR id > %(after)s) ORDER BY id LIMIT %(limit)s",
            {"b": business_id, "i": import_id, "after": after, "limit": limit},
        )
        return await cursor.fetchall()


class Effects(msgspec.Struct, frozen=True):
    """What a report's new entries did: how many were a payment's or a file's, and how many of these
    said that it was rejected or came back."""

    matched: int
    returned: int


async def count_effects(connection: Connection, business_id: UUID, import_id: UUID) -> Effects:
    async with connection.cursor(row_factory=class_row(Effects)) as cursor:
        await cursor.execute(
            "SELECT count(*) FILTER (WHERE unmatched IS NULL) AS matched, count(*) FILTER"
            " (WHERE unmatched IS NULL AND status IN ('rejected', 'returned')) AS returned"
            " FROM bank_entries WHERE business_id = %s AND import_id = %s",
            [business_id, import_id],
        )
        found = await cursor.fetchone()
        assert found is not None  # noqa: S101  # counts answer a row
        return found


async def list_of_payment(connection: Connection, business_id: UUID, reference: str) -> list[Entry]:
    """Everything that the bank has said of a payment, the first first."""
    async with connection.cursor(row_factory=class_row(Entry)) as cursor:
        await cursor.execute(
            f"SELECT {ENTRY} FROM bank_entries WHERE business_id = %s AND reference = %s"  # noqa: S608  # constants
            " ORDER BY id",
            [business_id, reference],
        )
        return await cursor.fetchall()


async def list_unheeded(
    connection: Connection, business_id: UUID, end_to_end_ids: Sequence[str]
) -> list[Entry]:
    """What the bank has said by these ids before our books knew a payment of theirs that had left,
    the first first."""
    async with connection.cursor(row_factory=class_row(Entry)) as cursor:
        await cursor.execute(
            f"SELECT {ENTRY} FROM bank_entries WHERE business_id = %s AND end_to_end_id = ANY(%s)"  # noqa: S608  # constants
            " AND unmatched IN ('unknown', 'not_released') ORDER BY id",
            [business_id, list(end_to_end_ids)],
        )
        return await cursor.fetchall()


async def has_unheeded(connection: Connection, business_id: UUID, file_id: UUID) -> bool:
    """Whether the bank has said something of this file or a payment of it that had not left by our
    books."""
    cursor = await connection.execute(
        "SELECT FROM bank_entries WHERE business_id = %s AND file_id = %s"
        " AND unmatched = 'not_released' LIMIT 1",
        [business_id, file_id],
    )
    return await cursor.fetchone() is not None


async def list_twice(
    connection: Connection, business_id: UUID, references: Sequence[str]
) -> list[Entry]:
    """What left for these payments once more than it should, by what the bank has said."""
    async with connection.cursor(row_factory=class_row(Entry)) as cursor:
        await cursor.execute(
            f"SELECT {ENTRY} FROM bank_entries WHERE business_id = %s AND reference = ANY(%s)"  # noqa: S608  # constants
            " AND unmatched = 'twice' AND status = 'booked' ORDER BY id",
            [business_id, list(references)],
        )
        return await cursor.fetchall()


async def known(
    connection: Connection, business_id: UUID, fingerprints: Sequence[bytes]
) -> set[bytes]:
    """Which of these entries some report had before."""
    cursor = await connection.execute(
        "SELECT fingerprint FROM bank_entries WHERE business_id = %s AND fingerprint = ANY(%s)",
        [business_id, list(fingerprints)],
    )
    return {row[0] async for row in cursor}  # type: ignore[misc]  # bytea


async def said(
    connection: Connection, business_id: UUID, references: Sequence[str]
) -> set[tuple[str, str, str]]:
    """What the bank has said of these payments: payment, status, and the kind of report."""
    cursor = await connection.execute(
        "SELECT e.reference, e.status, i.kind FROM bank_entries e JOIN bank_imports i"
        " ON i.business_id = e.business_id AND i.id = e.import_id"
        " WHERE e.business_id = %s AND e.reference = ANY(%s) AND e.unmatched IS NULL",
        [business_id, list(references)],
    )
    return {(str(row[0]), str(row[1]), str(row[2])) async for row in cursor}


async def insert(connection: Connection, report: Import) -> None:
    await connection.execute(
        "INSERT INTO bank_imports (business_id, id, kind, digest, number, message_id, file_name,"
        " source, account, currency, period_from, period_to, opening, closing, entries, repeated,"
        " unmatched, created_by)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            report.business_id,
            report.id,
            report.kind,
            report.digest,
            report.number,
            report.message_id,
            report.file_name,
            report.source,
            report.account,
            report.currency,
            report.period_from,
            report.period_to,
            report.opening,
            report.closing,
            report.entries,
            report.repeated,
            report.unmatched,
            report.created_by,
        ],
    )


async def insert_entries(
    connection: Connection, business_id: UUID, rows: Sequence[dict[str, Any]]
) -> None:
    """Keep entries, each with the columns of the table by name."""
    if not rows:
        return
    await connection.execute(
        "INSERT INTO bank_entries (business_id, id, import_id, fingerprint, status, end_to_end_id,"
        " message_id, direction, amount, currency, code, booked_on, entry_ref, evidence, reference,"
        " file_id, unmatched)"
        " SELECT %(b)s, n.id, n.import_id, decode(n.fingerprint, 'hex'), n.status,"
        "   n.end_to_end_id, n.message_id, n.direction, n.amount, n.currency, n.code, n.booked_on,"
        "   n.entry_ref, n.evidence, n.reference, n.file_id, n.unmatched"
        " FROM json_to_recordset(%(rows)s::json) AS n(id uuid, import_id uuid, fingerprint text,"
        "   status text, end_to_end_id text, message_id text, direction text, amount bigint,"
        "   currency text, code text, booked_on date, entry_ref text, evidence jsonb,"
        "   reference text, file_id uuid, unmatched text)",
        {"b": business_id, "rows": msgspec.json.encode(rows).decode()},
    )


async def has_file_named(connection: Connection, business_id: UUID, file_name: str) -> bool:
    """Whether a report of this name was fetched before."""
    cursor = await connection.execute(
        "SELECT FROM bank_imports WHERE business_id = %s AND file_name = %s"
        " AND source <> 'upload' LIMIT 1",
        [business_id, file_name],
    )
    return await cursor.fetchone() is not None


async def left_of_statements(connection: Connection, business_id: UUID) -> list[Left]:
    """What the last statement of each currency left, less what it cannot know of yet."""
    async with connection.cursor(row_factory=class_row(Left)) as cursor:
        await cursor.execute(
            "SELECT s.currency, (s.closing - coalesce((SELECT sum(p.amount) FROM bank_payments p"
            "   WHERE p.business_id = %(b)s AND p.currency = s.currency"
            "   AND (p.status IN ('in_file', 'released', 'accepted')"
            "    OR p.status = 'booked' AND p.booked_on > s.period_to)), 0))::bigint AS amount"
            " FROM (SELECT DISTINCT ON (currency) currency, closing, period_to FROM bank_imports"
            "   WHERE business_id = %(b)s AND closing IS NOT NULL AND kind = 'camt.053'"
            "   ORDER BY currency, period_to DESC NULLS LAST, id DESC) s"
            " WHERE s.currency IS NOT NULL",
            {"b": business_id},
        )
        return await cursor.fetchall()
