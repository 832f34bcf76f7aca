"""A time limit on waiting for a client. One timer looks at all who wait, some times a second: a
timer for each body takes longer than reading it."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

T = TypeVar("T")

EVERY_S = 0.25
"""Seconds between two looks: so much longer than its limit somebody may wait."""


class Waiting:
    """Who waits in this process, and until when."""

    def __init__(self) -> None:
        self._until: dict[asyncio.Task[Any], float] = {}
        self._late: set[asyncio.Task[Any]] = set()
        self._looks = False

    async def within(self, seconds: float, coming: Awaitable[T]) -> T:
        """What comes. Raises TimeoutError where it does not come in time."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("only a task can be told to stop waiting")
        before = task.cancelling()
        self._until[task] = loop.time() + seconds
        if not self._looks:
            self._looks = True
            loop.call_later(EVERY_S, self._look, loop)
        try:
            return await coming
        except asyncio.CancelledError:
            if task in self._late and task.uncancel() <= before:
                raise TimeoutError from None
            raise
        finally:
            del self._until[task]
            self._late.discard(task)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Stop those whose time is over, and look again while there are others."""
        now = loop.time()
        for task, until in self._until.items():
            if until <= now and task not in self._late:
                self._late.add(task)
                task.cancel()
        self._looks = bool(self._until)
        if self._looks:
            loop.call_later(EVERY_S, self._look, loop)
