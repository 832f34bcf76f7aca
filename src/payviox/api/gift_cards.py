"""Gift cards as a payout user sees them: the catalogue, and the code of a card that is theirs."""

from datetime import date
from typing import Any

import msgspec
from litestar import Response, get, post
from msgspec import UNSET, UnsetType

from payviox import ids
from payviox.api.authentication import require_payout_user
from payviox.api.docs.declarations import documented
from payviox.api.idempotent import is_replay, run_once
from payviox.api.schemas.orders import EXAMPLE, own_order
from payviox.businesses import service as businesses
from payviox.businesses.model import Business
from payviox.db.pool import Connection
from payviox.errors import PayvioxError, ProviderUnavailable
from payviox.event_log import EventLogger
from payviox.giftcards import service as giftcards
from payviox.giftcards.model import Product
from payviox.idempotency.service import Done, ShownOnce
from payviox.rails.protocol import GiftCard, RailError, RevealedCode
from payviox.web.context import Call, payout_user, read, services
from payviox.withdrawals.model import Order

logger = EventLogger(__name__)


class GiftCardProduct(msgspec.Struct):
    """A gift card to buy. `price` in US cents; `face_value` in hundredths of the card's currency.
    With a `max_face_value` the buyer chooses: `face_value` and `price` are the least then."""

    id: str
    name: str
    brand: str
    country: str
    currency: str
    face_value: int
    price: int
    available: bool
    countries: list[str] | UnsetType = UNSET
    image: str | UnsetType = UNSET
    max_face_value: int | UnsetType = UNSET


class Catalogue(msgspec.Struct):
    """Every gift card there is."""

    data: list[GiftCardProduct]


class RevealedView(msgspec.Struct, kw_only=True):
    """A gift card with its code or its link. A replay of an idempotency key answers without
    them."""

    id: str
    brand: str
    country: str
    currency: str
    face_value: int
    code: str | UnsetType = UNSET
    pin: str | UnsetType = UNSET
    link: str | UnsetType = UNSET
    expires_on: date | UnsetType = UNSET


_CARD = GiftCardProduct(
    "sandbox_card_25", "Sandbox $25", "Sandbox", "US", "USD", 2_500, 2_500, available=True
)
_REVEALED = RevealedView(
    id=EXAMPLE.id,
    brand="Sandbox",
    country="US",
    currency="USD",
    face_value=2_500,
    code="SANDBOX-0123456789ABCDEF",
)


@get("/payout/gift-cards", guards=[require_payout_user])
@documented("Payout user", {200: Catalogue([_CARD])})
async def list_gift_cards(request: Call) -> Catalogue:
    """The gift cards that can be bought."""
    caller, process = payout_user(request), services(request)

    async def fetch(connection: Connection) -> tuple[Business, list[Product]]:
        business = await businesses.get(connection, caller.business_id)
        return business, await giftcards.catalogue(connection, caller.business_id)

    business, stock = await read(request, fetch)
    others = await process.rails.gift_cards(business)
    return Catalogue([*map(_of_stock, stock), *map(_of_rail, others)])


def _of_stock(product: Product) -> GiftCardProduct:
    return GiftCardProduct(
        product.shown_id,
        product.name,
        product.brand,
        product.country,
        product.currency,
        product.face_value,
        product.price,
        product.available,
    )


def _of_rail(card: GiftCard) -> GiftCardProduct:
    return GiftCardProduct(
        card.id,
        card.name,
        card.brand,
        card.country,
        card.currency,
        card.face_value,
        card.price,
        card.available,
        list(card.countries) or UNSET,
        card.image or UNSET,
        card.max_face_value or UNSET,
    )


@post("/payout/withdrawals/{id:str}/reveal", guards=[require_payout_user], status_code=200)
@documented(
    "Payout user", {200: _REVEALED}, errors=[giftcards.NothingToReveal, ProviderUnavailable]
)
async def reveal_gift_card(request: Call) -> Response[Any]:
    """Show the code, or the link, of a gift card that one has bought.

    Every reveal is recorded.
    """
    caller, process = payout_user(request), services(request)
    order = await own_order(request)
    order_id = order.id
    from_rail = await _asked(request, order)

    async def effect(connection: Connection) -> ShownOnce:
        if not _delivered(order):
            raise giftcards.NothingToReveal
        if isinstance(from_rail, PayvioxError):
            raise from_rail
        if from_rail is None:
            card = await giftcards.reveal(
                connection, process.keyring, caller.business_id, caller.user_id, order_id
            )
            expires_on = card.expires_on and card.expires_on.isoformat()
            return ShownOnce({"expires_on": expires_on}, RevealedCode(card.code, card.pin))
        await giftcards.record_reveal(connection, caller.business_id, order_id)
        return ShownOnce({"expires_on": None}, from_rail)

    def render(_: Connection, done: Done) -> RevealedView:
        shown = done.shown_once or RevealedCode()
        expires_on = done.reference["expires_on"]
        facts = {name: order.destination[name] for name in ("brand", "country", "currency")}
        return RevealedView(
            id=ids.show(ids.ORDER, order_id),
            **facts,
            face_value=order.destination["face_value"],
            code=shown.code or UNSET,
            pin=shown.pin or UNSET,
            link=shown.link or UNSET,
            expires_on=date.fromisoformat(expires_on) if expires_on else UNSET,
        )

    return await run_once(request, caller.business_id, str(caller.user_id), effect, render)


def _delivered(order: Order) -> bool:
    return order.provider == "gift_card" and order.status == "succeeded"


async def _asked(request: Call, order: Order) -> RevealedCode | ProviderUnavailable | None:
    """What the order's own rail reveals, or why it cannot; None where there is nothing to ask: the
    card is of the stock, or the call is a replay. It is asked before the transaction that records
    the reveal, and what it says is shown after that alone."""
    rail = services(request).rails.revealing(order.rail)
    if rail is None or not _delivered(order):
        return None
    if await is_replay(request, order.business_id, str(order.payout_user_id)):
        return RevealedCode()
    try:
        return await rail.reveal(order.ready)
    except RailError as error:
        logger.warning("gift card not revealed", rail=order.rail, problem=str(error))
        return ProviderUnavailable()


ROUTES = [list_gift_cards, reveal_gift_card]
