"""Making seals, and reading them: the worker chains and signs digests of what was committed, so
that a seal kept elsewhere proves that nothing before it was changed since. Nothing of it is in an
allocation's way."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

from payviox import ids
from payviox.db.pool import Connection, Database
from payviox.keyring import Keyring
from payviox.ledger import seal_check, seal_text
from payviox.ledger.queries import seals as queries
from payviox.ledger.queries.seals import STREAMS, Source
from payviox.ledger.seal_text import NotASeal, Seal

__all__ = [
    "Made",
    "NotASeal",
    "Seal",
    "is_behind",
    "list_all",
    "list_newest",
    "list_sealed",
    "make_all",
]

logger = logging.getLogger(__name__)

ROWS = 10_000
"""Rows of a table that one seal covers at most: what was changed is named to so many rows."""

WAIT_S = 30.0
"""How long transactions are waited for that may hold an id and have not committed."""

LOOK_S = 0.05

BEHIND_S = 3_600.0
"""Transfers that are older should be sealed."""

PAGE = 500

LOGGED = 32
"""How much of a digest is logged: what has 64 digits may be a payout hash, and is blotted out."""

list_sealed = queries.list_sealed


@dataclass(slots=True)
class Made:
    """How many seals were made, and why none of a business that has a seal which nobody of this
    installation made. `is_done` is False where a transaction that writes did not end in time."""

    number: int = 0
    is_done: bool = True
    refused: dict[UUID, str] = field(default_factory=dict)


async def make_all(database: Database, keyring: Keyring, *, wait_s: float = WAIT_S) -> Made:
    """Seal what was committed since the last time. Broken off, it goes on where it was; two at once
    make no seal twice.

    A seal is followed only where it is one of this installation's keys and whole: so no forged
    chain ever gets a signature of ours. Each new one is logged, for it to be known elsewhere.

    Ids are drawn before the commit, so the newest id that is seen may follow one that is not seen
    yet. Whoever inserts holds a lock on the table from before the id is drawn until the commit is
    seen. So once every transaction has ended that held one just after the newest id was seen, every
    row up to it is there, or never will be.
    """
    newest = await database.fetch(_newest_of_all)
    if not await _all_ended(database, await database.fetch(queries.writers), wait_s):
        logger.warning(
            "nothing was sealed: a transaction that writes transfers or audit entries has not"
            " ended within %.0f s",
            wait_s,
        )
        return Made(is_done=False)
    made = Made()
    for business_id, until in newest.items():
        try:
            while seal := await database.write(_make, business_id, keyring, until):
                made.number += 1
                logger.info(
                    "seal %d of business %s, signed with the key %s: its digest begins with %s",
                    seal.number,
                    ids.show(ids.BUSINESS, business_id),
                    seal.key_id,
                    seal.digest[:LOGGED],
                )
        except NotASeal as error:
            made.refused[business_id] = str(error)
    return made


async def _newest_of_all(connection: Connection) -> dict[UUID, dict[Source, int]]:
    businesses = await queries.list_businesses(connection)
    newest: dict[UUID, dict[Source, int]] = {}
    for start in range(0, len(businesses), PAGE):
        newest |= await queries.list_newest_ids(connection, businesses[start : start + PAGE])
    return newest


async def _all_ended(database: Database, writers: set[str], wait_s: float) -> bool:
    deadline = time.monotonic() + wait_s
    while writers:
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(LOOK_S)
        writers &= await database.fetch(queries.writers)
    return True


async def _make(
    connection: Connection, business_id: UUID, keyring: Keyring, newest: dict[Source, int]
) -> Seal | None:
    """Make the next seal of a business; None where there is nothing new. Another key than the last
    seal's makes one too, so that the newest is always one of a key that is in use. A stream that
    the last seal lacks, an earlier version's, begins at the first row and catches up. Raises
    NotASeal where the last is none to follow."""
    key = keyring.current
    sealed_at = await queries.hold(connection, business_id)
    last = await queries.last(connection, business_id)
    if last is not None:
        await _require_own(connection, last, keyring)
    after = {name: last.until(name) if last else 0 for name in STREAMS}
    until = {
        name: await queries.until(
            connection, business_id, source, after[name], newest[source], ROWS
        )
        for name, (source, _) in STREAMS.items()
    }
    if until == after and (last is None or last.key_id == key.id):
        return None
    parts = {
        name: await queries.digest(connection, business_id, name, after[name], until[name])
        for name in STREAMS
    }
    number, before = (last.number + 1, last.digest) if last else (1, seal_text.FIRST)
    seal = seal_text.sign(key, business_id, number, before, sealed_at, parts)
    await queries.insert(connection, seal)
    return seal


async def _require_own(connection: Connection, last: Seal, keyring: Keyring) -> None:
    newest = await queries.list_newest_ids(connection, [last.business_id])
    flaws = [
        *seal_check.flaws(last, keyring),
        *seal_check.beyond(last, newest[last.business_id]),
    ]
    if flaws:
        raise NotASeal("; ".join(flaws))


async def list_all(connection: Connection, business_id: UUID | None = None) -> AsyncIterator[Seal]:
    """Every seal, one business after another, oldest first. Raises NotASeal where a row is none."""
    every = [business_id] if business_id else await list_sealed(connection)
    for each in every:
        number = 0
        while rows := await queries.list_after(connection, each, number, PAGE):
            for _, body, signature in rows:
                yield seal_text.read(body, signature)
            number = rows[-1][0]


async def list_newest(connection: Connection) -> list[Seal]:
    """The newest seal of each business. Raises NotASeal where a row is none."""
    newest = [await queries.last(connection, each) for each in await list_sealed(connection)]
    return [seal for seal in newest if seal is not None]


async def count_of_other_keys(connection: Connection, keyring: Keyring) -> int:
    """Of how many businesses another key than the current one signed the newest seal. One that was
    changed counts for none: nothing follows it."""
    number = 0
    for business_id in await list_sealed(connection):
        with suppress(NotASeal):
            last = await queries.last(connection, business_id)
            number += last is not None and last.key_id != keyring.current.id
    return number


async def is_behind(connection: Connection, business_id: UUID) -> bool:
    """Whether a business has transfers that should have been sealed. Raises NotASeal where the
    newest seal was changed."""
    last = await queries.last(connection, business_id)
    after = last.until("transfers") if last else 0
    return await queries.is_left(connection, business_id, after, BEHIND_S)
