"""Sending what is due: claims orders, calls their rails outside any transaction, records the
answers. Every step may be the last one before a crash: a claim whose holder is gone is looked up by
its committed reference once its lease has run out. Several processors work side by side."""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from typing import Any
from uuid import UUID

import structlog

from payviox.db.pool import Database
from payviox.rails.base import Outcome, Rail
from payviox.withdrawals import claims
from payviox.withdrawals.claims import Claim
from payviox.withdrawals.queries import processing
from payviox.withdrawals.routing import Rails

logger = structlog.get_logger(__name__)

CALL_S = 25.0
"""How long a rail may take to answer, in seconds."""

START_WITHIN_S = 15.0
"""A claim whose call has not begun by then is handed back: with the call's own limit it ends well
before the lease does, so nobody else is at the order while a call is under way."""

GRACE_S = 5.0
"""What calls under way get to finish when the worker stops."""

CALLS = 50
"""Calls under way at once for one business, and the most answers recorded in one transaction."""

BUSINESSES = 4
"""Businesses served at once by one process."""

Answer = tuple[Claim, Outcome, Rail | None]


async def process_due(
    database: Database, rails: Rails, *, business_id: UUID | None = None, limit: int = 10_000
) -> int:
    """Send and look up what is due in one business, or in all, at most `limit` orders of each.

    Answers how many were handled. When cancelled it hands back what its rails were not called for,
    gives calls under way a few seconds, and leaves the others to be looked up.
    """
    if business_id is not None:
        return await _Drain(database, rails, business_id, limit).run()
    gate = asyncio.Semaphore(BUSINESSES)
    handled: list[int] = []

    async def serve(due: UUID) -> None:
        async with gate:
            try:
                handled.append(await _Drain(database, rails, due, limit).run())
            except Exception:  # one business's trouble is not another's
                logger.exception("orders could not be processed", business=str(due))

    async with asyncio.TaskGroup() as group:
        for due in await database.fetch(processing.due_businesses):
            group.create_task(serve(due))
    return sum(handled)


class _Drain:
    """One business's due orders, until none is left."""

    def __init__(self, database: Database, rails: Rails, business_id: UUID, limit: int) -> None:
        self._database = database
        self._rails = rails
        self._business_id = business_id
        self._left = limit
        self._calls: dict[asyncio.Task[Answer | None], Claim] = {}
        self._step: asyncio.Task[None] | None = None
        self._handled = 0

    async def run(self) -> int:
        try:
            while True:
                await self._unbroken(self._take())
                if not self._calls:
                    return self._handled
                await asyncio.wait(self._calls, return_when=asyncio.FIRST_COMPLETED)
                await self._unbroken(self._record_finished())
        except BaseException:
            await self._stop()
            raise

    async def _unbroken(self, step: Coroutine[Any, Any, None]) -> None:
        """Run a database step to its end even when we are cancelled; `_stop` waits for it."""
        self._step = asyncio.create_task(step)
        await asyncio.shield(self._step)

    async def _take(self) -> None:
        room = min(CALLS - len(self._calls), self._left)
        # Few at a time would be few to a transaction: wait until half of the calls have ended.
        if room <= 0 or (self._calls and room < CALLS // 2):
            return
        taken = await self._database.write(
            lambda connection: claims.take(connection, self._business_id, room)
        )
        self._left -= len(taken)
        start_by = time.monotonic() + START_WITHIN_S
        for claim in taken:
            self._calls[asyncio.create_task(self._call(claim, start_by))] = claim

    async def _call(self, claim: Claim, start_by: float) -> Answer | None:
        """What the rail answers; None where it was not called."""
        try:
            rail = self._rails.named(claim.order.rail)
        except LookupError:
            logger.warning("rail not configured", rail=claim.order.rail, order=str(claim.order.id))
            if claim.submit:
                return claim, Outcome("not_sent", waiting="rail_not_configured"), None
            return claim, Outcome("unknown"), None
        if time.monotonic() > start_by:
            return None
        claim.called = True
        call = rail.submit if claim.submit else rail.look_up
        try:
            async with asyncio.timeout(CALL_S):
                outcome = await call(claim.ready, claim.reference)
        except TimeoutError:
            outcome = Outcome("unknown", evidence={"error": f"no answer within {CALL_S:g} s"})
        except Exception as error:  # noqa: BLE001  # whatever it was, the call may have arrived
            logger.warning("rail call failed", rail=rail.name, error=type(error).__name__)
            outcome = Outcome("unknown", evidence={"error": type(error).__name__})
        return claim, outcome, rail

    async def _record_finished(self) -> None:
        finished = [task for task in self._calls if task.done()]
        answers: list[Answer] = []
        unused: list[Claim] = []
        for task in finished[:CALLS]:
            answer = None if task.cancelled() else task.result()
            claim = self._calls[task]
            if answer is not None:
                answers.append(answer)
            elif not claim.called:
                unused.append(claim)
        if answers:
            await self._record(answers)
        if unused:
            await self._database.write(
                lambda connection: claims.hand_back(connection, self._business_id, unused)
            )
        for task in finished[:CALLS]:
            del self._calls[task]
        self._handled += len(answers)

    async def _record(self, answers: Sequence[Answer]) -> None:
        """Record all in one transaction; where that fails, one by one, so that one order's trouble
        does not hold up the others. What stays unrecorded is looked up when its lease is over."""
        try:
            await self._database.write(
                lambda connection: claims.record(connection, self._business_id, answers)
            )
        except Exception:
            if len(answers) == 1:
                logger.exception("outcome not recorded", order=str(answers[0][0].order.id))
                return
            for answer in answers:
                await self._record([answer])

    async def _stop(self) -> None:
        """Hand back, finish or leave what is held. A claim being made meanwhile is still waited
        for."""
        if self._step is not None and not self._step.done():
            await asyncio.wait([self._step])
        if not self._calls:
            return
        for task, claim in self._calls.items():
            if not claim.called:
                task.cancel()
        await asyncio.wait(self._calls, timeout=GRACE_S)
        for task in self._calls:
            task.cancel()
        await asyncio.wait(self._calls)
        while self._calls:
            await self._record_finished()
