"""Concurrent allocations of one business share one commit (docs/decisions/0003). Requests queue in
the process; one group a business is in flight; nobody is answered before the commit."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
from psycopg.errors import LockNotAvailable, ProgramLimitExceeded
from psycopg_pool import PoolTimeout
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_random_exponential,
)

from payviox import tracing
from payviox.allocations.engine import CommitUnknown, Declined, Record, allocate
from payviox.allocations.model import Item, Outcome, Refused
from payviox.allocations.queries import groups as queries
from payviox.db.pool import CONFLICTS, Database, NotCommitted
from payviox.errors import (
    Busy,
    DatabaseAway,
    LockedTooLong,
    OutcomeUnknown,
    PayvioxError,
    SettingsError,
)
from payviox.keyring import Keyring
from payviox.tracing import NOTHING, Span

logger = logging.getLogger(__name__)

MAX_GROUP = 1_000
"""Items in one transaction of single requests: beyond this a commit costs less than its rows."""

RETRY_S = 10
"""How long a group is tried again while the database is away, in seconds."""

NOT_DONE = (*CONFLICTS, NotCommitted, PoolTimeout)
"""How an attempt ends after which a group may be tried again."""

SHARES = 4
"""A lane may hold one part in so many of the capacity even when others have filled the queue."""


@dataclass(slots=True)
class Submission:
    """One caller's items, answered together. `alone` submissions share their group with nobody."""

    items: Sequence[Item]
    answer: asyncio.Future[list[Outcome]]
    atomic: bool = False
    record: Record | None = None
    span: Span = NOTHING

    @property
    def alone(self) -> bool:
        return self.atomic or self.record is not None


@dataclass(slots=True)
class _Lane:
    """One business's queue and the task that empties it."""

    waiting: deque[Submission] = field(default_factory=deque)
    queued: int = 0
    in_flight: list[Submission] = field(default_factory=list)
    task: asyncio.Task[None] | None = None


