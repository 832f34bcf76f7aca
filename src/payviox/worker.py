"""The background worker: jobs that wake, sweeps that find what no job told of, and upkeep. What is due
stands in the features' own rows; a job only says where to look first."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

async def run(settings, url) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
