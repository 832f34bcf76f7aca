"""Whether this database is where it was: one that was brought back from a backup, or copied, does
not know what has left since. It is told by what no dump carries.

- the server, the database, the table of transfers and the server's timeline: another one after
  `pg_restore`, a recovery to a point in time or a promoted standby;
- of the embedded server, when its data folder's first file was written, which a copy does not keep;
- the mark that `database restore` sets on the database, outside of its tables, so that a backup of
  an earlier schema is known for one too.

A whole machine's snapshot shows none of it: `payviox database restored` says it then.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from payviox.db import session
from payviox.db.pool import Connection

ORIGIN = (
    "(concat_ws('/', (SELECT system_identifier FROM pg_control_system()),"
    " (SELECT oid FROM pg_database WHERE datname = current_database()),"
    " 'public.transfers'::regclass::oid, left(pg_walfile_name(pg_current_wal_lsn()), 8)))"
)
"""Where the database is, as an SQL expression."""

MARK = "payviox.restored"


@dataclass(frozen=True, slots=True)
class _Known:
    origin: str
    folder: str | None
    mark: str | None
    origin_now: str
    mark_now: str | None


def folder_of(data: Path) -> str | None:
    """What tells an embedded data folder from its copies; None where there is none yet."""
    try:
        return str((data / "PG_VERSION").stat().st_ctime_ns)
    except OSError:
        return None


def mark_restored(admin_url: str) -> None:
    """Mark the database that a backup is about to be read into, as a superuser."""
    with psycopg.connect(admin_url, autocommit=True, options=session.READ_ALIKE) as connection:
        row = connection.execute("SELECT current_database(), clock_timestamp()::text").fetchone()
        assert row is not None  # noqa: S101  # a SELECT without FROM
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET {} = {}").format(
                sql.Identifier(str(row[0])), sql.SQL(MARK), sql.Literal(row[1])
            )
        )


async def was_moved(connection: Connection, folder: str | None) -> bool:
    """Whether the database was restored or copied since it was last asked; it is remembered where
    it is now. A database that was never asked and has no mark is where it always was."""
    await connection.execute(
        "INSERT INTO installation (origin, folder)"  # noqa: S608  # a constant of this file
        f" VALUES ({ORIGIN}, %s) ON CONFLICT DO NOTHING",
        [folder],
    )
    async with connection.cursor(row_factory=class_row(_Known)) as cursor:
        await cursor.execute(
            f"SELECT origin, folder, mark, {ORIGIN} AS origin_now,"  # noqa: S608  # likewise
            " nullif(current_setting(%s, true), '') AS mark_now FROM installation FOR UPDATE",
            [MARK],
        )
        known = await cursor.fetchone()
    assert known is not None  # noqa: S101  # inserted above, never deleted
    other_folder = None not in (folder, known.folder) and folder != known.folder
    moved = known.origin != known.origin_now or known.mark != known.mark_now or other_folder
    if moved or folder != known.folder:
        await connection.execute(
            "UPDATE installation SET origin = %s, mark = %s, folder = coalesce(%s, folder)",
            [known.origin_now, known.mark_now, folder],
        )
    if moved:
        await note_restored(connection)
    return moved


async def note_restored(connection: Connection) -> None:
    """Remember that the database was brought back from a backup now."""
    await connection.execute("UPDATE installation SET restored_at = now()")


async def restored_at(connection: Connection) -> datetime | None:
    """When it was noticed last that this database was restored or copied."""
    cursor = await connection.execute("SELECT restored_at FROM installation")
    row = await cursor.fetchone()
    return row[0] if row and isinstance(row[0], datetime) else None
