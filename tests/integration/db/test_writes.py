"""What ends a write is what its caller is told, whatever state its connection was left in."""

import asyncio
from contextlib import suppress

import psycopg
import pytest

from payviox.db import pool
from payviox.db.pool import Connection, Database
from payviox.errors import OutcomeUnknown

pytestmark = pytest.mark.anyio


class Refused(Exception):
    """What a work raises here."""


@pytest.mark.parametrize("end", [Refused, asyncio.CancelledError])
async def test_a_work_that_ends_amid_a_command_says_why(
    database: Database, end: type[BaseException]
) -> None:
    async def work(connection: Connection) -> None:
        connection.pgconn.send_query(b"SELECT pg_sleep(1)")  # as cancelling a COPY may leave it
        raise end

    with pytest.raises(end):
        await database.write(work)
    for _ in range(2):
        assert await database.write(_one) == 1


async def test_a_cancelled_writer_ends(database: Database) -> None:
    """A process that stops waits for what it cancelled."""
    begun = asyncio.Event()

    async def work(connection: Connection) -> None:
        begun.set()
        try:
            await connection.execute("SELECT pg_sleep(600)")
        except asyncio.CancelledError:
            connection.pgconn.send_query(b"SELECT pg_sleep(1)")
            raise

    async def write_for_ever() -> None:
        while True:
            with suppress(Exception):  # as what writes by the way does
                await database.write(work)

    writer = asyncio.create_task(write_for_ever())
    await begun.wait()
    writer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writer


async def _one(connection: Connection) -> object:
    row = await (await connection.execute("SELECT 1")).fetchone()
    return row and row[0]


async def test_a_work_that_heeds_no_failure_is_not_committed(database: Database) -> None:
    """COMMIT answers ROLLBACK then, without an error."""

    async def heedless(connection: Connection) -> str:
        with suppress(psycopg.Error):
            await connection.execute("SELECT 1/0")
        return "done"

    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        await database.write(heedless)
    assert await database.write(_one) == 1


async def test_a_work_that_a_clusters_node_was_lost_for_is_undone_and_repeated(
    database: Database,
) -> None:
    """The coordinator says so, and its session goes on."""
    before = []

    async def work(connection: Connection) -> str:
        cursor = await connection.execute("SELECT nullif(current_setting('test.done', true), '')")
        before.append(await cursor.fetchone())
        await connection.execute("SELECT set_config('test.done', 'yes', true)")
        if len(before) == 1:
            raise psycopg.errors.ConnectionFailure("connection to the remote node failed")
        return "done"

    assert await database.write(work) == "done"
    assert before == [(None,), (None,)]


@pytest.mark.parametrize("keyed", [False, True])
async def test_a_commit_that_a_node_may_have_made_is_unknown_and_repeated_only_with_a_key(
    database: Database, monkeypatch: pytest.MonkeyPatch, keyed: bool
) -> None:
    commit, works = pool._commit, 0

    async def lose_the_node(connection: Connection) -> str | None:
        status = await commit(connection)
        if works == 1:
            raise psycopg.errors.InternalError_("could not commit on any active node")
        return status

    async def work(connection: Connection) -> object:
        nonlocal works
        works += 1
        return await _one(connection)

    monkeypatch.setattr(pool, "_commit", lose_the_node)
    if keyed:
        assert await database.write(work, keyed=True) == 1
    else:
        with pytest.raises(OutcomeUnknown):
            await database.write(work)
    assert works == 1 + keyed
