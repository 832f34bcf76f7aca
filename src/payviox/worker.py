"""The background worker: jobs that wake, sweeps that find what no job told of, and upkeep. What is
due stands in the features' own rows; a job only says where to look first.
"""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Awaitable, Callable
from uuid import UUID

import procrastinate
from procrastinate import PsycopgConnector

from payviox import upkeep
from payviox.auth.keyring import Keyring
from payviox.db import jobs
from payviox.db.pool import Database
from payviox.lanes import Lanes
from payviox.settings import Settings
from payviox.webhooks.delivery import Courier

logger = logging.getLogger(__name__)

JOBS_AT_ONCE = 20
"""Jobs wake and return at once; only upkeep takes its time."""

GRACE_S = 6.0
"""What is in flight at SIGTERM has so long to finish; the rest is handed back."""

PAUSE_S = 1.0
"""Between two tries when the database is away."""


async def run(settings: Settings, url: str) -> None:
    """Work until SIGTERM or SIGINT, then finish or hand back within 10 seconds."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    database = Database(url)
    await database.open()
    try:
        keyring = Keyring(settings.secret_key, settings.previous_secret_keys)
        worker = Worker(settings, database, keyring)
        running = asyncio.create_task(worker.run())
        await stop.wait()
        await worker.stop()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    finally:
        async with asyncio.timeout(2):
            await database.close()


class Worker:
    """Everything that one worker process does."""

    def __init__(self, settings: Settings, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._courier = Courier(database, keyring, allow_private=settings.allow_private_webhooks)
        self._jobs = procrastinate.App(
            connector=PsycopgConnector(conninfo=database.url, min_size=1, max_size=4)
        )
        self._register()

    def _register(self) -> None:
        @self._jobs.task(name=jobs.DELIVER_WEBHOOKS, queue=jobs.QUEUE_OF[jobs.DELIVER_WEBHOOKS])
        async def deliver_webhooks(business_id: str) -> None:
            self._courier.wake(UUID(business_id))
