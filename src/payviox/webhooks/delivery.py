"""Delivering events: whose turn it is, and how many at once. Attempts are attempts.py's work, and
no POST is ever inside a transaction.

What is due of many businesses is claimed together, by pushing due times ahead, and what came of
many attempts is written down together. A worker that dies holding a delivery loses nothing: once
that time has passed somebody sends it again, with the same webhook-id.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from payviox.db.pool import Database
from payviox.errors import DatabaseAway, OutcomeUnknown
from payviox.webhooks import attempts
from payviox.webhooks.attempts import LEASE, TIMEOUT_S
from payviox.webhooks.model import Attempted, Claim
from payviox.webhooks.queries import deliveries as queries
from payviox.webhooks.sender import Answer, Kept
from payviox.webhooks.settings import Cipher

logger = logging.getLogger(__name__)

HAND_BACK_S = 3.0
"""Seconds to say that we let go of deliveries; their leases say so later in any case."""
AT_ONCE, MOST_AT_ONCE = 4, 32
"""POSTs in flight for a business: one more for each that is answered 200 promptly, and back to the
first few after one that is not. As many again are claimed ahead where it answers promptly."""
PROMPT_S = 1.0
"""A receiver that takes longer is slow, until it answers within this time again."""
OVERALL = 400
"""POSTs in flight in one process. While half of all are in flight a business has one and no more;
and all slow receivers together have half, so that the others never wait for them."""
TOGETHER = 200
"""The most attempts that are written down in one transaction."""
PAUSE_S = 0.01
"""Between two claims, and before attempts are written down: so some of them come together."""


@dataclass(slots=True)
class _Lane:
    """A business's POSTs in flight, each with its claim and when it began; how many there may be;
    what is claimed and has not begun; and whether the last one that ended was slow."""

    at_once: int = AT_ONCE
    was_slow: bool = False
    posts: dict[asyncio.Task[Attempted], tuple[Claim, float]] = field(default_factory=dict)
    waiting: deque[Claim] = field(default_factory=deque)

    @property
    def held(self) -> int:
        """Deliveries that are claimed."""
        return len(self.posts) + len(self.waiting)

    @property
    def most_held(self) -> int:
        return self.at_once if self.at_once == AT_ONCE else 2 * self.at_once

    def is_slow(self, now: float) -> bool:
        longest = next((began for _, began in self.posts.values()), now)
        return self.was_slow or now - longest > PROMPT_S

    def learn(self, answer: Answer) -> None:
        """From an attempt that ended."""
        self.was_slow = answer.duration_ms > PROMPT_S * 1000
        if answer.delivered and not self.was_slow:
            self.at_once = min(self.at_once + 1, MOST_AT_ONCE)
        else:
            self.at_once = AT_ONCE


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
        overall: int = OVERALL,
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._allow_private = allow_private
        self._timeout_s = timeout_s
        self._overall = overall
        self._kept = Kept()
        self._lanes: dict[UUID, _Lane] = {}
        self._woken: dict[UUID, None] = {}  # a set that keeps the order
        self._held = 0
        self._attempted: list[Attempted] = []
        self._unsent: list[Claim] = []
        self._has_changed = asyncio.Event()
        self._claiming: asyncio.Task[None] | None = None
        self._recording: asyncio.Task[None] | None = None
        self._stopping = False

    def wake(self, business_id: UUID) -> None:
        """Deliver what is due for this business, in the background."""
        if self._stopping:
            return
        self._woken.setdefault(business_id)
        self._has_changed.set()
        if self._claiming is None:
            self._claiming = asyncio.create_task(self._claim_all())

    async def sweep(self) -> None:
        """Wake every business that has something due: first attempts whose wake-up was lost, and
        retries. Forget how those answered who have nothing."""
        self._lanes = {
            business_id: lane
            for business_id, lane in self._lanes.items()
            if lane.held or lane.was_slow or business_id in self._woken
        }
        for business_id in await self._database.fetch(queries.businesses_due):
            self.wake(business_id)

    async def run(self, *, every_s: float = 5.0) -> None:
        """Sweep until it is stopped; a database that is away is asked again."""
        while not self._stopping:
            try:
                await self.sweep()
            except Exception:
                logger.exception("due webhooks could not be looked up")
            await asyncio.sleep(every_s)

    async def idle(self) -> None:
        """Wait until nothing is being delivered."""
        while tasks := [*self._posts(), *filter(None, (self._claiming, self._recording))]:
            await asyncio.wait(tasks)

    async def stop(self, *, grace_s: float = 5.0) -> None:
        """Start nothing more, give what is in flight so many seconds, hand back the rest."""
        self._stopping = True
        self._has_changed.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self.idle()
        for lane in self._lanes.values():
            self._let_go(lane)
        for task in self._posts():
            task.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HAND_BACK_S):
                await self._hand_back()
                await self.idle()
                await self._hand_back()
        for step in filter(None, (self._claiming, self._recording)):
            step.cancel()
        self._kept.hang_up()

    def _posts(self) -> list[asyncio.Task[Attempted]]:
        return [task for lane in self._lanes.values() for task in lane.posts]

    async def _claim_all(self) -> None:
        """Claim for whoever was woken, as soon as there is room, until nobody waits."""
        try:
            while self._woken and not self._stopping:
                self._has_changed.clear()
                rooms = self._rooms()
                if rooms:
                    await self._claim(rooms)
                    await asyncio.sleep(PAUSE_S)
                else:
                    await self._has_changed.wait()
        finally:
            self._claiming = None

    def _rooms(self) -> dict[UUID, int]:
        """How many deliveries each of those that were woken may have claimed now."""
        now = time.monotonic()
        half = self._overall // 2
        held = self._held
        free = self._overall - held - len(self._attempted)
        for_slow = half - sum(lane.held for lane in self._lanes.values() if lane.is_slow(now))
        rooms = {}
        for business_id in self._woken:
            lane = self._lanes.get(business_id) or _Lane()
            room = min(lane.most_held - lane.held, max(half - held, 1 - lane.held), free)
            if lane.is_slow(now):
                room = min(room, for_slow)
                for_slow -= max(room, 0)
            if room > 0:
                rooms[business_id] = room
                held += room
                free -= room
        return rooms

    async def _claim(self, rooms: Mapping[UUID, int]) -> None:
        """Claim so many of each and send them; who may have more waits for another turn."""
        for business_id in rooms:
            del self._woken[business_id]
        try:
            claims = await self._database.write(queries.claim, rooms, LEASE)
        except Exception:
            # The next sweep comes back to them.
            logger.exception("due webhooks could not be claimed")
            return
        if self._stopping:
            self._unsent += claims
            return
        self._held += len(claims)
        for claim in claims:
            self._lanes.setdefault(claim.business_id, _Lane()).waiting.append(claim)
        number = Counter(claim.business_id for claim in claims)
        for business_id in number:
            self._send_more(self._lanes[business_id])
        for business_id, room in rooms.items():
            if number[business_id] == room:
                self._woken.setdefault(business_id)

    def _send_more(self, lane: _Lane) -> None:
        while lane.waiting and len(lane.posts) < lane.at_once:
            claim = lane.waiting.popleft()
            task = asyncio.create_task(
                attempts.post(
                    claim,
                    self._cipher,
                    allow_private=self._allow_private,
                    timeout_s=self._timeout_s,
                    kept=self._kept,
                )
            )
            lane.posts[task] = claim, time.monotonic()
            task.add_done_callback(partial(self._sent, lane))

    def _sent(self, lane: _Lane, task: asyncio.Task[Attempted]) -> None:
        claim, _ = lane.posts.pop(task)
        self._held -= 1
        self._has_changed.set()
        if task.cancelled():
            self._unsent.append(claim)
        elif (error := task.exception()) is not None:
            # It comes back when its lease ends.
            logger.error("a webhook delivery broke off", exc_info=error)
        else:
            attempted = task.result()
            lane.learn(attempted.answer)
            self._attempted.append(attempted)
        if self._stopping or lane.at_once == AT_ONCE:
            self._let_go(lane)  # they could wait for longer than their leases last
        self._send_more(lane)
        if self._recording is None:
            self._recording = asyncio.create_task(self._record_all())

    def _let_go(self, lane: _Lane) -> None:
        self._held -= len(lane.waiting)
        self._unsent += lane.waiting
        lane.waiting.clear()

    async def _record_all(self) -> None:
        """Write down what came of attempts, and hand back what is not sent after all."""
        try:
            while self._attempted or self._unsent:
                await asyncio.sleep(PAUSE_S)
                together = self._attempted[:TOGETHER]
                del self._attempted[:TOGETHER]
                if together:
                    await self._record(together)
                await self._hand_back()
                self._has_changed.set()
        finally:
            self._recording = None

    async def _record(self, attempted: Sequence[Attempted]) -> None:
        """Write all down in one transaction; where that fails, one by one, so that one's trouble is
        not the others'. What stays unwritten is sent again when its lease is over."""
        try:
            await self._database.write(attempts.record, attempted)
        except (DatabaseAway, OutcomeUnknown):
            logger.exception("%s webhook attempts could not be written down", len(attempted))
        except Exception:
            if len(attempted) == 1:
                logger.exception("a webhook attempt could not be written down")
                return
            for each in attempted:
                await self._record([each])

    async def _hand_back(self) -> None:
        claims, self._unsent = self._unsent, []
        if not claims:
            return
        try:
            await self._database.write(queries.hand_back, claims)
        except Exception:
            logger.exception("claimed webhooks could not be handed back")
            return
        for claim in claims:  # they are due: the next sweep would be late
            self.wake(claim.business_id)
