"""Checking seals: their chain, their signatures, the rows that they cover, and whether they are
those of a file that was kept elsewhere. Reading only."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from uuid import UUID

from payviox import ids
from payviox.db.pool import Connection
from payviox.keyring import Keyring
from payviox.ledger import seal_text
from payviox.ledger.queries import seals as queries
from payviox.ledger.queries.seals import SOURCES, STREAMS, Source
from payviox.ledger.seal_text import NotASeal, Part, Seal

Kept = Mapping[UUID, Mapping[int, str]]
"""The digests of a file's seals, by business and number."""

PREFIXES: Mapping[Source, str] = {"transfers": ids.TRANSFER, "audit_entries": ids.AUDIT}

COVERED: Mapping[str, str] = {
    "transfers": "transfers",
    "payout_users": "payout users of the transfers",
    "orders": "orders of the transfers",
    "suspense_items": "suspense items of the transfers",
    "audit_entries": "audit entries",
    "gift_card_reveals": "reveals of gift cards",
    "keys_and_products": "API keys and gift card products of the audit entries",
}
"""What a stream's rows are, before the ids that it goes by."""

PAGE = 500


def by_number(seals: Iterable[Seal]) -> dict[UUID, dict[int, str]]:
    """The digests of these seals."""
    kept: dict[UUID, dict[int, str]] = {}
    for seal in seals:
        kept.setdefault(seal.business_id, {})[seal.number] = seal.digest
    return kept


def check_chain(seals: Sequence[Seal]) -> list[str]:
    """What is wrong with seals by themselves, in words: a business's follow each other."""
    problems = []
    last: dict[UUID, Seal] = {}
    for seal in seals:
        name = ids.show(ids.BUSINESS, seal.business_id)
        problems += [f"{name}: {text}" for text in _follows(seal, last.get(seal.business_id))]
        last[seal.business_id] = seal
    return problems


class SealCheck:
    """Checks one business's seals; `count` says afterwards how many there are. Without a keyring a
    signature is compared with the key that the seal names, whoever's that is."""

    def __init__(
        self,
        connection: Connection,
        business_id: UUID,
        keyring: Keyring | None,
        kept: Mapping[int, str],
        *,
        rows: bool = True,
    ) -> None:
        self._connection = connection
        self._business_id = business_id
        self._keyring = keyring
        self._kept = kept
        self._rows = rows
        self.count = 0

    async def problems(self) -> AsyncIterator[str]:
        """What is wrong, in words, oldest seal first."""
        async for problem in self._chain():
            yield problem
        for source in SOURCES if self._rows else ():
            number = await queries.count_below_one(self._connection, self._business_id, source)
            if number:
                yield f"{number} rows of {source} have ids below 1, which no seal covers"

    async def _chain(self) -> AsyncIterator[str]:
        number, last = 0, None
        while page := await queries.list_after(self._connection, self._business_id, number, PAGE):
            for expected, (stands, body, signature) in enumerate(page, start=number + 1):
                number = stands
                self.count += 1
                if number != expected:
                    yield f"seal {number} stands where seal {expected} is expected"
                try:
                    seal = seal_text.read(body, signature)
                except NotASeal:
                    yield f"seal {number} was changed: its text is no seal's"
                    last = None
                    continue
                if (seal.business_id, seal.number) != (self._business_id, number):
                    yield f"seal {number} was changed: it says that it is another"
                for problem in _follows(seal, last):
                    yield problem
                async for problem in self._seal(seal):
                    yield problem
                last = seal
        for problem in await self._newest(last):
            yield problem
        newest = max(self._kept, default=0)
        if newest > number:
            yield (
                f"the file has seals up to {newest}, the database up to {number}: it was restored"
                " from an older backup, or its newest rows were deleted"
            )

    async def _newest(self, last: Seal | None) -> list[str]:
        if last is None:
            return []
        is_known = self._keyring is None or last.key_id in self._keyring.ids
        problems = [] if is_known else [f"the newest {_unknown(last)}"]
        newest = await queries.list_newest_ids(self._connection, [self._business_id])
        return problems + beyond(last, newest[self._business_id])

    async def _seal(self, seal: Seal) -> AsyncIterator[str]:
        if self._keyring and _is_foreign(seal, self._keyring):
            yield f"seal {seal.number} names a public key that is not the secret key's"
        if self._kept.get(seal.number, seal.digest) != seal.digest:
            yield f"seal {seal.number} is not the one of the file: what it covers was sealed anew"
        if not self._rows:
            return
        for stream, part in seal.parts.items():
            if stream not in STREAMS:
                yield f"seal {seal.number} covers {stream}, which this version does not know"
                continue
            now = await queries.digest(
                self._connection, self._business_id, stream, part.after, part.until
            )
            if now != part:
                yield _changed(seal, stream, part, now)