class Batcher:
    """The allocation queue of one process. `capacity` bounds the items waiting in it; what others
    have filled still takes a lane's share, up to twice the capacity, and a first single request."""

    def __init__(self, database: Database, keyring: Keyring, *, capacity: int = 10_000) -> None:
        self._database = database
        self._keyring = keyring
        self._capacity = capacity
        self._lanes: dict[UUID, _Lane] = {}
        self._stopped = False
        self.queued = 0
        self.on_group: Callable[[int], None] = _unobserved
        """Told the size of each group, for metrics."""

    async def submit(
        self,
        business_id: UUID,
        items: Sequence[Item],
        *,
        atomic: bool = False,
        record: Record | None = None,
        begun: bool = False,
    ) -> list[Outcome]:
        """Allocate `items`; answers after their commit, an outcome each, in order.

        Raises Busy when the queue is full, unless `begun` says that earlier parts of the same call
        are committed already; Refused for an `atomic` call that was; what `record` Declined with;
        OutcomeUnknown when the database was lost at COMMIT and did not come back in time;
        DatabaseAway when it did not before; and PayvioxError for all else: nothing was done.
        """
        if self._stopped:
            raise PayvioxError
        lane = self._lanes.get(business_id) or _Lane()
        if not begun and self._full(lane, len(items)):
            raise Busy
        loop = asyncio.get_running_loop()
        submission = Submission(items, loop.create_future(), atomic, record, tracing.current())
        self._lanes[business_id] = lane
        lane.waiting.append(submission)
        lane.queued += len(items)
        self.queued += len(items)
        if lane.task is None:
            # In a context of its own: its work is not that of whoever came first.
            lane.task = loop.create_task(self._empty(business_id, lane), context=Context())
        # A caller who hangs up cancels the answer alone: the items are in a group with others'.
        return await submission.answer

    async def drain(self) -> None:
        """Wait until nothing is queued or in flight."""
        while tasks := [lane.task for lane in self._lanes.values() if lane.task]:
            await asyncio.gather(*tasks, return_exceptions=True)

    def give_up(self) -> None:
        """Take nothing more, and answer everybody now: what waits was not done; what is in flight
        is broken off, which at COMMIT is too late to know."""
        self._stopped = True
        for lane in self._lanes.values():
            _fail(lane.in_flight, OutcomeUnknown())
            _fail(lane.waiting, PayvioxError())
            lane.waiting.clear()
            if lane.task is not None:
                lane.task.cancel()

    def _full(self, lane: _Lane, items: int) -> bool:
        total = self.queued + items
        if total <= self._capacity or not self.queued or (items == 1 and not lane.queued):
            return False
        return lane.queued + items > self._capacity // SHARES or total > 2 * self._capacity

    async def _empty(self, business_id: UUID, lane: _Lane) -> None:
        try:
            while lane.waiting:
                await self._gather(lane)
                lane.in_flight = self._take(lane)
                await self._settle(business_id, lane.in_flight)
        finally:
            lane.task = None
            del self._lanes[business_id]

    async def _gather(self, lane: _Lane) -> None:
        """Let those who are just arriving join the group: a group's cost is mostly its own, not its
        items'. Waits for as long as every turn of the event loop brings more, no longer."""
        seen = 0
        while seen < len(lane.waiting) < MAX_GROUP:
            seen = len(lane.waiting)
            await asyncio.sleep(0)

    def _take(self, lane: _Lane) -> list[Submission]:
        group = [lane.waiting.popleft()]
        size = len(group[0].items)
        while (
            lane.waiting
            and not group[0].alone
            and not lane.waiting[0].alone
            and size + len(lane.waiting[0].items) <= MAX_GROUP
        ):
            group.append(lane.waiting.popleft())
            size += len(group[-1].items)
        lane.queued -= size
        self.queued -= size
        self.on_group(size)
        return group

    async def _settle(self, business_id: UUID, group: list[Submission]) -> None:
        """Commit a group and answer its callers; one that is refused whole is split until the
        guilty request stands alone."""
        asked = (submission.span for submission in group)
        try:
            with tracing.shared("allocation group", asked) as span:
                span.set("payviox.submissions", len(group))
                outcomes = await self._committed(business_id, group)
        except (psycopg.Error, LookupError, ValueError, SettingsError) as error:
            if len(group) == 1 or _is_the_servers(error):
                logger.exception("%d allocations were refused by the database", len(group))
                _fail(group, _sayable(error))
                return
            middle = len(group) // 2
            await self._settle(business_id, group[:middle])
            await self._settle(business_id, group[middle:])
        except Exception as error:  # whatever it was, every caller hears of it
            if not isinstance(error, PayvioxError | Refused | Declined):
                logger.exception("%d allocations failed", len(group))
            _fail(group, _sayable(error))
        else:
            start = 0
            for submission in group:
                end = start + len(submission.items)
                if not submission.answer.done():
                    submission.answer.set_result(outcomes[start:end])
                start = end

    async def _committed(self, business_id: UUID, group: list[Submission]) -> list[Outcome]:
        items = [item for submission in group for item in submission.items]
        try:
            try:  # nearly always enough, and trying again costs its machinery before it begins
                return await self._attempt(business_id, items, group[0])
            except NOT_DONE:
                pass
            async for attempt in _retrying(NOT_DONE):
                with attempt:
                    return await self._attempt(business_id, items, group[0])
        except CommitUnknown as unknown:
            return await self._look_up(business_id, group, unknown)
        except (NotCommitted, PoolTimeout) as error:
            logger.error("the database is away: %d allocations refused", len(items))  # noqa: TRY400
            raise DatabaseAway from error
        raise AssertionError  # tenacity reraises

    async def _attempt(
        self, business_id: UUID, items: list[Item], first: Submission
    ) -> list[Outcome]:
        async with self._database.engine() as connection:
            return await allocate(
                connection,
                self._keyring,
                business_id,
                items,
                atomic=first.atomic,
                record=first.record,
            )

    async def _look_up(
        self, business_id: UUID, group: list[Submission], unknown: CommitUnknown
    ) -> list[Outcome]:
        """Ask the database, as soon as it answers again, whether the group's commit happened."""
        logger.warning("the outcome of COMMIT is not known: looking up group %s", unknown.group_id)
        try:
            async for attempt in _retrying((psycopg.Error, NotCommitted, PoolTimeout)):
                with attempt:
                    async with self._database.engine() as connection:
                        committed = await queries.group_exists(
                            connection, business_id, unknown.group_id
                        )
        except Exception as error:  # whatever it was: nobody may take it for "nothing was done"
            raise OutcomeUnknown from error
        if committed:
            return unknown.outcomes
        if unknown.refusal is not None:
            raise unknown.refusal
        return await self._committed(business_id, group)


def _unobserved(_: int) -> None:
    """Nobody wants to know."""


def _is_the_servers(error: Exception) -> bool:
    """Whether the error is the server's trouble (no resources, a time limit, shutting down) and no
    request's: trying the group's parts would repeat it for each."""
    return isinstance(error, psycopg.OperationalError) and not isinstance(
        error, ProgramLimitExceeded
    )


def _fail(group: Iterable[Submission], error: Exception) -> None:
    for submission in group:
        if not submission.answer.done():
            submission.answer.set_exception(error)


def _sayable(error: Exception) -> Exception:
    """The error as a caller may hear it: whatever it was that nobody expected is our fault."""
    if isinstance(error, PayvioxError | Refused | Declined):
        return error
    fault = LockedTooLong() if isinstance(error, LockNotAvailable) else PayvioxError()
    fault.__cause__ = error
    return fault


def _retrying(errors: tuple[type[BaseException], ...]) -> AsyncRetrying:
    return AsyncRetrying(
        retry=retry_if_exception_type(errors),
        wait=wait_random_exponential(multiplier=0.02, max=1),
        stop=stop_after_delay(RETRY_S),
        reraise=True,
    )
