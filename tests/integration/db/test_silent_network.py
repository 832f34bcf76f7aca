"""A network that is gone without a word: nobody closes a connection, nothing is ever answered. The
kernel tells, after the time that sessions ask for."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from payviox.db import listening, session
from payviox.db.pool import Connection, Database
from support.databases import Urls
from support.polling import eventually
from support.proxy import Proxy, proxy

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif("sys.platform != 'linux'", reason="the kernel's filters are Linux's"),
]

TIMES = {"keepalives_idle": 1, "keepalives_interval": 1, "tcp_user_timeout": 2_000}
QUICK = {name: TIMES.get(name, value) for name, value in session.LINK.items()}
"""What sessions ask for, with shorter times."""


@pytest.fixture
async def between(fresh_urls: Urls, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Proxy]:
    monkeypatch.setattr(session, "LINK", QUICK)
    async with proxy(fresh_urls.application) as running:
        yield running


async def one(connection: Connection) -> object:
    row = await (await connection.execute("SELECT 1")).fetchone()
    return row and row[0]


async def wait_for_the_lock(connection: Connection) -> object:
    await connection.execute("SELECT pg_advisory_xact_lock(7)")
    return "done"


async def test_whoever_asks_or_waits_is_answered_on_new_connections(
    fresh_urls: Urls, between: Proxy
) -> None:
    database = Database(between.url, size=2, engine_size=1, readers=1)
    await database.open()
    with fresh_urls.as_admin() as admin:
        admin.execute("SELECT pg_advisory_lock(7)")
        try:
            assert await database.fetch(one) == 1
            waiting = asyncio.create_task(database.write(wait_for_the_lock))
            [lost] = await eventually(lambda: _waiting(admin))
            assert between.fall_silent() >= 4
            # One sends what nobody acknowledges, the other has sent, and hears nothing more.
            assert await database.fetch(one) == 1
            await eventually(lambda: len(_waiting(admin)) == 2)
            # Its server hears nothing either, and ends the first session by its own keepalives.
            admin.execute("SELECT pg_terminate_backend(%s::integer)", [lost])
            admin.execute("SELECT pg_advisory_unlock(7)")
            assert await waiting == "done"
        finally:
            await database.close()


def _waiting(admin: psycopg.Connection[tuple[object, ...]]) -> list[object]:
    """The sessions that wait for the lock."""
    waiting = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    return [pid for (pid,) in admin.execute(waiting)]


async def test_whoever_listens_hears_that_the_connection_is_lost(between: Proxy) -> None:
    database = Database(between.url, size=1, engine_size=1, readers=1)
    await database.open()
    try:
        connection = await listening.listen(database, "payviox_changes")
        assert between.fall_silent()
        with pytest.raises(psycopg.OperationalError):
            async for _ in connection.notifies():
                pass
    finally:
        await database.close()
