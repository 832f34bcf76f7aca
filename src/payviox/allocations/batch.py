"""Many allocations in one call. `each` pays in chunks, one commit each, and remembers under the
call's idempotency key what became of every chunk, so that a call which was cut off is completed by
repeating it. `all or nothing` is one commit."""

from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from payviox.allocations.batcher import Batcher
from payviox.allocations.engine import Declined, Record
from payviox.allocations.model import Allocated, Item, Outcome
from payviox.allocations.queries import groups as queries
from payviox.auth.hashes import payout_hash
from payviox.db.pool import Connection, Database
from payviox.errors import (
    DatabaseAway,
    InsufficientPayoutBalance,
    KeyDailyLimit,
    KeyLimit,
    KeyRefused,
    LockedTooLong,
    PayoutsDisabled,
    PayoutUserInactive,
    PayvioxError,
    Unauthorized,
)
from payviox.idempotency import service as idempotency
from payviox.idempotency.model import Scope
from payviox.keyring import Keyring

CHUNK = 1_000
"""Items in one commit. A chunk's number is its `part` under the idempotency key, for good."""

REFUSALS: Mapping[str, type[PayvioxError]] = {
    "insufficient": InsufficientPayoutBalance,
    "disabled": PayoutsDisabled,
    "inactive": PayoutUserInactive,
    "over_limit": KeyLimit,
    "over_daily_limit": KeyDailyLimit,
}
CODES = {kind: code for code, kind in REFUSALS.items()}

WHOLE = (Unauthorized, KeyRefused)
"""What the key is refused with: it is one for all items, so that all are refused together."""

Entry = Item | PayvioxError
"""An item to pay, or why it is none."""


class NotAttempted(PayvioxError):
    message = "Not attempted, because an earlier part of this call failed"


class PartlyDone(PayvioxError):
    """A call with a key was cut off after some of its chunks were committed."""

    status = 503
    message = (
        "Only a part of this was done. Repeat it with the same Idempotency-Key: "
        "that does the rest, and nothing twice."
    )
    retry_after_s = 5


class Repeated(Declined):
    """Carries what the earlier call recorded."""

    def __init__(self, reference: Any) -> None:
        super().__init__("this part was committed by an earlier call")
        self.reference = reference


class Overtaken(Declined):
    """Another call with the key paid a chunk that we had found refused, and was first."""


