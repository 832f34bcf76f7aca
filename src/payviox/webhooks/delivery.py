"""Delivering events: whose turn it is, and how many at once. One attempt is attempts.py's work, and
its POST never inside a transaction.

A delivery is claimed by pushing its due time ahead. A worker that dies holding one loses nothing:
once that time has passed somebody sends it again, with the same webhook-id.
"""

import asyncio
import contextlib
import itertools
import logging
from functools import partial
from uuid import UUID

from payviox.db.pool import Database
from payviox.webhooks import attempts
from payviox.webhooks.attempts import LEASE, TIMEOUT_S
from payviox.webhooks.model import Claim
from payviox.webhooks.queries import events as queries
from payviox.webhooks.settings import Cipher

logger = logging.getLogger(__name__)

HAND_BACK_S = 3.0
"""Seconds to say that we let go of a delivery; its lease says so later in any case."""
PER_BUSINESS, OVERALL = 4, 200
"""POSTs in flight in one process: a slow receiver holds its own business's few, not the others'.
While half of all are in flight a business has one and no more, so that many slow receivers leave
the other half to those who have none."""


class Courier:
    """What delivers, one for each process. wake() never waits, so that no receiver holds up the job
    or the loop that calls it."""

    def __init__(
        self,
        database: Database,
        cipher: Cipher,
        *,
        allow_private: bool,
        timeout_s: float = TIMEOUT_S,
        per_business: int = PER_BUSINESS,
        overall: int = OVERALL,
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._allow_private = allow_private
        self._timeout_s = timeout_s
        self._per_business = per_business
        self._overall = overall
        self._slots = asyncio.Semaphore(overall)
        self._tasks: dict[UUID, set[asyncio.Task[None]]] = {}
        self._woken: set[UUID] = set()
        self._stopping = False

    def wake(self, business_id: UUID) -> None:
        """Deliver what is due for this business, in the background."""
        if self._stopping:
            return
        self._woken.add(business_id)
        running = self._tasks.setdefault(business_id, set())
        if not running or (len(running) < self._per_business and not self._busy()):
            task = asyncio.create_task(self._deliver_all(business_id))
            running.add(task)
            task.add_done_callback(partial(self._ended, business_id))

    async def sweep(self) -> None:
        """Wake every business that has something due: first attempts whose wake-up was lost, and
        retries."""
        for business_id in await self._database.fetch(queries.businesses_due):
            self.wake(business_id)

    async def run(self, *, every_s: float = 5.0) -> None:
        """Sweep for ever; a database that is away is asked again."""
        while True:
            try:
                await self.sweep()
            except Exception:
                logger.exception("due webhooks could not be looked up")
            await asyncio.sleep(every_s)

    async def idle(self) -> None:
        """Wait until nothing is being delivered."""
        while tasks := self._running():
            await asyncio.wait(tasks)

    async def stop(self, *, grace_s: float = 5.0) -> None:
        """Start nothing more, give what is in flight so many seconds, hand back the rest."""
        self._stopping = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self.idle()
        tasks = self._running()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _busy(self) -> bool:
        return sum(map(len, self._tasks.values())) >= self._overall // 2

    def _running(self) -> list[asyncio.Task[None]]:
        return list(itertools.chain.from_iterable(self._tasks.values()))

    def _ended(self, business_id: UUID, task: asyncio.Task[None]) -> None:
        running = self._tasks[business_id]
        running.discard(task)
        if not running:
            del self._tasks[business_id]
        if task.cancelled():
            return
        if task.exception() is not None:
            # What it held comes back when its lease ends; the next sweep tries the others.
            self._woken.discard(business_id)
            logger.error("a webhook delivery broke off", exc_info=task.exception())
        elif business_id in self._woken and not running:
            self.wake(business_id)  # others of its tasks see to what is left, if there are any

    async def _deliver_all(self, business_id: UUID) -> None:
        """One delivery after another until none is due, also for those who woke us meanwhile."""
        while business_id in self._woken:
            if self._busy() and len(self._tasks[business_id]) > 1:
                return  # the last of this business's tasks to end sees to what is left
            async with self._slots:
                if self._stopping:
                    return
                self._woken.discard(business_id)
                claim = await self._database.write(queries.claim, business_id, LEASE)
                if claim is not None:
                    headers = attempts.signed(claim, self._cipher)
                    self.wake(business_id)  # there may be more: another pair of hands
                    await self._deliver(claim, headers)

    async def _deliver(self, claim: Claim, headers: dict[str, str] | None) -> None:
        try:
            answer = await attempts.post(
                claim, headers, allow_private=self._allow_private, timeout_s=self._timeout_s
            )
            await self._database.write(attempts.record, claim, answer, headers)
        except asyncio.CancelledError:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HAND_BACK_S):
                    await self._hand_back(claim)
            raise

    async def _hand_back(self, claim: Claim) -> None:
        await self._database.write(
            queries.hand_back, claim.business_id, claim.id, claim.leased_until
        )
