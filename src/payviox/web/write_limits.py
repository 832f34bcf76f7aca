"""Writes of one business take turns, so that those which wait for its rows do not hold every
connection of the process while other businesses need one. Allocations have their own queue."""

from asyncio import Semaphore
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from payviox.errors import Busy

AT_ONCE = 3
"""Writes of one business that may hold a connection."""

WAITING = 2_000
"""Writes of one business that may wait for their turn before callers are told 429."""


@dataclass(slots=True)
class _Lane:
    gate: Semaphore = field(default_factory=lambda: Semaphore(AT_ONCE))
    inside: int = 0


class WriteLimits:
    """The turns of one process."""

    def __init__(self) -> None:
        self._lanes: dict[UUID, _Lane] = {}

    @asynccontextmanager
    async def turn(self, business_id: UUID) -> AsyncIterator[None]:
        """Wait for this business's turn. Raises Busy where too many wait already."""
        lane = self._lanes.setdefault(business_id, _Lane())
        if lane.inside >= WAITING:
            raise Busy
        lane.inside += 1
        try:
            async with lane.gate:
                yield
        finally:
            lane.inside -= 1
            if not lane.inside:
                del self._lanes[business_id]


class Gate:
    """At most so many inside at once; who comes then is refused and not kept waiting."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._inside = 0

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Raises Busy."""
        if self._inside >= self._most:
            raise Busy
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
