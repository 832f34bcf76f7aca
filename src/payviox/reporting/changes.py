"""What live pages follow: one listening connection a process tells every viewer that something of
their business changed, and nothing more; pages read again what they show.

Orders, items and deliveries are announced by whoever writes them (db/announcing.py). Money is not:
while somebody looks, the versions of a business's accounts are read each second."""

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal, get_args
from uuid import UUID

import psycopg

from payviox.auth import sessions
from payviox.db.announcing import CHANNEL
from payviox.db.listening import listen
from payviox.db.pool import Connection, Database
from payviox.errors import Busy
from payviox.ledger import service as ledger
from payviox.rights import service as rights

logger = logging.getLogger(__name__)

Kind = Literal["orders", "items", "money", "webhooks"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LOOK_S = 1.0
"""How often money's versions and the viewers' sessions are looked at."""
AWAY_S = 2.0
"""Between two tries to connect while the database is away."""
BEAT_S = 15.0
"""A viewer hears something as often, so that a connection that is gone is noticed."""
LONGEST_S = 600.0
"""A stream ends after so long; the page opens another one, and is let in anew."""
MOST = 500
MOST_OF_SESSION = 20
"""Viewers of one process, and pages that one person may have open."""
REFRESHES = 2
"""A change of one kind that follows another waits until so many viewers of the business a second
may read their page again: the first of some changes is told at once, however many there are."""
SPREAD_S = 0.02
MOST_SPREAD_S = 1.2
"""Viewers read their page again within so long for each of them, so not all at once."""


@dataclass(slots=True, eq=False)
class Viewer:
    """Somebody with a page of a business open, who is told of changes of these kinds."""

    business_id: UUID
    operator_id: UUID
    session: bytes = field(repr=False)
    kinds: frozenset[Kind]
    changed: set[Kind] = field(default_factory=set)
    told_at: dict[Kind, float] = field(default_factory=dict)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    is_ended: bool = False

    def wake(self, kind: Kind) -> None:
        if kind in self.kinds:
            self.changed.add(kind)
            self.woken.set()

    def end(self) -> None:
        """The stream ends for good: the session has, or the right to look."""
        self.is_ended = True
        self.woken.set()


class Changes:
    """The viewers of one process. It listens while there are any."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._viewers: set[Viewer] = set()
        self._of_business: Counter[UUID] = Counter()
        self._of_session: Counter[bytes] = Counter()
        self._task: asyncio.Task[None] | None = None
        self._versions: dict[UUID, int] = {}
        self._is_closed = False

    def require_room(self, session: bytes) -> None:
        """Raises Busy where this session, or all, have too many pages open."""
        if len(self._viewers) >= MOST or self._of_session[session] >= MOST_OF_SESSION:
            raise Busy

    @contextmanager
    def watch(
        self, business_id: UUID, operator_id: UUID, session: bytes, kinds: frozenset[Kind]
    ) -> Iterator[Viewer]:
        """Be a viewer within the block."""
        viewer = Viewer(business_id, operator_id, session, kinds)
        self._viewers.add(viewer)
        self._of_business[business_id] += 1
        self._of_session[session] += 1
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        try:
            yield viewer
        finally:
            self._viewers.discard(viewer)
            self._of_business -= Counter([business_id])
            self._of_session -= Counter([session])

    def spread_s(self, viewer: Viewer) -> float:
        """Within how long this viewer and the others should read again."""
        return min(MOST_SPREAD_S, self._of_business[viewer.business_id] * SPREAD_S)

    async def follow(self, viewer: Viewer) -> AsyncIterator[frozenset[Kind]]:
        """What changed, as it changes; an empty set where nothing did for a while. Ends with the
        session; and, to be followed anew, with the process and after LONGEST_S."""
        until = time.monotonic() + LONGEST_S
        beat = time.monotonic() + BEAT_S
        while time.monotonic() < until:
            viewer.woken.clear()
            if viewer.is_ended or self._is_closed:
                return
            due, wait_s = self._due(viewer)
            if due or time.monotonic() >= beat:
                beat = time.monotonic() + BEAT_S
                yield due
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(min(wait_s, beat - time.monotonic())):
                    await viewer.woken.wait()

    def close(self) -> None:
        """Let every stream end, and listen no more."""
        self._is_closed = True
        for viewer in self._viewers:
            viewer.woken.set()
        if self._task is not None:
            self._task.cancel()

    def _due(self, viewer: Viewer) -> tuple[frozenset[Kind], float]:
        """Take what is to be told now; and when the rest is, in seconds."""
        now = time.monotonic()
        pause_s = max(LOOK_S, self._of_business[viewer.business_id] / REFRESHES)
        waits = {
            kind: viewer.told_at.get(kind, -math.inf) + pause_s - now for kind in viewer.changed
        }
        due = frozenset(kind for kind, wait_s in waits.items() if wait_s <= 0)
        viewer.changed -= due
        viewer.told_at |= dict.fromkeys(due, now)
        return due, min((waits[kind] for kind in viewer.changed), default=BEAT_S)

    async def _run(self) -> None:
        """Listen until nobody is there any more."""
        try:
            while self._viewers:
                try:
                    await self._listen()
                except psycopg.Error:
                    logger.warning("live pages wait for the database")
                    await asyncio.sleep(AWAY_S)
        finally:
            self._task = None

    async def _listen(self) -> None:
        async with await listen(self._database, CHANNEL) as connection:
            # What happened while nobody listened is not known: everything may have changed.
            for viewer in self._viewers:
                for kind in viewer.kinds:
                    viewer.wake(kind)
            while self._viewers:
                async for told in connection.notifies(timeout=LOOK_S):
                    self._announce(told.payload)
                await self._look(connection)

    def _announce(self, payload: str) -> None:
        business, _, kind = payload.partition(" ")
        for viewer in self._viewers:
            if str(viewer.business_id) == business and kind in KINDS:
                viewer.wake(kind)

    async def _look(self, connection: Connection) -> None:
        """End the viewers whose session has ended or who may not look any more, and tell the
        others whose money moved. Raises the driver's error where the server is a primary no more:
        there nothing changes."""
        viewers = list(self._viewers)  # who joins meanwhile is looked at next time
        await self._database.check_server(connection)
        still_open = await sessions.which_are_open(
            connection, list({viewer.session for viewer in viewers})
        )
        allowed = await rights.who_may_look(
            connection, list({(each.operator_id, each.business_id) for each in viewers})
        )
        for viewer in viewers:
            is_member = (viewer.operator_id, viewer.business_id) in allowed
            if viewer.session not in still_open or not is_member:
                viewer.end()
        versions = await ledger.versions(
            connection, list({viewer.business_id for viewer in viewers})
        )
        for viewer in viewers:
            if versions.get(viewer.business_id) != self._versions.get(viewer.business_id):
                viewer.wake("money")
        self._versions = versions
