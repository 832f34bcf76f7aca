"""Importing a file of gift cards in chunks, each a transaction of its own: what is good is kept
whatever becomes of the rest, and the same file again adds only what is missing."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from payviox.db.pool import Connection, Database
from payviox.giftcards import service
from payviox.giftcards.model import BadLine, CardRow, SealedCard
from payviox.giftcards.sealing import seal
from payviox.keyring import Keyring

CHUNK = 500


@dataclass(slots=True)
class Imported:
    """What became of a file. Duplicates are cards that the business had, or that stand twice in the
    file."""

    imported: int = 0
    duplicates: int = 0
    bad: list[BadLine] = field(default_factory=list)


async def import_cards(
    database: Database,
    keyring: Keyring,
    business_id: UUID,
    lines: Iterable[CardRow | BadLine],
    on_chunk: Callable[[Imported], None],
    on_added: Callable[[Connection], Awaitable[object]],
) -> Imported:
    """Import every good line; `on_chunk` is told the sums after each chunk, `on_added` is called in
    the transaction of each chunk that added cards."""
    sums = Imported()
    for chunk in _chunks(lines):
        cards = _good(keyring, business_id, chunk, sums)
        if cards:
            # Repeatable: the cards have their ids, so a chunk written twice is found written.
            imported = await database.write(
                lambda connection, cards=cards: _add(connection, business_id, cards, on_added),  # type: ignore[misc]  # a default binds the chunk
                keyed=True,
            )
            sums.imported += imported
            sums.duplicates += len(cards) - imported
        on_chunk(sums)
    return sums


async def _add(
    connection: Connection,
    business_id: UUID,
    cards: list[SealedCard],
    on_added: Callable[[Connection], Awaitable[object]],
) -> int:
    added = await service.add_cards(connection, business_id, cards)
    if added:
        await on_added(connection)
    return added


async def void_cards(
    database: Database,
    keyring: Keyring,
    business_id: UUID,
    lines: Iterable[CardRow | BadLine],
    actor: str,
) -> tuple[int, list[BadLine]]:
    """Take a file's cards out of stock, those that nobody has got; answers how many."""
    voided, bad = 0, []
    for chunk in _chunks(lines):
        cards = [seal(keyring, business_id, row) for row in chunk if isinstance(row, CardRow)]
        bad += [line for line in chunk if isinstance(line, BadLine)]
        voided += await database.write(
            lambda connection, cards=cards: service.void_cards(  # type: ignore[misc]  # likewise
                connection, business_id, cards, actor
            )
        )
    return voided, bad


def _good(
    keyring: Keyring, business_id: UUID, chunk: list[CardRow | BadLine], sums: Imported
) -> list[SealedCard]:
    today = datetime.now(UTC).date()
    cards = []
    for line in chunk:
        if isinstance(line, BadLine):
            sums.bad.append(line)
        elif line.expires_on is not None and line.expires_on < today:
            sums.bad.append(BadLine(line.line, "the card has expired"))
        else:
            cards.append(seal(keyring, business_id, line))
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
