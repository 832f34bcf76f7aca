"""The SQL of how the WAL archive is doing."""

import msgspec
from psycopg.rows import class_row

from payviox.db.embedded.archive import SLOT
from payviox.db.pool import Connection


class Row(msgspec.Struct, frozen=True):
    """`slot` is the embedded archive's state, None where it has none."""

    slot: str | None
    active: bool | None
    behind_bytes: int | None
    command_fails: bool


async def read(connection: Connection) -> Row:
    async with connection.cursor(row_factory=class_row(Row)) as cursor:
        await cursor.execute(
            "SELECT s.wal_status AS slot, s.active,"
            " pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)::bigint AS behind_bytes,"
            " coalesce(a.last_failed_time > coalesce(a.last_archived_time, '-infinity'), false)"
            "   AS command_fails"
            " FROM pg_stat_archiver a LEFT JOIN pg_replication_slots s ON s.slot_name = %s",
            [SLOT],
        )
        row = await cursor.fetchone()
    assert row is not None  # noqa: S101  # pg_stat_archiver has one row
    return row
