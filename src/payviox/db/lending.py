"""Lending connections. A pool lends nothing to whoever was cancelled, gets each connection back,
and tries again while its database is away."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

logger = logging.getLogger(__name__)

Connection = AsyncConnection[tuple[object, ...]]

RECONNECT_S = 1.0
"""A pool without a database tries again as often, however long it has been away: by itself it would
wait twice as long after each try."""
SAID_EVERY_S = 30.0
"""While a database is away that is logged so often."""


class Pool(AsyncConnectionPool[Connection]):
    """A pool that lends nothing to whoever was cancelled. Python 3.11 forgets a cancellation that
    comes together with what was waited for (`asyncio.wait_for`), and the borrower would go on."""

    async def getconn(self, timeout: float | None = None) -> Connection:  # noqa: ASYNC109  # theirs
        task = asyncio.current_task()
        before = 0 if task is None else task.cancelling()
        connection = await super().getconn(timeout)
        if task is not None and task.cancelling() > before:
            await _give_back(self, connection)
            raise asyncio.CancelledError
        return connection


_returning: set[asyncio.Task[None]] = set()
"""Connections on their way back to a pool: the event loop alone would forget these tasks."""


@asynccontextmanager
async def lent(pool: Pool) -> AsyncIterator[Connection]:
    """A connection of the pool, given back whatever happens: the pool's own way loses it where the
    borrower is cancelled while it waits for the pool's lock."""
    connection = await pool.getconn()
    try:
        async with connection:
            yield connection
    finally:
        await _give_back(pool, connection)


async def _give_back(pool: AsyncConnectionPool[Connection], connection: Connection) -> None:
    task = asyncio.create_task(pool.putconn(connection))
    _returning.add(task)
    task.add_done_callback(_returning.discard)
    await asyncio.shield(task)


class Outage:
    """What one pool does while its database is away."""

    def __init__(self) -> None:
        self._said = -SAID_EVERY_S

    async def try_again(self, pool: AsyncConnectionPool[Connection]) -> None:
        now = time.monotonic()
        if now - self._said >= SAID_EVERY_S:
            self._said = now
            logger.warning("the database is away; trying to connect each second")
        await pool.check()
