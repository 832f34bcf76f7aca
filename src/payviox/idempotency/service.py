"""Doing something once for each idempotency key. The key is claimed, and what its answer is
rendered from is kept, in the effect's own transaction: both commit or neither."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec

from payviox import ids
from payviox.db.pool import Connection
from payviox.errors import Busy, IdempotencyMismatch
from payviox.idempotency.model import Scope
from payviox.idempotency.queries import keys as queries

BUSINESS = "business"
"""The caller of a scope that is no payout user."""
MOST_A_DAY = 2_000
"""Keys that one payout user may use within a day: they are kept for good."""


class TooManyKeys(Busy):
    message = "Too many Idempotency-Keys were used today. Nothing was done; try again later."
    retry_after_s = 3_600


class Done(msgspec.Struct, frozen=True):
    """An effect's reference (plain JSON: ids and states, no secret) and whether it is an old one.
    `shown_once` is what only the first answer may show; it is never stored."""

    reference: Any
    replayed: bool = False
    shown_once: Any = None


class ShownOnce(msgspec.Struct, frozen=True):
    """An effect's reference together with a secret for its first answer alone."""

    reference: Any
    secret: Any


def once(
    business_id: UUID,
    scope: Scope | None,
    effect: Callable[[Connection], Awaitable[Any]],
) -> Callable[[Connection], Awaitable[Done]]:
    """The work, for Database.write, of running `effect` unless its key was used before.

    `effect` answers its reference (or ShownOnce). The work raises IdempotencyMismatch where the key
    was used with another body, TooManyKeys, and whatever the effect raises; then the key stays
    unused.
    Where it is repeated because the answer of its own COMMIT was lost, it is no replay: it answers
    what it did, secret included.
    """
    call_id = ids.new()
    latest: Done | None = None

    async def work(connection: Connection) -> Done:
        nonlocal latest
        if scope is None:
            return _done(await effect(connection))
        if not await queries.claim(connection, business_id, scope, 0, call_id):
            if latest and await queries.was_claimed_by(connection, business_id, scope, call_id):
                return latest
            reference = await replay(connection, business_id, scope)
            return Done(reference, replayed=True)
        if scope.caller != BUSINESS:
            most = MOST_A_DAY + 1  # this one is in already
            if await queries.count_of_user(connection, business_id, scope.caller, most) == most:
                raise TooManyKeys
        done = _done(await effect(connection))
        await queries.set_reference(connection, business_id, scope, 0, done.reference)
        latest = done
        return done

    return work


async def replay(connection: Connection, business_id: UUID, scope: Scope, part: int = 0) -> Any:
    """The reference of a key used before, None where it was not. Raises IdempotencyMismatch."""
    row = await queries.find(connection, business_id, scope, part)
    if row is None:
        return None
    digest, reference = row
    if digest != scope.digest:
        raise IdempotencyMismatch
    return reference


async def replay_parts(connection: Connection, business_id: UUID, scope: Scope) -> dict[int, Any]:
    """The references of every part of a key used before. Raises IdempotencyMismatch."""
    rows = await queries.find_parts(connection, business_id, scope)
    if any(digest != scope.digest for _, digest, _ in rows):
        raise IdempotencyMismatch
    return {part: reference for part, _, reference in rows}


async def keep(
    connection: Connection, business_id: UUID, scope: Scope, part: int, reference: Any
) -> None:
    """Use the key's part up with this reference; for callers that looked for a replay under a lock
    of their own."""
    await queries.claim(connection, business_id, scope, part)
    await queries.set_reference(connection, business_id, scope, part, reference)


def _done(result: Any) -> Done:
    if isinstance(result, ShownOnce):
        return Done(result.reference, shown_once=result.secret)
    return Done(result)
