"""What a payout user can do with their balance: the ways to take it that work now, what the others
lack, and the gift cards there are. Reading only; rails are asked for prices. Amounts are US
cents."""

import asyncio
from collections.abc import Hashable, Sequence

import msgspec

from payviox.businesses.model import Business
from payviox.db.pool import Database
from payviox.errors import FieldErrors, PayvioxError
from payviox.giftcards import service as giftcards
from payviox.rails.orders import Price, Provider, Request
from payviox.rails.protocol import Method
from payviox.reporting.recent import Recent
from payviox.withdrawals import requests as withdrawal_requests
from payviox.withdrawals.routing import Rails, Served

PRICE_S = 3.0
"""What a way would cost is left out where its rail does not say so within so many seconds."""
SHOWN_S = 2.0
"""How old what is shown may be, in seconds. What a form is priced at is always asked anew."""


class Card(msgspec.Struct, frozen=True):
    """A gift card to buy. `face_value` in hundredths of `currency`; with `most` the buyer chooses,
    and `price` is the least. `is_test` cards only try how a payment can end."""

    id: str
    name: str
    brand: str
    countries: tuple[str, ...]
    currency: str
    face_value: int
    price: int
    most: int | None = None
    is_test: bool = False


class Way(msgspec.Struct, frozen=True):
    """A provider as this payout user may use it. `missing` cents are lacking for the least amount;
    `whole` is what taking as much as possible would cost, where that is known beforehand."""

    provider: Provider
    least: int
    most: int
    missing: int
    method: Method
    whole: Price | None = None


class Offers:
    """What businesses offer their payout users, as pages show it: up to `SHOWN_S` old, asked for
    once however many look. No order is made from it: payviox.withdrawals.requests prices those."""

    def __init__(self, database: Database, rails: Rails) -> None:
        self._database = database
        self._rails = rails
        self._methods = Recent[Sequence[Method]](SHOWN_S)
        self._cards = Recent[Sequence[Card]](SHOWN_S)
        self._served = Recent[Served](SHOWN_S)
        self._prices = Recent[Price | None](SHOWN_S)

    async def methods(self, business: Business) -> Sequence[Method]:
        """The providers that work for the business's payout users."""
        return await self._methods.get(_rules(business), lambda: self._ask_methods(business))

    async def cards(self, business: Business) -> Sequence[Card]:
        """Every gift card that can be bought, the cheapest of a brand first, those that only
        test last."""
        return await self._cards.get(_rules(business), lambda: self._ask_cards(business))

    async def ways(self, business: Business, balance: int) -> list[Way]:
        """Every way that the business offers, those first that work for this balance."""
        methods = await self.methods(business)
        every = await asyncio.gather(*(self._way(business, method, balance) for method in methods))
        return sorted((way for way in every if way is not None), key=lambda way: way.missing > 0)

    async def _way(self, business: Business, method: Method, balance: int) -> Way | None:
        least, most = method.min_amount, method.max_amount
        if method.provider == "gift_card":
            cheapest = await self._cheapest_card(business, least)
            if cheapest is None:
                return None
            least = max(least, cheapest)
        missing = max(0, least - balance)
        whole = None
        if not missing and method.provider != "gift_card":
            whole = await self._price(business, method.provider, min(balance, most))
        return Way(method.provider, least, most, missing, method, whole)

    async def _cheapest_card(self, business: Business, least: int) -> int | None:
        """None where there is none; `least` where the rail does not say in time, so that the way is
        there, and its form asks again."""
        try:
            async with asyncio.timeout(PRICE_S):
                prices = [card.price for card in await self.cards(business)]
        except TimeoutError:
            return least
        return min(prices, default=None)

    async def _price(self, business: Business, provider: Provider, amount: int) -> Price | None:
        """What it would cost, None where that depends on where it goes or the rail does not say."""
        request = Request(business.id, provider, {}, amount=amount)
        key = (_rules(business), provider, amount)
        try:
            return await self._prices.get(key, lambda: self._ask_price(business, request))
        except (PayvioxError, TimeoutError):
            return None

    async def _ask_methods(self, business: Business) -> Sequence[Method]:
        return [method for method in await self._rails.methods(business) if method.enabled]

    async def _ask_price(self, business: Business, request: Request) -> Price | None:
        provider = request.provider
        try:
            async with asyncio.timeout(PRICE_S):
                served = await self._served.get(
                    (_rules(business), provider), lambda: self._rails.serve(business, provider, {})
                )
                quote = await withdrawal_requests.ask(served, request)
        except FieldErrors:  # it depends on where it goes
            return None
        return Price(quote.amount, quote.fees, quote.net_amount)

    async def _ask_cards(self, business: Business) -> Sequence[Card]:
        stock = await self._database.fetch(giftcards.catalogue, business.id)
        sold = await self._rails.gift_cards(business)
        every = [
            Card(
                one.shown_id,
                one.name,
                one.brand,
                (one.country,),
                one.currency,
                one.face_value,
                one.price,
            )
            for one in stock
            if one.available
        ] + [
            Card(
                one.id,
                one.name,
                one.brand,
                one.countries or (one.country,),
                one.currency,
                one.face_value,
                one.price,
                one.max_face_value,
                one.is_test,
            )
            for one in sold
            if one.available
        ]
        return sorted(
            every, key=lambda card: (card.is_test, card.brand.casefold(), card.price, card.id)
        )


def _rules(business: Business) -> Hashable:
    """What of a business decides which rails serve it: changed rules show at once."""
    return (
        business.id,
        business.withdrawals_enabled,
        tuple(business.methods_off),
        business.min_withdrawal,
        business.max_withdrawal,
    )
