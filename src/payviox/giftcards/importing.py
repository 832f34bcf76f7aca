"""Importing a file of gift cards in chunks, each a transaction of its own: what is good is kept
whatever becomes of the rest, and the same file again adds only what is missing."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from payviox.actors import Actor
from payviox.audit import service as audit
from payviox.db.pool import Connection, Database
from payviox.giftcards import service
from payviox.giftcards.codes import Rounding, comparable
from payviox.giftcards.model import BadLine, CardRow, SealedCard, StoredCode
from payviox.giftcards.sealing import open_codes, seal
from payviox.keyring import Keyring

CHUNK = 500


Card = tuple[CardRow, SealedCard]

CLASH = "its code is that of another card with another PIN or expiry; neither can be trusted"
ROUNDED = "the code was rounded by a spreadsheet, as all long ones of the file: nothing but zeros"


@dataclass(slots=True)
class Imported:
    """What became of a file. Duplicates are cards that the business had, or that stand twice in the
    file, with the same PIN and expiry."""

    imported: int = 0
    duplicates: int = 0
    bad: list[BadLine] = field(default_factory=list)


async def say_nothing(_: Imported) -> None:
    """Tell nobody how far an import is."""


class _Added(msgspec.Struct, frozen=True):
    """What became of a chunk: the cards added, the lines that clash with another card, and those
    cards of earlier lines of this file that were taken out again for it."""

    cards: set[UUID]
    clashes: list[int]
    withdrawn: set[UUID]


async def import_cards(
    database: Database,
    keyring: Keyring,
    business_id: UUID,
    lines: Iterable[CardRow | BadLine],
    actor: Actor,
    on_chunk: Callable[[Imported], Awaitable[None]],
    on_added: Callable[[Connection], Awaitable[object]],
) -> Imported:
    """Import every good line; `on_chunk` is told the sums after each chunk, `on_added` is called in
    the transaction of each chunk that added cards."""
    sums = Imported()
    ours: dict[UUID, int] = {}  # the cards of this file and their lines
    rounding = Rounding()
    for chunk in _chunks(lines):
        lost = rounding.find(line.code for line in chunk if isinstance(line, CardRow))
        cards = await asyncio.to_thread(_good, keyring, business_id, chunk, lost, sums)
        if cards:
            known = {**ours, **{card.id: row.line for row, card in cards}}
            # Repeatable: the cards have their ids, so a chunk written twice is found written.
            added = await database.write(
                _add, keyring, business_id, cards, known, actor, on_added, keyed=True
            )
            ours |= {card_id: known[card_id] for card_id in added.cards}
            sums.imported += len(added.cards) - len(added.withdrawn)
            sums.duplicates += len(cards) - len(added.cards) - len(added.clashes)
            clashing = [*added.clashes, *(known[card_id] for card_id in added.withdrawn)]
            sums.bad += [BadLine(line, CLASH) for line in sorted(clashing)]
        await on_chunk(sums)
    return sums


async def _add(
    connection: Connection,
    keyring: Keyring,
    business_id: UUID,
    cards: Sequence[Card],
    ours: Mapping[UUID, int],
    actor: Actor,
    on_added: Callable[[Connection], Awaitable[object]],
) -> _Added:
    added = await service.add_cards(connection, business_id, [card for _, card in cards])
    left = [(row, card) for row, card in cards if card.id not in added]
    same = await service.find_same(connection, business_id, [card for _, card in left])
    clashes = [
        (row.line, same[card.id].id)
        for row, card in left
        if card.id in same and not _is_same(keyring, row, same[card.id])
    ]
    withdrawn = await service.void_ids(
        connection, business_id, [other for _, other in clashes if other in ours]
    )
    if added:
        await audit.record(
            connection, business_id, actor, "gift_cards.import", {"cards": len(added)}
        )
        await on_added(connection)
    return _Added(added, [line for line, _ in clashes], withdrawn)


def _is_same(keyring: Keyring, row: CardRow, stored: StoredCode) -> bool:
    """Whether a line's card is the stored one, and does not just have its code."""
    _, pin = open_codes(keyring, stored)
    return (comparable(row.pin or ""), row.expires_on) == (comparable(pin or ""), stored.expires_on)


async def void_cards(
    database: Database,
    keyring: Keyring,
    business_id: UUID,
    lines: Iterable[CardRow | BadLine],
    actor: Actor,
) -> tuple[int, list[BadLine]]:
    """Take a file's cards out of stock, those that nobody has got; answers how many."""
    voided, bad = 0, []
    for chunk in _chunks(lines):
        cards = [seal(keyring, business_id, row) for row in chunk if isinstance(row, CardRow)]
        bad += [line for line in chunk if isinstance(line, BadLine)]
        voided += await database.write(service.void_cards, business_id, cards, actor)
    return voided, bad


def _good(
    keyring: Keyring,
    business_id: UUID,
    chunk: list[CardRow | BadLine],
    lost: frozenset[str],
    sums: Imported,
) -> list[Card]:
    """The chunk's cards, without the codes that are lost; what is bad is added to the sums."""
    today = datetime.now(UTC).date()
    cards = []
    for line in chunk:
        if isinstance(line, BadLine):
            sums.bad.append(line)
        elif line.code in lost:
            sums.bad.append(BadLine(line.line, ROUNDED))
        elif line.expires_on is not None and line.expires_on < today:
            sums.bad.append(BadLine(line.line, "the card has expired"))
        else:
            cards.append((line, seal(keyring, business_id, line)))
    return cards


def _chunks(lines: Iterable[CardRow | BadLine]) -> Iterator[list[CardRow | BadLine]]:
    chunk = []
    for line in lines:
        chunk.append(line)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
