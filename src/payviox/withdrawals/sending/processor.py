"""Sending what is due: claims orders, calls their rails outside any transaction, records the
answers. Every step may be the last one before a crash: a claim whose holder is gone is looked up by
its committed reference once its lease has run out. Several processors work side by side.

A business has calls of its own at each of its rails, and of those some for new orders and some for
all others: neither a rail that hangs nor a hundred thousand look-ups keep anything else waiting."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any
from uuid import UUID

from payviox import ids, tracing
from payviox.db.pool import Database
from payviox.event_log import EventLogger
from payviox.ledger.model import InsufficientFunds
from payviox.rails.failures import failure
from payviox.rails.protocol import Outcome, Rail, TakesBack
from payviox.tracing import Span
from payviox.withdrawals.queries import sending
from payviox.withdrawals.queries.sending import Queue
from payviox.withdrawals.routing import Rails
from payviox.withdrawals.sending import claims
from payviox.withdrawals.sending.claims import Claim

logger = EventLogger(__name__)

CALL_S = 25.0
"""How long a rail may take to answer, in seconds."""

START_WITHIN_S = 15.0
"""A claim whose call has not begun by then is handed back: with the call's own limit it ends well
before the lease does, so nobody else is at the order while a call is under way."""

GRACE_S = 5.0
"""What calls under way get to finish when the worker stops."""

NEW_CALLS = 40
"""Calls under way at once for a business's new orders at one rail."""

OTHER_CALLS = 10
"""The same for all its others there: look-ups, orders that wait and are tried again, and what is
taken back."""

OTHERS_HELD = 40
"""Claims on those others that are held at once: while some are called about, the next are claimed
and the last written down, many to a transaction. New ones are claimed as they can be called about:
whatever is claimed is announced as being sent."""

TOGETHER = 50
"""The most answers recorded in one transaction."""

LOOK_AGAIN_S = 0.5
"""How late a new order may be claimed while calls that hang are under way."""

BUSINESSES = 4
"""Businesses served at once by one process."""

Answer = tuple[Claim, Outcome, Rail | None]


async def due_businesses(database: Database) -> list[UUID]:
    """Every business that has an order to send or to look up."""
    return await database.fetch(sending.due_businesses)


