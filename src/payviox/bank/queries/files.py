"""The SQL of files: what was cut, how far it is, and its encrypted bytes."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row

from payviox.bank.model import BankFile, FileStatus
from payviox.db.pool import Connection

COLUMNS = (
    "business_id, id, scheme, format, message_id, name, execution_date, currency, payments, total,"
    " cents, digest, status, created_by, created_at, approved_at, way, step,"
    " coalesce(lease_until > clock_timestamp(), false) AS is_leased, problem, released_by,"
    " released_at, ended_at"
)
SELECT = f"SELECT {COLUMNS} FROM bank_files"  # noqa: S608  # constants


async def insert(connection: Connection, file: BankFile, sealed: bytes, key_id: str) -> None:
    await connection.execute(
        "INSERT INTO bank_files (business_id, id, scheme, format, message_id, name,"
        " execution_date, currency, payments, total, cents, digest, sealed, key_id, created_by)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            file.business_id,
            file.id,
            file.scheme,
            file.format,
            file.message_id,
            file.name,
            file.execution_date,
            file.currency,
            file.payments,
            file.total,
            file.cents,
            file.digest,
            sealed,
            key_id,
            file.created_by,
        ],
    )


async def find(
    connection: Connection, business_id: UUID, file_id: UUID, *, lock: bool = False
) -> BankFile | None:
    async with connection.cursor(row_factory=class_row(BankFile)) as cursor:
        await cursor.execute(
            f"{SELECT} WHERE business_id = %s AND id = %s{' FOR UPDATE' if lock else ''}",
            [business_id, file_id],
        )
        return await cursor.fetchone()


async def find_by_message(
    connection: Connection, business_id: UUID, message_id: str
) -> BankFile | None:
    """The file that the bank knows by this id, held."""
    async with connection.cursor(row_factory=class_row(BankFile)) as cursor:
        await cursor.execute(
            f"{SELECT} WHERE business_id = %s AND message_id = %s FOR UPDATE",
            [business_id, message_id],
        )
        return await cursor.fetchone()


async def lock_of_payments(
    connection: Connection, business_id: UUID, end_to_end_ids: Sequence[str]
) -> None:
    """Hold the files of these payments: whoever changes both holds files first."""
    await connection.execute(
        "SELECT id FROM bank_files WHERE business_id = %(b)s AND id IN (SELECT p.file_id"
        "   FROM bank_payments p WHERE p.business_id = %(b)s AND p.end_to_end_id = ANY(%(ids)s)"
        "   AND p.file_id IS NOT NULL) ORDER BY id FOR UPDATE",
        {"b": business_id, "ids": list(end_to_end_ids)},
    )


async def list_page(
    connection: Connection,
    business_id: UUID,
    *,
    status: FileStatus | None = None,
    after: UUID | None = None,
    limit: int = 50,
) -> list[BankFile]:
    """A business's files, newest first, before the file `after`."""
    async with connection.cursor(row_factory=class_row(BankFile)) as cursor:
        await cursor.execute(
            f"{SELECT} WHERE business_id = %(b)s AND (%(status)s::text IS NULL OR status ="
            " %(status)s) AND (%(after)s::uuid IS NULL OR id < %(after)s)"
            " ORDER BY id DESC LIMIT %(limit)s",
            {"b": business_id, "status": status, "after": after, "limit": limit},
        )
        return await cursor.fetchall()


async def list_to_release(connection: Connection, business_id: UUID) -> list[BankFile]:
    """What was approved, or is being handed over by somebody who may be gone, the oldest first."""
    async with connection.cursor(row_factory=class_row(BankFile)) as cursor:
        await cursor.execute(
            f"{SELECT} WHERE business_id = %s AND status = 'approved' ORDER BY id", [business_id]
        )
        return await cursor.fetchall()


async def sealed_bytes(
    connection: Connection, business_id: UUID, file_id: UUID
) -> tuple[bytes, str]:
    """A file's encrypted bytes, and the key's id."""
    cursor = await connection.execute(
        "SELECT sealed, key_id FROM bank_files WHERE business_id = %s AND id = %s",
        [business_id, file_id],
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101  # the caller has found it
    return row[0], str(row[1])  # type: ignore[return-value]  # bytea, text


async def update(connection: Connection, file: BankFile, changes: Mapping[str, object]) -> None:
    """Set these columns; their names come from the code, never from a caller. `lease_s` leases it
    for so many seconds from now on, None ends a lease; those that end in `_at` are set to now."""
    assignments = []
    for name in changes:
        if name == "lease_s":
            value = sql.SQL("lease_until = statement_timestamp() + make_interval(secs => {})")
            assignments.append(value.format(sql.Placeholder(name)))
        elif name.endswith("_at"):
            assignments.append(sql.SQL("{} = now()").format(sql.Identifier(name)))
        else:
            assignments.append(
                sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name))
            )
    await connection.execute(
        sql.SQL("UPDATE bank_files SET {} WHERE business_id = {} AND id = {}").format(
            sql.SQL(", ").join(assignments), sql.Placeholder("_b"), sql.Placeholder("_id")
        ),
        {**changes, "_b": file.business_id, "_id": file.id},
    )


async def list_other_keys(
    connection: Connection, key_id: str, limit: int
) -> list[tuple[UUID, UUID]]:
    """Files whose bytes another key encrypted (a sweep over all businesses)."""
    cursor = await connection.execute(
        "SELECT business_id, id FROM bank_files WHERE key_id <> %s ORDER BY business_id, id"
        " LIMIT %s",
        [key_id, limit],
    )
    return [(row[0], row[1]) async for row in cursor]  # type: ignore[misc]  # uuids


async def now(connection: Connection) -> datetime:
    """The database's time, by which files are dated."""
    cursor = await connection.execute("SELECT clock_timestamp()")
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101  # it answers a row
    return row[0]  # type: ignore[return-value]  # timestamptz


async def count_since(connection: Connection, business_id: UUID, scheme: str, day: date) -> int:
    """How many files of a scheme were cut since this day began, in UTC."""
    cursor = await connection.execute(
        "SELECT count(*) FROM bank_files WHERE business_id = %s AND scheme = %s"
        " AND created_at >= %s::date::timestamp AT TIME ZONE 'UTC'",
        [business_id, scheme, day],
    )
    row = await cursor.fetchone()
    return int(str(row[0])) if row else 0


async def was_cut_since(
    connection: Connection, business_id: UUID, scheme: str, since: datetime
) -> bool:
    """Whether a file of a scheme was cut by the worker since then."""
    cursor = await connection.execute(
        "SELECT FROM bank_files WHERE business_id = %s AND scheme = %s AND created_at >= %s"
        " AND created_by = 'worker' LIMIT 1",
        [business_id, scheme, since],
    )
    return await cursor.fetchone() is not None


async def list_stuck(connection: Connection) -> list[tuple[UUID, UUID]]:
    """Files whose handing over somebody began and did not end (a sweep over all businesses)."""
    cursor = await connection.execute(
        "SELECT business_id, id FROM bank_files WHERE status = 'approved'"
        " AND step IN ('writing', 'renaming') AND lease_until <= clock_timestamp()"
    )
    return [(row[0], row[1]) async for row in cursor]  # type: ignore[misc]  # uuids
