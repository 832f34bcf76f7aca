"""A database that is away, for however long, and comes back."""

import asyncio

import pytest

from payviox.db.pool import Connection, Database
from support.databases import Urls
from support.polling import eventually
from support.proxy import proxy

pytestmark = pytest.mark.anyio


async def one(connection: Connection) -> object:
    row = await (await connection.execute("SELECT 1")).fetchone()
    return row and row[0]


async def test_however_long_it_was_away_it_is_asked_again_each_second(fresh_urls: Urls) -> None:
    """Ten tries of the one pool that is used, which would take minutes if each waited longer."""
    async with proxy(fresh_urls.application) as between:
        database = Database(between.url, size=1, engine_size=1, readers=1)
        await database.open()
        try:
            assert await database.fetch(one) == 1
            between.refusing = True
            with fresh_urls.as_admin() as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            waiting = asyncio.create_task(database.fetch(one))
            await eventually(lambda: between.refused >= 10, timeout_s=60)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            # Nobody asks now, and still it is looked for.
            before = between.refused
            await eventually(lambda: between.refused >= before + 2, timeout_s=30)
            between.refusing = False
            assert await database.fetch(one) == 1
            assert await database.write(one) == 1
        finally:
            await database.close()
