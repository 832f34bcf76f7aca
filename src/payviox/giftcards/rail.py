"""The stock as a rail: a card costs its price, without fees, and is delivered at once. Codes are no
part of any outcome."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from payviox import ids
from payviox.db.pool import Connection, Database
from payviox.errors import OutcomeUnknown
from payviox.event_log import EventLogger
from payviox.giftcards import service
from payviox.giftcards.model import (
    HELD_AFTER_RESTORE,
    OUT_OF_STOCK,
    Alert,
    BoundCard,
    DeliveredCard,
    Product,
)
from payviox.rails.failures import failed
from payviox.rails.orders import Invalid, Quote, ReadyOrder, Request
from payviox.rails.protocol import Entry, Holding, Known, Outcome

logger = EventLogger(__name__)

FIELD = "gift_card.product"
QUOTE_LIFETIME = timedelta(minutes=15)
OUT_OF_STOCK_AGAIN_S = 300.0
HELD_AGAIN_S = 300.0
START = UUID(int=0)


def serves(destination: Mapping[str, Any]) -> bool:
    """Whether the destination names a product as the stock's are named, in stock or not."""
    return _product_id(destination) is not None


class StockRail:
    """The operator's own stock, for live and test businesses."""

    name = "stock"
    remembers_s: float | None = None
    authoritative = True
    lists_all = True

    def __init__(self, database: Database) -> None:
        self._database = database

    async def quote(self, request: Request) -> Quote:
        """The card's price. Raises Invalid: no such product, sold out, or another amount."""
        product = await self._product(request)
        field = "amount" if request.net_amount is None else "net_amount"
        wanted = request.amount if request.net_amount is None else request.net_amount
        if wanted != product.price:
            raise Invalid({field: [f"The {field} must be {product.price}, the gift card's price."]})
        return Quote(
            amount=product.price,
            fees=0,
            net_amount=product.price,
            destination=_destination(product),
            expires_at=datetime.now(UTC) + QUOTE_LIFETIME,
        )

    async def validate(
        self, order_id: UUID, quote: Quote, request: Request, email: str
    ) -> ReadyOrder:
        """Raises Invalid where the card was sold out meanwhile."""
        product = await self._product(request)
        return ReadyOrder(
            business_id=request.business_id,
            order_id=order_id,
            provider=request.provider,
            rail=self.name,
            amount=quote.amount,
            fees=quote.fees,
            net_amount=quote.net_amount,
            destination=_destination(product),
            recipient_email=email,
        )

    async def submit(self, order: ReadyOrder, reference: str) -> Outcome:
        """Bind a card to the order and deliver it. The same reference again: the same card."""
        product_id = _product_id(order.destination)
        if product_id is None:
            return Outcome("failed", reason=failed("gift_card_gone"))

        async def work(connection: Connection) -> tuple[BoundCard | None, Alert | None]:
            return await service.bind(
                connection, order.business_id, product_id, order.order_id, reference
            )

        try:
            card, alert = await self._database.write(work, keyed=True)
        except (OutcomeUnknown, service.NotSendingError):
            return Outcome("unknown")
        except service.HeldError:
            return Outcome("not_sent", waiting=HELD_AFTER_RESTORE, again_s=HELD_AGAIN_S)
        if alert is not None:
            _log(alert)
        if card is None:
            return Outcome("not_sent", waiting=OUT_OF_STOCK, again_s=OUT_OF_STOCK_AGAIN_S)
        return _succeeded(card)

    async def look_up(self, order: ReadyOrder, reference: str) -> Outcome:
        """Succeeded where the order has got its card, else not_found."""
        card = await self._database.fetch(
            service.find_bound, order.business_id, order.order_id, reference
        )
        return Outcome("not_found") if card is None else _succeeded(card)

    async def read_float(self, business_id: UUID) -> list[Holding]:  # noqa: ARG002  # the rail's verb
        """Nothing: the stock is counted in cards (`payviox giftcards stock`)."""
        return []

    async def statement(
        self,
        business_id: UUID,
        since: datetime,
        known: AsyncIterator[Sequence[Known]],  # noqa: ARG002  # the stock has them all
    ) -> AsyncIterator[Sequence[Entry]]:
        """Every card delivered since then, at its price."""
        after = START
        while True:
            cards = await self._database.fetch(
                lambda connection, after=after: service.list_delivered(  # type: ignore[misc]  # a default binds the place
                    connection, business_id, since, after
                )
            )
            if not cards:
                return
            yield [
                Entry(c.reference, None, "paid", c.price, at=c.delivered_at, evidence=_card(c))
                for c in cards
            ]
            after = cards[-1].id

    async def _product(self, request: Request) -> Product:
        text = request.destination.get("product")
        if text is None or text == "":
            raise Invalid({FIELD: [f"The {FIELD} field is required."]})
        if not isinstance(text, str):
            raise Invalid({FIELD: [f"The {FIELD} must be a string."]})
        product_id = ids.parse(ids.PRODUCT, text)
        product = None
        if product_id is not None:
            product = await self._database.fetch(
                service.find_product, request.business_id, product_id
            )
        if product is None:
            raise Invalid({FIELD: [f"The {FIELD} is not in the catalogue."]})
        if not product.available:
            raise Invalid({FIELD: [f"The {FIELD} is sold out."]})
        return product


def _destination(product: Product) -> dict[str, Any]:
    return {
        "product": product.shown_id,
        "brand": product.brand,
        "name": product.name,
        "country": product.country,
        "currency": product.currency,
        "face_value": product.face_value,
    }


def _card(card: DeliveredCard) -> dict[str, str]:
    return {"card": ids.show(ids.GIFT_CARD, card.id)}


def _product_id(destination: Mapping[str, Any]) -> UUID | None:
    return ids.parse(ids.PRODUCT, str(destination.get("product", "")))


def _succeeded(card: BoundCard) -> Outcome:
    return Outcome("succeeded", details=dict(card.details))


def _log(alert: Alert) -> None:
    logger.warning(
        "gift cards are sold out" if alert.level == "sold_out" else "gift cards are running low",
        business_id=ids.show(ids.BUSINESS, alert.business_id),
        product=ids.show(ids.PRODUCT, alert.product_id),
        left=alert.left,
    )
