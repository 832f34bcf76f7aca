"""A pool gets its connections back from whoever is canceled, at whatever moment."""

import asyncio

import pytest

from payviox.db.lending import Pool
from payviox.db.pool import Connection, Database
from support.machine import stretch

pytestmark = pytest.mark.anyio


async def test_a_borrower_canceled_while_it_gives_back_takes_no_connection_along(
    database: Database,
) -> None:
    pool = database._readers
    for _ in range(8):
        entered, leave = asyncio.Event(), asyncio.Event()

        async def work(
            connection: Connection,
            entered: asyncio.Event = entered,
            leave: asyncio.Event = leave,
        ) -> None:
            await connection.execute("SELECT 1")
            entered.set()
            await leave.wait()

        borrower = asyncio.create_task(database.fetch(work))
        await entered.wait()
        async with pool._lock:  # as another borrower may hold it for a moment
            leave.set()
            async with asyncio.timeout(stretch(30)):
                while not pool._lock._waiters:  # noqa: ASYNC110  # a lock tells nobody who waits
                    await asyncio.sleep(0)
            borrower.cancel()
            with pytest.raises(asyncio.CancelledError):
                await borrower
    counts = pool.get_stats()
    assert await database.fetch(_one) == 1
    assert counts["pool_size"] - counts.get("pool_available", 0) <= 1


async def test_a_borrower_canceled_while_it_waits_gets_no_connection_at_whatever_moment(
    database: Database,
) -> None:
    async def borrow(pool: Pool) -> None:
        connection = await pool.getconn()
        try:
            await asyncio.Event().wait()
        finally:
            await pool.putconn(connection)

    async with Pool(database.url, min_size=1, max_size=1, open=False) as pool:
        for turns in range(20):
            held = await pool.getconn()
            borrower = asyncio.create_task(borrow(pool))
            async with asyncio.timeout(stretch(30)):
                while not pool._waiting:  # noqa: ASYNC110  # a pool tells nobody who waits
                    await asyncio.sleep(0)
            await pool.putconn(held)
            for _ in range(turns):
                await asyncio.sleep(0)
            borrower.cancel()
            ended, _ = await asyncio.wait([borrower], timeout=stretch(10))
            borrower.cancel()
            assert ended, f"{turns} turns after its connection came"


async def _one(connection: Connection) -> object:
    row = await (await connection.execute("SELECT 1")).fetchone()
    return row and row[0]
