"""One runner a business: woken as often as anybody likes, working once at a time, never waiting for
another business.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from uuid import UUID

logger = logging.getLogger(__name__)


class Lanes:
    """Runs `work(business_id)` for each business woken, once more if it was woken meanwhile.

    `work` holds no database connection while it waits for somebody else, so there may be as many
    lanes as businesses with something due.
    """

    def __init__(self, work: Callable[[UUID], Awaitable[object]]) -> None:
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
        else:
            self._tasks[business_id] = asyncio.create_task(self._run(business_id))

    async def stop(self) -> None:
        """Start nothing more and interrupt what runs; `work` hands back what it holds."""
        self._stopping = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, business_id: UUID) -> None:
        try:
            while True:
                self._again.discard(business_id)
                try:
                    await self._work(business_id)
                except Exception:
                    # Not again at once: the sweep comes back to whatever is still due.
                    logger.exception("work for business %s broke off", business_id)
                    return
                if business_id not in self._again:
                    return
        finally:
            del self._tasks[business_id]
            self._again.discard(business_id)
