"""One runner a business: woken as often as anybody likes, working once at a time, never waiting for
another business.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from uuid import UUID

logger = logging.getLogger(__name__)


class Lanes:
    """Runs `work(business_id)` for each business woken, again if it was woken meanwhile.

    `work` holds no database connection while it waits for others, so there may be as many lanes as
    businesses with something due.
    """

    def __init__(self, name: str, work: Callable[[UUID], Awaitable[object]]) -> None:
        self._name = name
        self._work = work
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._again: set[UUID] = set()
        self._stopping = False

    def wake(self, business_id: UUID) -> None:
        """See to this business soon."""
        if self._stopping:
            return
        if business_id in self._tasks:
            self._again.add(business_id)
            return
        self._tasks[business_id] = asyncio.create_task(self._run(business_id))

    async def stop(self, grace_s: float) -> None:
        """Start nothing more, give what runs so many seconds, then interrupt it."""
        self._stopping = True
        tasks = set(self._tasks.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _run(self, business_id: UUID) -> None:
        try:
            while True:
                self._again.discard(business_id)
                with contextlib.suppress(Exception):
                    await self._logged(business_id)
                if self._stopping or business_id not in self._again:
                    return
        finally:
            del self._tasks[business_id]
            self._again.discard(business_id)

    async def _logged(self, business_id: UUID) -> None:
        try:
            await self._work(business_id)
        except Exception:
            logger.exception(
                "%s of business %s broke off; a sweep resumes it", self._name, business_id
            )
