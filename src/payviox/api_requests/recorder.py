"""Noting requests as they are answered, and writing them down some moments later, many at once: no
request waits for it. What is too much for that is left out, and counted."""

import asyncio
import logging
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

import msgspec

from payviox.api_requests.model import ApiRequest, KeyUse
from payviox.api_requests.queries import requests as queries
from payviox.db.pool import Connection, Database

logger = logging.getLogger(__name__)

EVERY_S = 1.0
"""Seconds between two writes."""
OF_ONE = 200
"""So many of a business's are kept of each second, and as many more of those that went wrong."""
WAITING = 4_000
"""So many wait in a process; a database that is slow to take them makes no queue."""
LAST_S = 1.0
"""What is noted when the process ends has so long to be written."""
MOST_CHARS = 255
"""So long may a path, an idempotency key or an error be; the rest is cut off."""
SECRET = re.compile(r"\b(?:sk|pk|rk)_(?:live|test)_[\w-]+|whsec_[\w+/=]+|\b[0-9a-fA-F]{64}\b")


class Recorder:
    """One process's. `on_left_out` is called for each request that is not kept."""

    def __init__(self, *, of_one: int = OF_ONE, waiting: int = WAITING) -> None:
        self.on_left_out: Callable[[], None] = lambda: None
        self._of_one = of_one
        self._waiting = waiting
        self._noted: list[tuple[ApiRequest, bytes]] = []
        self._counts: Counter[tuple[UUID, bool]] = Counter()
        self._uses: dict[UUID, KeyUse] = {}

    def has_room(self, business_id: UUID, status: int) -> bool:
        """Whether one more may be noted; asked before anything is made of it."""
        if (
            self._counts[business_id, status >= 400] < self._of_one
            and len(self._noted) < self._waiting
        ):
            return True
        self.on_left_out()
        return False

    def note(self, request: ApiRequest, answer: bytes) -> None:
        """Keep a request that was answered with this body: empty where it succeeded."""
        self._counts[request.business_id, request.status >= 400] += 1
        self._noted.append((request, answer))

    def note_use(self, use: KeyUse) -> None:
        """Keep that a restricted key was used; of each the latest is written."""
        self._uses[use.key_id] = use

    async def run(self, database: Database) -> None:
        """Write down what was noted, every second, until cancelled; then what is left, in the time
        that there is for it."""
        try:
            while True:
                await asyncio.sleep(EVERY_S)
                await self.write(database)
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_S):
                    await self.write(database)

    async def write(self, database: Database) -> None:
        """Write down what was noted so far. What cannot be written is left out."""
        noted, self._noted = self._noted, []
        uses, self._uses = self._uses, {}
        self._counts.clear()
        if not noted and not uses:
            return
        try:
            await database.write(_insert, [_shown(*each) for each in noted], uses)
        except Exception:
            logger.exception("%d requests could not be written down", len(noted))
            for _ in noted:
                self.on_left_out()


async def _insert(
    connection: Connection, requests: Sequence[ApiRequest], uses: Mapping[UUID, KeyUse]
) -> None:
    await queries.insert(connection, requests)
    if uses:  # in one order everywhere: other processes write the same rows
        await queries.put_uses(connection, [uses[key_id] for key_id in sorted(uses)])


def _shown(request: ApiRequest, answer: bytes) -> ApiRequest:
    """Without anything that opens something, and no longer than is looked at."""
    key = request.idempotency_key
    return replace(
        request,
        path=_cut(request.path),
        idempotency_key=None if key is None else _cut(key),
        error=_error(answer),
    )


def _error(answer: bytes) -> str | None:
    """What one of our own refusals says: its sentence, or which fields it is about."""
    if not answer:
        return None
    try:
        said = msgspec.json.decode(answer)
    except msgspec.DecodeError:
        return None
    if not isinstance(said, dict):
        return None
    sentence = said.get("error")
    return _cut(sentence if isinstance(sentence, str) else f"fields: {_names(sorted(said))}")


def _names(fields: Sequence[object]) -> str:
    return ", ".join(map(str, fields))


def _cut(text: str) -> str:
    printable = "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text
    )
    return SECRET.sub("(secret)", printable)[:MOST_CHARS]
