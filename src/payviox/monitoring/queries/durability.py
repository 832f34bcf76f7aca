"""The SQL of what the database server is set to where it decides whether a commit is kept."""

import msgspec
from psycopg.rows import class_row

from payviox.db.embedded.archive import SLOT
from payviox.db.pool import Connection


class Durability(msgspec.Struct, frozen=True):
    """The server's settings and place: `version` such as 170002. `standbys` are connected now; what
    only takes WAL or a copy, as the embedded archive and pg_basebackup do, is none."""

    version: int
    fsync: bool
    full_page_writes: bool
    names_synchronous_standbys: bool
    standbys: int


async def read(connection: Connection) -> Durability:
    async with connection.cursor(row_factory=class_row(Durability)) as cursor:
        await cursor.execute(
            "SELECT current_setting('server_version_num')::int AS version,"
            " current_setting('fsync')::bool AS fsync,"
            " current_setting('full_page_writes')::bool AS full_page_writes,"
            " current_setting('synchronous_standby_names') <> '' AS names_synchronous_standbys,"
            " (SELECT count(*) FROM pg_stat_replication"
            "   WHERE application_name <> ALL (%s))::int AS standbys",
            [[SLOT, "pg_basebackup", "pg_receivewal"]],
        )
        row = await cursor.fetchone()
    assert row is not None  # noqa: S101  # a constant query
    return row
