"""Stock that is held after a restore: no card leaves before somebody has said which ones left since
the backup. What holds it is in restores.py. Database only, in the caller's transaction; codes are
never answered."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from payviox.actors import Actor
from payviox.audit import service as audit
from payviox.db.pool import Connection
from payviox.errors import Conflict
from payviox.giftcards.model import BadLine, CardRow, ProductKey
from payviox.giftcards.queries import holds as queries
from payviox.giftcards.queries import stock
from payviox.giftcards.sealing import seal
from payviox.keyring import Keyring

__all__ = ["count_held", "is_held", "list_doubtful_cards", "list_doubtful_orders", "list_held"]

CHUNK = 500
"""Cards of a file that are written in one statement."""

list_held = queries.list_held
count_held = queries.count_held
is_held = queries.is_held
list_doubtful_cards = queries.list_doubtful_cards
list_doubtful_orders = queries.list_doubtful_orders


class NotHeld(Conflict):
    message = "The stock is not held: no restore was noticed since it was released"


@dataclass(slots=True)
class Left:
    """What became of a list of cards that left since the backup: how many are out of stock by it,
    how many had left before the backup, and the lines that name none of the business's."""

    voided: int = 0
    known: int = 0
    bad: list[BadLine] = field(default_factory=list)


async def release(connection: Connection, business_id: UUID, actor: Actor) -> None:
    """Let the rest of the business's cards go. Raises NotHeld."""
    if not await queries.release(connection, business_id):
        raise NotHeld
    await audit.record(connection, business_id, actor, "gift_cards.release")


async def void_left_cards(
    connection: Connection,
    keyring: Keyring,
    business_id: UUID,
    lines: Iterable[CardRow | BadLine],
    actor: Actor,
) -> Left:
    """Take the cards of a file that left since the backup out of stock. One that was imported after
    the backup is added as void, so that importing it again does not sell it. Raises NotHeld."""
    await _require_held(connection, business_id)
    left = Left()
    for chunk in _chunks(lines):
        left.bad += [line for line in chunk if isinstance(line, BadLine)]
        cards = [seal(keyring, business_id, row) for row in chunk if isinstance(row, CardRow)]
        wanted = {card.id: set(card.fingerprints) for card in cards}
        prints = [one for some in wanted.values() for one in some]
        known = await stock.find_fingerprints(connection, business_id, prints)
        new = [card for card in cards if known.isdisjoint(wanted[card.id])]
        products: dict[ProductKey, UUID] = {}
        for key in sorted({card.product for card in new}, key=repr):
            products[key] = await stock.open_product(connection, business_id, key)
        await stock.insert_cards(connection, business_id, new, [products[c.product] for c in new])
        voided = await stock.void_fingerprints(connection, business_id, prints)
        left.voided += voided
        left.known += len(cards) - voided
    await _write_down(connection, business_id, left, actor)
    return left


async def void_left_codes(
    connection: Connection,
    keyring: Keyring,
    business_id: UUID,
    codes: Iterable[str],
    actor: Actor,
) -> Left:
    """Take cards that left out of stock by their codes alone, one a line; a code that no card has
    is named by its line. Raises NotHeld."""
    await _require_held(connection, business_id)
    kinds = await queries.list_kinds(connection, business_id)
    left = Left()
    for number, code in enumerate(codes, 1):
        if not code.strip():
            continue
        rows = (CardRow(number, kind, code, None, None) for kind in kinds)
        prints = [one for row in rows for one in seal(keyring, business_id, row).fingerprints]
        if not await stock.find_fingerprints(connection, business_id, prints):
            left.bad.append(BadLine(number, "no card of the business has this code"))
            continue
        voided = await stock.void_fingerprints(connection, business_id, prints)
        left.voided += voided
        left.known += not voided
    await _write_down(connection, business_id, left, actor)
    return left


async def _require_held(connection: Connection, business_id: UUID) -> None:
    if not await queries.is_held(connection, business_id):
        raise NotHeld


async def _write_down(connection: Connection, business_id: UUID, left: Left, actor: Actor) -> None:
    if left.voided:
        detail = {"cards": left.voided, "why": "left since the backup"}
        await audit.record(connection, business_id, actor, "gift_cards.void", detail)


def _chunks(lines: Iterable[CardRow | BadLine]) -> Iterator[list[CardRow | BadLine]]:
    chunk: list[CardRow | BadLine] = []
    for line in lines:
        chunk.append(line)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