async def compare(connection: Connection, keyring: Keyring, seals: Sequence[Seal]) -> list[str]:
    """What is other in this database than these seals say, without its rows."""
    kept = by_number(seals)
    problems = await missing(connection, kept)
    for business_id, digests in kept.items():
        name = ids.show(ids.BUSINESS, business_id)
        check = SealCheck(connection, business_id, keyring, digests, rows=False)
        problems += [f"{name}: {problem}" async for problem in check.problems()]
    return problems


async def missing(connection: Connection, kept: Kept) -> list[str]:
    """Businesses of the file that have no seal here."""
    sealed = await queries.list_sealed(connection)
    return [
        f"the file has {max(kept[each])} seals of {ids.show(ids.BUSINESS, each)}, the database none"
        for each in kept
        if each not in sealed
    ]


def flaws(seal: Seal, keyring: Keyring) -> list[str]:
    """Why a seal is none that these keys made."""
    if seal.key_id not in keyring.ids:
        return [_unknown(seal)]
    if _is_foreign(seal, keyring):
        return [f"seal {seal.number} names a public key that is not the secret key's"]
    if not seal.is_signed:
        return [f"seal {seal.number} is not signed by the key that it names"]
    return []


def beyond(seal: Seal, newest: Mapping[Source, int]) -> list[str]:
    """What a seal covers that is not there: rows never go."""
    return [
        f"seal {seal.number} covers {stream} up to {seal.until(stream)}, the newest is"
        f" {newest[source]}"
        for stream, (source, _) in STREAMS.items()
        if seal.until(stream) > newest[source]
    ]


def _unknown(seal: Seal) -> str:
    return (
        f"seal {seal.number} is signed with the secret key {seal.key_id}, which is not configured"
    )


def _is_foreign(seal: Seal, keyring: Keyring) -> bool:
    """Whether it names one of these keys with another's public key."""
    return (
        seal.key_id in keyring.ids
        and seal.public_key != keyring.get(seal.key_id).seal_public_key.hex()
    )


def _follows(seal: Seal, before: Seal | None) -> list[str]:
    """What is wrong with a seal beside the one before it; None: it should be the first."""
    problems = []
    if before is None:
        if seal.number != 1 or seal.before != seal_text.FIRST:
            problems.append(f"seal {seal.number} has no seal before it and is not the first")
    elif (seal.number, seal.before) != (before.number + 1, before.digest):
        problems.append(f"seal {seal.number} does not follow from seal {before.number}")
    for stream, part in seal.parts.items():
        earlier = before.parts.get(stream) if before else None
        expected = earlier.until if earlier else 0
        if part.after != expected:
            problems.append(
                f"seal {seal.number} covers {stream} after {part.after}, expected {expected}"
            )
    if not seal.is_signed:
        problems.append(f"seal {seal.number} is not signed by the key that it names")
    return problems


def _changed(seal: Seal, stream: str, part: Part, now: Part) -> str:
    prefix = PREFIXES.get(STREAMS[stream][0])
    first, last = (
        str(number) if prefix is None else ids.show(prefix, str(number))
        for number in (part.after + 1, part.until)
    )
    rows = f"{now.rows} rows, sealed were {part.rows}" if now.rows != part.rows else "other rows"
    return (
        f"{COVERED[stream]} {first} to {last} are not those of seal {seal.number}, made"
        f" {seal.sealed_at:%Y-%m-%d %H:%M} UTC: {rows}"
    )
