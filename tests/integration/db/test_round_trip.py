"""Statements sent in one round trip: whatever ends it, the connection is ready for the next one or
closed, and says which."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg.pq import PipelineStatus, TransactionStatus

from payviox.db.pool import Connection, Database, roll_back
from payviox.db.round_trip import Sent, Statement, round_trip
from support.databases import Urls
from support.polling import eventually

pytestmark = pytest.mark.anyio

BEGIN = Statement("t_begin", "BEGIN")
ONE = Statement("t_one", "SELECT 1")
ECHO = Statement("t_echo", "SELECT $1::text")
LENGTH = Statement("t_length", "SELECT length($1::text)")
DIVIDE = Statement("t_divide", "SELECT 1 / $1::int")
WRONG = Statement("t_wrong", "SELECT nothing FROM nowhere")
WAIT = Statement("t_wait", "SELECT pg_advisory_xact_lock_shared(4713)")
NOTICE = Statement("t_notice", "DO $$ BEGIN RAISE WARNING 'beware'; END $$")
KEEP = Statement("t_keep", "SELECT set_config('payviox.t', $1, false)")

LARGE = b"x" * 20_000_000
"""More than the buffers of a socket hold."""


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[Connection]:
    async with database.engine() as lent:
        yield lent


async def is_ready(connection: Connection) -> bool:
    """Whether the connection is in no transaction and answers what it is asked next, either way."""
    pgconn = connection.pgconn
    ready = (
        pgconn.transaction_status == TransactionStatus.IDLE
        and pgconn.pipeline_status == PipelineStatus.OFF
    )
    cursor = await connection.execute("SELECT 7")
    return ready and await cursor.fetchone() == (7,) and await one(connection) == [[(1,)]]


async def one(connection: Connection) -> list[Any]:
    return await round_trip(connection, (ONE, ()))


@contextmanager
def locked(urls: Urls) -> Iterator[psycopg.Connection[Any]]:
    """Keeps WAIT waiting."""
    with urls.as_admin() as admin:
        admin.execute("SELECT pg_advisory_lock(4713)")
        yield admin


async def waiting(admin: psycopg.Connection[Any], connection: Connection) -> None:
    pid = connection.info.backend_pid
    await eventually(
        lambda: admin.execute(
            "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'", [pid]
        ).fetchone()
    )


async def gone(admin: psycopg.Connection[Any], pid: int) -> None:
    await eventually(
        lambda: not admin.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone()
    )


async def test_each_statement_answers_its_rows_in_their_types(connection) -> None:
    several = Statement(
        "t_several",
        "SELECT n, n > 1, NULL::text, ARRAY[n::text], '0195d7a8-0000-7000-8000-000000000000'::uuid"
        " FROM generate_series(1, $1::int) n",
    )
    rows, none, text = await round_trip(
        connection, (several, (b"2",)), (several, (b"0",)), (ECHO, ("für 東京 \\ '".encode(),))
    )
    assert [row[:4] for row in rows] == [(1, False, None, ["1"]), (2, True, None, ["2"])]
    assert str(rows[0][4]) == "0195d7a8-0000-7000-8000-000000000000"
    assert (none, text) == ([], [("für 東京 \\ '",)])
    assert await is_ready(connection)


async def test_it_is_prepared_once_and_planned_once(connection) -> None:
    often = Statement("t_often", "SELECT $1::text")
    for number in range(10):
        await round_trip(connection, (often, (b"%d" % number,)))
    cursor = await connection.execute(
        "SELECT count(*), sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements"
        " WHERE name = 't_often'"
    )
    assert await cursor.fetchone() == (1, 10, 0)


async def test_statements_outside_a_transaction_are_one(connection) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        await round_trip(connection, (KEEP, (b"kept",)), (DIVIDE, (b"0",)))
    cursor = await connection.execute("SELECT current_setting('payviox.t', true)")
    assert await cursor.fetchone() != ("kept",)
    assert await is_ready(connection)


@pytest.mark.parametrize("position", range(4))
async def test_an_error_anywhere_is_raised_and_leaves_the_connection(connection, position) -> None:
    sent: list[Sent] = [(BEGIN, ()), (ONE, ()), (ECHO, (b"a",))]
    sent.insert(position, (DIVIDE, (b"0",)))
    for _ in range(2):  # before and after they are prepared
        with pytest.raises(psycopg.errors.DivisionByZero):
            await round_trip(connection, *sent)
        assert await roll_back(connection)
        assert await is_ready(connection)


async def test_a_statement_that_cannot_be_prepared_harms_no_other(connection) -> None:
    for _ in range(2):
        with pytest.raises(psycopg.errors.UndefinedTable):
            await round_trip(connection, (BEGIN, ()), (LENGTH, (b"a",)), (WRONG, ()), (ONE, ()))
        assert await roll_back(connection)
    assert await round_trip(connection, (LENGTH, (b"abc",))) == [[(3,)]]
    assert await is_ready(connection)


async def test_a_notice_is_no_result(connection) -> None:
    notices: list[Any] = []
    connection.add_notice_handler(lambda notice: notices.append(notice.message_primary))
    assert await round_trip(connection, (ECHO, (b"a",)), (NOTICE, ()), (ONE, ())) == [
        [("a",)],
        [],
        [(1,)],
    ]
    assert notices == ["beware"]
    assert await is_ready(connection)


async def test_more_than_the_socket_holds_goes_out_while_the_answers_come_in(connection) -> None:
    rows = await round_trip(connection, (ECHO, (LARGE,)), (ECHO, (LARGE,)), (LENGTH, (LARGE,)))
    assert [len(rows[0][0][0]), len(rows[1][0][0]), rows[2][0][0]] == [len(LARGE)] * 3
    assert await is_ready(connection)


async def test_a_lock_that_does_not_come_in_time_leaves_the_connection(connection, urls) -> None:
    with locked(urls):
        await connection.execute("BEGIN; SET LOCAL lock_timeout = '1ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            await round_trip(connection, (ONE, ()), (WAIT, ()), (ONE, ()))
    assert await roll_back(connection)
    assert await is_ready(connection)


async def test_a_deadlock_leaves_the_connection(connection, urls) -> None:
    other = Statement("t_other", "SELECT pg_advisory_xact_lock(4714)")
    with locked(urls) as admin:
        admin.execute("SET deadlock_timeout = '60s'")  # so that the other session is the victim
        await round_trip(connection, (BEGIN, ()), (other, ()))
        task = asyncio.ensure_future(round_trip(connection, (WAIT, ()), (ONE, ())))
        await waiting(admin, connection)
        await asyncio.to_thread(admin.execute, "SELECT pg_advisory_lock(4714)")
        with pytest.raises(psycopg.errors.DeadlockDetected):
            await task
    assert await roll_back(connection)
    assert await is_ready(connection)


@pytest.mark.parametrize("large", [False, True])
async def test_cancelled_it_ends_the_statement_and_closes_the_connection(
    database: Database, urls: Urls, large: bool
) -> None:
    """While the server works on a statement, with all others read or, large ones, half sent."""
    behind: list[Sent] = [(LENGTH, (LARGE,)), (ECHO, (LARGE,))] if large else []
    with locked(urls) as admin:
        async with database.engine() as connection:
            pid = connection.info.backend_pid
            task = asyncio.ensure_future(
                round_trip(connection, (BEGIN, ()), (WAIT, ()), *behind, (ONE, ()))
            )
            await waiting(admin, connection)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert connection.broken
            assert not await roll_back(connection)
        await gone(admin, pid)  # although the lock is still held
    async with database.engine() as another:
        assert await is_ready(another)


async def test_cancelled_twice_it_closes_the_connection_all_the_same(
    database: Database, urls: Urls
) -> None:
    with locked(urls) as admin:
        async with database.engine() as connection:
            pid = connection.info.backend_pid
            task = asyncio.ensure_future(round_trip(connection, (WAIT, ()), (ONE, ())))
            await waiting(admin, connection)
            task.cancel()
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert connection.broken
        admin.execute("SELECT pg_terminate_backend(%s::integer)", [pid])  # had nobody cancelled it
        await gone(admin, pid)


@pytest.mark.parametrize("inside", [False, True])
async def test_a_session_that_is_terminated_is_an_error_and_a_broken_connection(
    database: Database, urls: Urls, inside: bool
) -> None:
    with locked(urls) as admin:
        async with database.engine() as connection:
            pid = connection.info.backend_pid
            if inside:
                task = asyncio.ensure_future(round_trip(connection, (ONE, ()), (WAIT, ())))
                await waiting(admin, connection)
            admin.execute("SELECT pg_terminate_backend(%s::integer)", [pid])
            await gone(admin, pid)
            with pytest.raises(psycopg.OperationalError):
                await (task if inside else one(connection))
            assert connection.broken
            with pytest.raises(psycopg.OperationalError):
                await one(connection)


async def test_a_session_that_was_reset_behind_it_is_given_up(database: Database) -> None:
    async with database.engine() as connection:
        await one(connection)
        await connection.execute("DISCARD ALL")
        with pytest.raises(psycopg.errors.InvalidSqlStatementName):
            await one(connection)
        assert connection.broken
    async with database.engine() as another:
        assert await is_ready(another)


async def test_a_session_that_has_prepared_other_statements_is_given_up(database: Database) -> None:
    """As a pooler lends one that somebody else had."""
    async with database.engine() as connection:
        await connection.execute("PREPARE t_lent AS SELECT 2")
        with pytest.raises(psycopg.errors.DuplicatePreparedStatement):
            await round_trip(connection, (Statement("t_lent", "SELECT 1"), ()))
        assert connection.broken
    async with database.engine() as another:
        assert await is_ready(another)