@dataclass(frozen=True, slots=True)
class Payer:
    """Pays batches for one business. `scope` is the call's idempotency key, where it has one;
    without `shows_hashes` replays answer none, as the engine does for the key."""

    database: Database
    keyring: Keyring
    batcher: Batcher
    business_id: UUID
    scope: Scope | None
    shows_hashes: bool = True

    async def each(
        self, chunks: Callable[[], AsyncIterable[Sequence[Entry]]]
    ) -> tuple[list[Outcome], bool]:
        """Pay chunk after chunk; answers an outcome for each entry, and whether all of it is a
        replay.

        Raises, while nothing is committed, Busy, Unauthorized and whatever else stopped the first
        chunk. Later, with a key, too, as PartlyDone where it would say that nothing was done:
        repeating the call completes it. Without one the outcomes so far are answered.
        """
        while True:
            try:
                return await self._each(chunks())
            except Overtaken:
                continue  # what the other call recorded is answered now

    async def _each(self, chunks: AsyncIterable[Sequence[Entry]]) -> tuple[list[Outcome], bool]:
        progress = _Progress(await self._earlier())
        outcomes: list[Outcome] = []
        failure: PayvioxError | None = None
        part = -1
        async for entries in chunks:
            part += 1
            if failure is not None:
                outcomes += [_or(entry, failure) for entry in entries]
                continue
            try:
                outcomes += await self._chunk(part, entries, progress)
            except PayvioxError as error:
                keyed = self.scope is not None and not isinstance(error, WHOLE)
                if keyed and progress.used and isinstance(error, DatabaseAway | LockedTooLong):
                    raise PartlyDone from error
                if keyed or not _paid(outcomes):
                    raise
                outcomes += [_or(entry, error) for entry in entries]
                failure = error if isinstance(error, WHOLE) else NotAttempted()
        return outcomes, progress.replayed and not progress.fresh

    async def all_or_nothing(self, items: Sequence[Item]) -> tuple[list[Outcome], bool]:
        """Pay every item in one commit. Raises Refused where one cannot be: nothing was paid."""
        progress = _Progress(await self._earlier())
        if progress.earlier:
            return await self._replayed(items, progress.earlier[0]), True
        try:
            paid = await self.batcher.submit(
                self.business_id, items, atomic=True, record=self._record(0, progress)
            )
        except Repeated as repeated:
            return await self._replayed(items, repeated.reference), True
        return paid, False

    async def _chunk(
        self, part: int, entries: Sequence[Entry], progress: "_Progress"
    ) -> list[Outcome]:
        items = [entry for entry in entries if isinstance(entry, Item)]
        if not items:
            return [entry for entry in entries if isinstance(entry, PayvioxError)]
        if part in progress.earlier:
            progress.replayed = True
            return await self._replayed(entries, progress.earlier[part])
        record = self._record(part, progress)
        try:
            paid = await self.batcher.submit(self.business_id, items, record=record, begun=part > 0)
        except Repeated as repeated:
            progress.used = progress.replayed = True
            return await self._replayed(entries, repeated.reference)
        if isinstance(paid[0], WHOLE):
            raise paid[0]
        progress.committed(part, paid)
        if len(items) == len(entries):
            return paid
        following = iter(paid)
        return [next(following) if isinstance(entry, Item) else entry for entry in entries]

    async def _earlier(self) -> Mapping[int, Any]:
        """What earlier calls with this key recorded. Raises IdempotencyMismatch."""
        scope = self.scope
        if scope is None:
            return {}
        return await self.database.fetch(idempotency.replay_parts, self.business_id, scope)

    def _record(self, part: int, progress: "_Progress") -> Record | None:
        scope = self.scope
        if scope is None:
            return None

        async def record(connection: Connection, outcomes: Sequence[Outcome]) -> None:
            earlier = await idempotency.replay(connection, self.business_id, scope, part)
            if earlier is not None:
                raise Overtaken if progress.waiting else Repeated(earlier)
            for number, reference in progress.due(part, outcomes):
                if number != part and await idempotency.replay(
                    connection, self.business_id, scope, number
                ):
                    raise Overtaken
                await idempotency.keep(connection, self.business_id, scope, number, reference)

        return record

    async def _replayed(self, entries: Sequence[Entry], reference: Any) -> list[Outcome]:
        """The outcomes of a recorded chunk: who was refused is recorded, all others were paid."""
        refused = reference["refused"]
        emails = list({entry.email for entry in entries if isinstance(entry, Item)})
        code, users = await self.database.fetch(queries.find_hashes, self.business_id, emails)
        outcomes: list[Outcome] = []
        number = 0
        for entry in entries:
            if isinstance(entry, PayvioxError):
                outcomes.append(entry)
                continue
            why = refused.get(str(number))
            number += 1
            if why is not None:
                outcomes.append(REFUSALS[why]())
                continue
            user_id, key_id, generation = users[entry.email]
            key = self.keyring.get(key_id)
            shown = payout_hash(key, code, self.business_id, user_id, generation)
            shown = shown if self.shows_hashes else ""
            outcomes.append(Allocated(user_id, shown, replayed=True))
        return outcomes


class _Progress:
    """What a call has found and done, and what is to be recorded when: only an effect uses an
    idempotency key up, so chunks in which everybody was refused are recorded together with the
    first one that paid somebody."""

    def __init__(self, earlier: Mapping[int, Any]) -> None:
        self.earlier = earlier
        self.used = bool(earlier)
        self.fresh = self.replayed = False
        self.waiting: dict[int, Any] = {}
        """Chunks found refused that are not recorded yet."""

    def due(self, part: int, outcomes: Sequence[Outcome]) -> list[tuple[int, Any]]:
        """The parts to record now, in the transaction of `part`, which may yet be rolled back."""
        if outcomes and isinstance(outcomes[0], WHOLE):
            return []
        if not self.used and not _paid(outcomes):
            return []
        return [*self.waiting.items(), (part, _reference(outcomes))]

    def committed(self, part: int, outcomes: Sequence[Outcome]) -> None:
        """Note that a chunk of ours is committed, and what was due recorded."""
        self.fresh = True
        self.used = self.used or _paid(outcomes)
        if self.used:
            self.waiting.clear()
        else:
            self.waiting[part] = _reference(outcomes)


def _paid(outcomes: Sequence[Outcome]) -> bool:
    return any(isinstance(outcome, Allocated) for outcome in outcomes)


def _reference(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What is recorded of a chunk: who was refused and why; all others were paid."""
    return {
        "refused": {
            str(number): CODES[type(outcome)]
            for number, outcome in enumerate(outcomes)
            if isinstance(outcome, PayvioxError)
        }
    }


def _or(entry: Entry, error: PayvioxError) -> PayvioxError:
    return entry if isinstance(entry, PayvioxError) else error
