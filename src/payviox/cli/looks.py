"""Looks at the children of `serve`: those that hang are ended, for them to be started again, and
connections go to web processes that take them."""

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from payviox.cli import health
from payviox.cli.children import Child
from payviox.settings import Settings
from payviox.web import listening

logger = logging.getLogger(__name__)

READY_S = 90.0
"""What a child has to come up in."""
LOOK_S, LOOKS = 5.0, 6
"""A worker hangs that /health/ready misses, which is after a minute without a heartbeat, so many
times in a row: one that was cut off with its database says so again in less."""
STARTED_S = 60.0
"""A younger worker may not have been heard of yet."""
SILENT_S = 30.0
"""A web process that has served and was not heard of for so long hangs: it says so each second."""
STALLED_S, SHARE_S = 5.0, 0.25
"""One that was not heard of for so long gets no connections while others do; looked at as often."""
STOP_S = 7.5
"""Seconds that the children have to stop in; with the embedded database's end it is within 10."""


@dataclass(slots=True, eq=False)
class Program:
    """What has to run, by its command; `child` is the process that runs it now."""

    name: str
    listener: socket.socket | None = None
    """What a web process takes connections from; it stays when the child goes."""
    child: Child | None = None
    is_shut: bool = False
    """Whether the listener takes no connections just now."""
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)
    came_up: bool = False
    pause_s: float = 0.0


class Looks:
    """Looks again and again at what runs."""

    def __init__(self, settings: Settings, programs: Sequence[Program]) -> None:
        self._settings = settings
        self._programs = programs
        self._missed = 0
        """How many looks in a row found no worker's heartbeat."""

    async def look(self) -> None:
        """See to children that hang, for ever."""
        await _repeat(self._end_what_hangs, LOOK_S)

    async def share_out(self) -> None:
        """See to the listeners of web processes, for ever."""
        await _repeat(self._share_out, SHARE_S)

    async def _end_what_hangs(self) -> None:
        now = time.monotonic()
        for program in self._programs:
            child = program.child
            if child is None or child.has_ended:
                continue
            if program.listener is None:
                await self._look_at_worker(child)
            elif child.has_stalled and now - child.heard < STALLED_S:
                await child.end(STOP_S)
                logger.error("a web process stalled and is started again")
            elif now - child.heard > SILENT_S if child.heard else now - child.started > READY_S:
                await child.end()
                logger.error("a web process hung and is started again")

    async def _look_at_worker(self, child: Child) -> None:
        """Count the looks that miss its heartbeat; one that learns nothing does not count."""
        if time.monotonic() - child.started <= STARTED_S:
            self._missed = 0
            return
        silent = await health.worker_is_silent(self._settings)
        if silent is None:
            return
        self._missed = self._missed + 1 if silent else 0
        if self._missed == LOOKS:
            self._missed = 0
            await child.end()
            logger.error("the worker had no heartbeat any more and is started again")

    async def _share_out(self) -> None:
        """Shut the listener of each web process that has ended or stalls while another serves: what
        waits there unread is reset, and new connections are for the others."""
        now = time.monotonic()
        web = [(p, p.listener) for p in self._programs if p.listener is not None]
        serving = [
            listener
            for program, listener in web
            if (child := program.child) is not None
            and not child.has_ended
            and child.heard
            and not child.has_stalled
            and now - child.heard < STALLED_S
        ]
        for program, listener in web:
            if listener in serving:
                if program.is_shut:
                    listening.listen(listener)
                    program.is_shut = False
            elif serving and not program.is_shut:
                listening.shut(listener)
                program.is_shut = True
                if program.child is not None and program.child.heard:
                    program.child.has_stalled = True


async def _repeat(look: Callable[[], Awaitable[None]], every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        try:
            await look()
        except Exception:
            logger.exception("a look at the processes failed")