async def process_due(
    database: Database, rails: Rails, *, business_id: UUID | None = None, limit: int = sys.maxsize
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
        for due in await database.fetch(sending.due_businesses):
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
        self._held: Counter[Queue] = Counter()
        self._gates: dict[Queue, asyncio.Semaphore] = {}
        self._full: set[Queue] = set()
        self._look_again_at = 0.0
        self._step: asyncio.Task[None] | None = None
        self._handled = 0

    async def run(self) -> int:
        try:
            while True:
                if self._worth_a_look():
                    await self._unbroken(self._take())
                if not self._calls:
                    return self._handled
                wait_s = max(self._look_again_at - time.monotonic(), 0.0)
                done, _ = await asyncio.wait(
                    self._calls, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED
                )
                if done:
                    await self._unbroken(self._record_finished())
        except BaseException:
            await self._stop()
            raise

    async def _unbroken(self, step: Coroutine[Any, Any, None]) -> None:
        """Run a database step to its end even when we are cancelled; `_stop` waits for it."""
        self._step = asyncio.create_task(step)
        await asyncio.shield(self._step)

    def _worth_a_look(self) -> bool:
        """Few claims at a time would be few to a transaction: not before half of a full queue's
        claims have ended, or some time has passed."""
        if not self._calls or time.monotonic() >= self._look_again_at:
            return True
        return any(2 * self._held[queue] <= _most_held(queue) for queue in self._full)

    async def _take(self) -> None:
        self._look_again_at = time.monotonic() + LOOK_AGAIN_S
        if self._left <= 0:
            return
        taken = await self._database.write(
            claims.take, self._business_id, self._rails, self._claimable()
        )
        self._left -= len(taken)
        start_by = time.monotonic() + START_WITHIN_S
        for claim in taken:
            self._held[claim.queue] += 1
            self._calls[asyncio.create_task(self._call(claim, start_by))] = claim
        self._full = {queue for queue, n in self._held.items() if n >= _most_held(queue)}

    def _claimable(self) -> Callable[[Queue], int]:
        """How many more of a queue may be claimed, asked once for each."""
        left = self._left

        def room(queue: Queue) -> int:
            nonlocal left
            free = min(_most_held(queue) - self._held[queue], left)
            left -= max(free, 0)
            return free

        return room

    async def _call(self, claim: Claim, start_by: float) -> Answer | None:
        """What the rail answers, once it is this one's turn; None where it was not called."""
        gate = self._gates.get(claim.queue)
        if gate is None:
            gate = self._gates[claim.queue] = asyncio.Semaphore(_calls(claim.queue))
        async with gate:
            return await self._call_now(claim, start_by)

    async def _call_now(self, claim: Claim, start_by: float) -> Answer | None:
        try:
            rail = self._rails.named(claim.order.rail)
        except LookupError:
            logger.warning("rail not configured", rail=claim.order.rail, order=str(claim.order.id))
            if claim.action == "submit":
                return claim, Outcome("not_sent", waiting="rail_not_configured"), None
            return claim, Outcome("unknown"), None
        if time.monotonic() > start_by:
            return None
        claim.called = True
        with tracing.span(f"{claim.action} {rail.name}", parent=claim.order.trace) as span:
            outcome = await _outcome(rail, claim)
            _describe(span, claim, outcome)
        return claim, outcome, rail

    async def _record_finished(self) -> None:
        finished = [task for task in self._calls if task.done()]
        answers: list[Answer] = []
        unused: list[Claim] = []
        for task in finished[:TOGETHER]:
            answer = None if task.cancelled() else task.result()
            claim = self._calls[task]
            if answer is not None:
                answers.append(answer)
            elif not claim.called:
                unused.append(claim)
        if answers:
            await self._record(answers)
        if unused:
            await self._database.write(claims.hand_back, self._business_id, unused)
        for task in finished[:TOGETHER]:
            self._held[self._calls.pop(task).queue] -= 1
        self._handled += len(answers)

    async def _record(self, answers: Sequence[Answer]) -> None:
        """Record all in one transaction; where that fails, one by one, so that one order's trouble
        does not hold up the others. What stays unrecorded is looked up when its lease is over."""
        try:
            await self._database.write(claims.record, self._business_id, answers)
        except InsufficientFunds:
            if len(answers) == 1:
                claim, outcome, _ = answers[0]
                await self._database.write(claims.set_aside, self._business_id, claim, outcome)
                return
            for answer in answers:
                await self._record([answer])
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


def _calls(queue: Queue) -> int:
    return NEW_CALLS if queue.new else OTHER_CALLS


def _most_held(queue: Queue) -> int:
    return NEW_CALLS if queue.new else OTHERS_HELD


async def _outcome(rail: Rail, claim: Claim) -> Outcome:
    """What the rail answers in time; nobody knows what came of a call that breaks."""
    try:
        async with asyncio.timeout(CALL_S):
            return await _ask(rail, claim)
    except TimeoutError:
        return Outcome("unknown", evidence={"error": f"no answer within {CALL_S:g} s"})
    except Exception as error:  # noqa: BLE001  # whatever it was, the call may have arrived
        logger.warning("rail call failed", rail=rail.name, error=type(error).__name__)
        return Outcome("unknown", evidence={"error": type(error).__name__})


def _describe(span: Span, claim: Claim, outcome: Outcome) -> None:
    if not span.is_recorded:
        return
    span.set("payviox.business", ids.show(ids.BUSINESS, claim.order.business_id))
    span.set("payviox.order", ids.show(ids.ORDER, claim.order.id))
    span.set("payviox.attempt", claim.attempt)
    span.set("payviox.outcome", outcome.state)
    reason = failure(outcome.reason) if outcome.reason else None
    span.set("payviox.reason", reason)
    span.set("payviox.waiting", outcome.waiting)
    if outcome.state in ("failed", "unknown"):
        span.fail(reason or outcome.state)


async def _ask(rail: Rail, claim: Claim) -> Outcome:
    if claim.action == "submit":
        return await rail.submit(claim.ready, claim.reference)
    taking: object = rail
    if claim.action == "take_back" and isinstance(taking, TakesBack):
        return await taking.take_back(claim.ready, claim.reference)
    return await rail.look_up(claim.ready, claim.reference)
