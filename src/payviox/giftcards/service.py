"""The stock of gift cards: what there is, binding a card to an order, showing it to its owner.
Database only, in the caller's transaction. Prices are US cents."""

from collections.abc import Sequence
from uuid import UUID

from payviox import acts, ids
from payviox.actors import Actor
from payviox.audit import service as audit
from payviox.db.pool import Connection
from payviox.errors import Conflict, NotFound
from payviox.giftcards.model import (
    Alert,
    AlertLevel,
    BoundCard,
    Product,
    ProductKey,
    RevealedCard,
    SealedCard,
    Stock,
    StoredCode,
)
from payviox.giftcards.queries import holds, reveals
from payviox.giftcards.queries import stock as queries
from payviox.giftcards.sealing import open_codes
from payviox.keyring import Keyring

list_delivered = queries.list_delivered


MANY = 10_001
"""Where somebody waits for the page, so many of each kind are counted: the last says "and more"."""


class NotSendingError(Exception):
    """The order is not being sent under this reference any more: its claim was lost meanwhile."""


class HeldError(Exception):
    """The stock is held after a restore: which of its cards have left is not known."""


class NothingToReveal(Conflict):
    message = "There is no gift card to show: this order has not delivered one"


async def catalogue(connection: Connection, business_id: UUID) -> list[Product]:
    """Every product of the business; `available` says whether one could be delivered now."""
    return await queries.list_products(connection, business_id)


async def find_product(
    connection: Connection, business_id: UUID, product_id: UUID
) -> Product | None:
    return await queries.find_product(connection, business_id, product_id)


async def add_cards(
    connection: Connection, business_id: UUID, cards: Sequence[SealedCard]
) -> set[UUID]:
    """Store those cards that the business does not have yet; answers the ids of these that it has
    now. The same cards (with their ids) once more answer the same."""
    known = await queries.find_fingerprints(
        connection, business_id, [f for card in cards for f in card.fingerprints]
    )
    # In one order everywhere: two imports of the same codes never wait in a circle.
    new = sorted(
        (card for card in cards if known.isdisjoint(card.fingerprints)),
        key=lambda card: card.fingerprint,
    )
    products: dict[ProductKey, UUID] = {}
    for key in sorted({card.product for card in new}, key=repr):
        products[key] = await queries.open_product(connection, business_id, key)
    await queries.insert_cards(connection, business_id, new, [products[c.product] for c in new])
    added = await queries.those_stored(connection, business_id, [card.id for card in cards])
    if added:
        await queries.clear_alerts(connection, business_id, list(products.values()))
    return added


async def find_same(
    connection: Connection, business_id: UUID, cards: Sequence[SealedCard]
) -> dict[UUID, StoredCode]:
    """The card in stock that each of these is the same as, by its code, where there is one."""
    stored = await queries.find_by_fingerprints(
        connection, business_id, [f for card in cards for f in card.fingerprints]
    )
    return {
        card.id: stored[fingerprint]
        for card in cards
        for fingerprint in card.fingerprints
        if fingerprint in stored
    }


void_ids = queries.void_ids


async def bind(
    connection: Connection, business_id: UUID, product_id: UUID, order_id: UUID, reference: str
) -> tuple[BoundCard | None, Alert | None]:
    """Deliver one card to the order under this reference; asked again, the same card.

    None where there is none left. An alert that comes with it is written to the audit here and is
    to be logged after the commit. Raises NotSendingError where the order has got no card and may
    have been taken back since this call was begun.
    """
    sending = await queries.lock_sending(connection, business_id, order_id, reference)
    bound = await queries.find_bound(connection, business_id, order_id, reference)
    if bound is not None:
        return bound, None
    if not sending:
        raise NotSendingError
    if await holds.is_held(connection, business_id):
        raise HeldError
    target = (connection, business_id, product_id, order_id, reference)
    # What others hold at the moment may be handed back, so it is waited for before we say sold out.
    card_id = await queries.take_card(*target, wait=False)
    card_id = card_id or await queries.take_card(*target, wait=True)
    if card_id is not None:
        await queries.deliver(connection, business_id, card_id)
        bound = await queries.find_bound(connection, business_id, order_id, reference)
    return bound, await _alert(connection, business_id, product_id)


async def _alert(connection: Connection, business_id: UUID, product_id: UUID) -> Alert | None:
    left, threshold = await queries.count_left(connection, business_id, product_id)
    if left >= threshold and left > 0:
        return None
    level: AlertLevel = "low" if left else "sold_out"
    if not await queries.mark_alerted(connection, business_id, product_id, level):
        return None
    detail = {"product": ids.show(ids.PRODUCT, product_id), "left": left}
    name: acts.Alert = "gift_cards.low" if left else "gift_cards.sold_out"
    await audit.alert(connection, business_id, name, detail)
    return Alert(business_id, product_id, level, left)


async def find_bound(
    connection: Connection, business_id: UUID, order_id: UUID, reference: str
) -> BoundCard | None:
    """The card that the order has got, None where it has none."""
    return await queries.find_bound(connection, business_id, order_id, reference)


async def reveal(
    connection: Connection, keyring: Keyring, business_id: UUID, user_id: UUID, order_id: UUID
) -> RevealedCard:
    """The card of a payout user's own succeeded order, with its code. The reveal is recorded in the
    same transaction, before the code is opened.

    Raises NotFound where the order is not this payout user's, NothingToReveal where it has
    delivered no card, DecryptionFailed where the stored code was changed.
    """
    status = await reveals.find_order(connection, business_id, user_id, order_id)
    if status is None:
        raise NotFound
    stored = await reveals.find_delivered(connection, business_id, order_id)
    if status != "succeeded" or stored is None:
        raise NothingToReveal
    await reveals.insert_reveal(connection, business_id, order_id, stored.id)
    code, pin = open_codes(keyring, stored)
    return RevealedCard(
        stored.brand,
        stored.country,
        stored.currency,
        stored.face_value,
        code,
        pin,
        stored.expires_on,
    )


async def record_reveal(connection: Connection, business_id: UUID, order_id: UUID) -> None:
    """Record that a gift card was shown that is not of the stock."""
    await reveals.insert_reveal(connection, business_id, order_id, None)


async def void_cards(
    connection: Connection, business_id: UUID, cards: Sequence[SealedCard], actor: Actor
) -> int:
    """Take those of these cards that nobody has got yet out of stock for good; answers how many."""
    fingerprints = [f for card in cards for f in card.fingerprints]
    count = await queries.void_fingerprints(connection, business_id, fingerprints)
    if count:
        await audit.record(connection, business_id, actor, "gift_cards.void", {"cards": count})
    return count


async def void_product(
    connection: Connection, business_id: UUID, product_id: UUID, actor: Actor
) -> int:
    """Take every card of the product that nobody has got yet out of stock for good; answers how
    many. Raises NotFound."""
    if await queries.find_product(connection, business_id, product_id) is None:
        raise NotFound(f"The business has no product {ids.show(ids.PRODUCT, product_id)}")
    count = await queries.void_product(connection, business_id, product_id)
    detail = {"product": ids.show(ids.PRODUCT, product_id), "cards": count}
    await audit.record(connection, business_id, actor, "gift_cards.void", detail)
    return count


async def stock(
    connection: Connection, business_id: UUID, *, most: int | None = None
) -> list[Stock]:
    """How many cards of each product the business has, by their state; where `most` is given each
    number is counted up to it and no further."""
    return await queries.list_stock(connection, business_id, most)
