"""Gift cards as a payout user sees them: the catalogue, and the code of a card that is theirs."""

from datetime import date
from typing import Any

import msgspec
from litestar import Response, get, post
from msgspec import UNSET, UnsetType

from payviox import ids
from payviox.api.authentication import require_payout_user
from payviox.api.context import Call, payout_user, services
from payviox.api.documentation import documented
from payviox.api.idempotent import run_once
from payviox.api.order_views import EXAMPLE, own_order
from payviox.businesses import service as businesses
from payviox.db.pool import Connection
from payviox.giftcards import service as giftcards
from payviox.idempotency.service import Done, ShownOnce
from payviox.rails.base import GiftCard


class GiftCardProduct(msgspec.Struct):
    """A gift card to buy. `price` in US cents; `face_value` in hundredths of the card's
    currency."""

    id: str
    name: str
    brand: str
    country: str
    currency: str
    face_value: int
    price: int
    available: bool


class Catalogue(msgspec.Struct):
    """Every gift card there is."""

    data: list[GiftCardProduct]


class RevealedView(msgspec.Struct, kw_only=True):
    """A gift card with its code. A replay of an idempotency key answers without code and PIN."""

    id: str
    brand: str
    country: str
    currency: str
    face_value: int
    code: str | UnsetType = UNSET
    pin: str | UnsetType = UNSET
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
    caller, found = payout_user(request), services(request)

    async def fetch(connection: Connection) -> list[GiftCard]:
        business = await businesses.get(connection, caller.business_id)
        stock = await giftcards.catalogue(connection, caller.business_id)
        return [
            *(
                GiftCard(
                    p.shown_id,
                    p.name,
                    p.brand,
                    p.country,
                    p.currency,
                    p.face_value,
                    p.price,
                    p.available,
                )
                for p in stock
            ),
            *found.rails.gift_cards(business),
        ]

    cards = await found.database.fetch(fetch)
    return Catalogue([msgspec.convert(c, GiftCardProduct, from_attributes=True) for c in cards])


@post("/payout/withdrawals/{id:str}/reveal", guards=[require_payout_user], status_code=200)
@documented("Payout user", {200: _REVEALED}, errors=[giftcards.NothingToReveal])
async def reveal_gift_card(request: Call) -> Response[Any]:
    """Show the code of a gift card that one has bought.

    Every reveal is recorded.
    """
    caller, found = payout_user(request), services(request)
    order = await own_order(request)
    order_id = order.id
    rail = found.rails.revealing(order.rail)

    async def effect(connection: Connection) -> ShownOnce:
        if order.provider != "gift_card" or order.status != "succeeded":
            raise giftcards.NothingToReveal
        if rail is None:
            card = await giftcards.reveal(
                connection, found.keyring, caller.business_id, caller.user_id, order_id
            )
            expires_on = card.expires_on and card.expires_on.isoformat()
            return ShownOnce({"expires_on": expires_on}, (card.code, card.pin))
        await giftcards.record_reveal(connection, caller.business_id, order_id)
        revealed = rail.reveal(order_id)
        return ShownOnce({"expires_on": None}, (revealed.code, revealed.pin))

    def render(done: Done) -> RevealedView:
        code, pin = done.shown_once or (None, None)
        expires_on = done.reference["expires_on"]
        facts = {name: order.destination[name] for name in ("brand", "country", "currency")}
        return RevealedView(
            id=ids.show(ids.ORDER, order_id),
            **facts,
            face_value=order.destination["face_value"],
            code=code or UNSET,
            pin=pin or UNSET,
            expires_on=date.fromisoformat(expires_on) if expires_on else UNSET,
        )

    return await run_once(request, caller.business_id, str(caller.user_id), effect, render)


ROUTES = [list_gift_cards, reveal_gift_card]
