"""Sessions on a server that is not the primary any more: they are closed, and what was not
committed is done again."""

import time

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from payviox.db import pool
from payviox.db.pool import Connection, Database, NotCommitted
from payviox.db.timelines import FormerPrimary, Timelines
from payviox.errors import DatabaseAway
from support.databases import Urls

pytestmark = pytest.mark.anyio


async def backend(connection: Connection) -> int:
    return connection.info.backend_pid


async def opened(urls: Urls) -> Database:
    database = Database(urls.application, size=2, engine_size=1, readers=1)
    await database.open()
    return database


async def test_a_write_that_meets_a_demoted_server_is_done_again_on_other_sessions(
    urls: Urls,
) -> None:
    database = await opened(urls)
    readers = await database.fetch(backend)
    tries: list[int] = []

    async def work(connection: Connection) -> int:
        tries.append(connection.info.backend_pid)
        if len(tries) == 1:  # as in a session that outlived its server's demotion
            await connection.execute("SET TRANSACTION READ ONLY")
        await connection.execute("SELECT FROM businesses FOR UPDATE")
        return len(tries)

    try:
        assert await database.write(work) == 2
        assert tries[0] != tries[1]
        assert await database.fetch(backend) != readers, "what only reads is stale there, too"
    finally:
        await database.close()


async def test_the_engine_hears_that_nothing_was_committed(urls: Urls) -> None:
    database = await opened(urls)
    used: list[int] = []

    async def demoted() -> None:
        async with database.engine() as connection, connection.transaction():
            used.append(connection.info.backend_pid)
            await connection.execute("SET TRANSACTION READ ONLY")
            await connection.execute("SELECT FROM businesses FOR UPDATE")

    try:
        with pytest.raises(NotCommitted):
            await demoted()
        async with database.engine() as connection:
            assert connection.info.backend_pid not in used
    finally:
        await database.close()


async def test_a_session_on_an_older_timeline_is_refused_and_on_a_newer_one_replaces_all(
    urls: Urls,
) -> None:
    database = await opened(urls)
    try:
        before = await database.fetch(backend)
        [(system, timeline)] = database._timelines._newest.items()
        database._timelines._newest[system] = (
            timeline - 1
        )  # all that are open are of the one before
        database._left_at = time.monotonic()  # somebody was just refused a write
        async with await psycopg.AsyncConnection.connect(urls.application) as newer:
            await database.check_server(newer)
            assert await database.fetch(backend) != before

        database._timelines._newest[system] = timeline + 1
        async with await psycopg.AsyncConnection.connect(urls.application) as older:
            with pytest.raises(FormerPrimary):
                await database.check_server(older)
            assert older.closed
    finally:
        await database.close()


async def test_hosts_that_led_to_a_former_primary_come_last(urls: Urls) -> None:
    known = conninfo_to_dict(urls.application)
    timelines = Timelines("postgresql://me@a:1,b:2,c:3/payviox?target_session_attrs=read-write")
    assert await timelines.url() == timelines._url
    timelines._former.add(("a", "1"))
    moved = conninfo_to_dict(await timelines.url())
    assert (moved["host"], moved["port"]) == ("b,c,a", "2,3,1")
    assert moved["target_session_attrs"] == "read-write"

    one = Timelines(urls.application)
    async with await psycopg.AsyncConnection.connect(urls.application, autocommit=True) as now:
        assert not await one.look(now)
        [(system, timeline)] = one._newest.items()
        one._newest[system] = timeline + 1
        with pytest.raises(FormerPrimary):
            await one.look(now)
    assert conninfo_to_dict(await one.url())["host"] == known["host"]


async def test_without_any_primary_callers_hear_that_the_database_is_away(
    urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "RETRY_S", 1.0)
    database = await opened(urls)

    async def work(connection: Connection) -> None:
        await connection.execute("SET TRANSACTION READ ONLY")
        await connection.execute("SELECT FROM businesses FOR UPDATE")

    try:
        with pytest.raises(DatabaseAway):
            await database.write(work)
    finally:
        await database.close()
