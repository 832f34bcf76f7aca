"""How many at once: reads and writes of one business wait for their slots, so that they do not hold
every connection of the process while other businesses need one. Its payout users have slots of
their own there, and each of them a few. Allocations have their own queue."""

from asyncio import Semaphore, timeout
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from payviox.errors import Busy

AT_ONCE = 2
"""Writes of one business that may hold a connection; as many of its payout users, all together."""
READS_AT_ONCE = 2
"""As many reads."""
WAITING = 2_000
"""Reads or writes of one business that may wait before callers are told 429."""
USERS_CALLS = 2
"""Calls of one payout user that are worked on at once, from the check of the hash to the answer."""
USERS_WAITING = 200
"""Calls of one payout user that may be there at once before they are told 429."""


@dataclass(slots=True)
class _Lane:
    gate: Semaphore
    inside: int = 0


class Slots:
    """At most `at_once` of each holder's at once; up to `waiting` are there, the others wait."""

    def __init__(self, at_once: int, waiting: int = WAITING) -> None:
        self._at_once = at_once
        self._waiting = waiting
        self._lanes: dict[Hashable, _Lane] = {}

    @asynccontextmanager
    async def slot(self, holder: Hashable) -> AsyncIterator[None]:
        """Wait for one of the holder's slots. Raises Busy where too many wait already."""
        lane = self._lanes.setdefault(holder, _Lane(Semaphore(self._at_once)))
        if lane.inside >= self._waiting:
            raise Busy
        lane.inside += 1
        try:
            async with lane.gate:
                yield
        finally:
            lane.inside -= 1
            if not lane.inside:
                del self._lanes[holder]


class Gate:
    """At most so many inside at once; who comes then waits for so many seconds, and is refused."""

    def __init__(self, most: int, wait_s: float = 0.0) -> None:
        self._places = Semaphore(most)
        self._wait_s = wait_s

    @asynccontextmanager
    async def enter(self) -> AsyncIterator[None]:
        """Raises Busy."""
        try:
            async with timeout(self._wait_s):
                await self._places.acquire()
        except TimeoutError:
            raise Busy from None
        try:
            yield
        finally:
            self._places.release()
