"""A worker takes wake-ups: all that wait at once, as soon as the queue announces one, so that a
thousand transactions that each wake it cost little more than one."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from uuid import UUID

import psycopg

from payviox.db import jobs
from payviox.db.listening import listen
from payviox.db.pool import Connection, Database
from payviox.errors import PayvioxError

logger = logging.getLogger(__name__)

CHANNEL = "procrastinate_any_queue_v1"
"""Where the queue announces each job."""
PAUSE_S = 0.01
"""Between two takes: so some wake-ups come together."""
LOOK_S = 5.0
"""How often it is looked whether the server is still the primary, while nothing is announced."""
AWAY_S = 1.0
"""Between two tries to connect while the database is away."""


async def take_all(database: Database, wakes: Mapping[str, Callable[[UUID], None]]) -> None:
    """Wake for each job of these names the business that it names, until cancelled. Those that were
    deferred while nobody listened are taken as soon as somebody does; what a wake-up told of whose
    worker died, a sweep finds."""
    while True:
        try:
            async with await listen(database, CHANNEL) as connection:
                while True:
                    await _take(connection, wakes)
                    await asyncio.sleep(PAUSE_S)
                    while not [_ async for _ in connection.notifies(timeout=LOOK_S, stop_after=1)]:
                        await database.check_server(connection)
        except (psycopg.Error, PayvioxError) as error:
            logger.warning("wake-ups wait for the database: %s", error)
        except Exception:
            logger.exception("wake-ups could not be taken")
        await asyncio.sleep(AWAY_S)


async def _take(connection: Connection, wakes: Mapping[str, Callable[[UUID], None]]) -> None:
    """Each statement is a transaction of its own: a wake-up that is lost is no harm, and a
    transaction would cost three round trips in place of one."""
    while taken := await jobs.take(connection, jobs.MOST_TAKEN):
        for name, business_id in dict.fromkeys(taken):
            wakes[name](business_id)
        if len(taken) < jobs.MOST_TAKEN:
            return
