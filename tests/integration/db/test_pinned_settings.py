"""What every session of the application insists on, whatever its role or its database would set."""

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from payviox.db.pool import Connection, Database
from support.databases import Urls

pytestmark = pytest.mark.anyio

PINNED = {
    "search_path": ("pg_temp, public", "public,pg_temp"),
    "synchronous_commit": ("off", "on"),
    "default_transaction_read_only": ("on", "off"),
    "default_transaction_isolation": ("serializable", "read committed"),
    "lock_timeout": ("0", "30s"),
    "idle_in_transaction_session_timeout": ("0", "1min"),
    "statement_timeout": ("'5s'", "0"),
    "idle_session_timeout": ("'5s'", "0"),
}


async def settings(connection: Connection) -> dict[str, object]:
    shown = {}
    for name in PINNED:
        cursor = await connection.execute(sql.SQL("SHOW {}").format(sql.Identifier(name)))
        row = await cursor.fetchone()
        shown[name] = row and row[0]
    return shown


async def test_what_a_role_or_a_database_sets_does_not_reach_the_pools(urls: Urls) -> None:
    """One statement of the application's own role would be enough to set it."""
    place = sql.Identifier(str(conninfo_to_dict(urls.application)["dbname"]))
    with psycopg.connect(urls.application, autocommit=True) as loosened:
        for name, (value, _) in PINNED.items():
            loosened.execute(
                sql.SQL("ALTER ROLE CURRENT_USER IN DATABASE {} SET {} = {}").format(
                    place, sql.Identifier(name), sql.SQL(value)
                )
            )
        database = Database(urls.application, size=1, engine_size=1, readers=1)
        try:
            await database.open()
            expected = {name: value for name, (_, value) in PINNED.items()}
            assert await database.fetch(settings) == expected
            assert await database.write(settings) == expected
            async with database.engine() as connection:
                assert await settings(connection) == expected
        finally:
            await database.close()
            loosened.execute(
                sql.SQL("ALTER ROLE CURRENT_USER IN DATABASE {} RESET ALL").format(place)
            )
