"""What a payout user can do with their balance: the ways to take it that work now, what the others
lack, and the gift cards there are. Reading only; rails are asked for prices. Amounts are US
cents."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from payviox.auth.users import UserCaller
from payviox.businesses.model import Business
from payviox.db.pool import Connection, Database
from payviox.errors import PayvioxError
from payviox.giftcards import service as giftcards
from payviox.ledger import service as ledger
from payviox.rails.orders import Price, Provider, Request
from payviox.rails.protocol import Method
from payviox.withdrawals import history
from payviox.withdrawals import requests as withdrawal_requests
from payviox.withdrawals.history import Movement
from payviox.withdrawals.routing import Rails

PRICE_S = 3.0
"""What a way would cost is left out where its rail does not say so within so many seconds."""


@dataclass(frozen=True, slots=True)
class Card:
    """A gift card to buy. `face_value` in hundredths of `currency`; with `most` the buyer chooses,
    and `price` is the least."""

    id: str
    name: str
    brand: str
    countries: tuple[str, ...]
    currency: str
    face_value: int
    price: int
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """A provider as this payout user may use it. `missing` cents are lacking for the least amount;
    `whole` is what taking as much as possible would cost, where that is known beforehand."""

    provider: Provider
    least: int
    most: int
    missing: int
    method: Method
    whole: Price | None = None


async def ways(
    database: Database, rails: Rails, caller: UserCaller, business: Business, balance: int
) -> list[Way]:
    """Every way that the business offers, those first that work for this balance."""
    offered = [method for method in await rails.methods(business) if method.enabled]
    every = await asyncio.gather(
        *(_way(database, rails, caller, business, method, balance) for method in offered)
    )
    return sorted((way for way in every if way is not None), key=lambda way: way.missing > 0)


async def cards(database: Database, rails: Rails, business: Business) -> list[Card]:
    """Every gift card that can be bought now, the cheapest first."""
    stock = await database.fetch(giftcards.catalogue, business.id)
    sold = await rails.gift_cards(business)
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
        )
        for one in sold
        if one.available
    ]
    return sorted(every, key=lambda card: (card.brand.casefold(), card.price, card.id))


async def latest(
    connection: Connection, business_id: UUID, user_id: UUID, limit: int
) -> tuple[int, list[Movement]]:
    """The balance, and the newest movements of it."""
    balance = await ledger.user_balance(connection, business_id, user_id)
    return balance, await history.page(connection, business_id, user_id, limit=limit)


async def _way(
    database: Database,
    rails: Rails,
    caller: UserCaller,
    business: Business,
    method: Method,
    balance: int,
) -> Way | None:
    least, most = method.min_amount, method.max_amount
    if method.provider == "gift_card":
        prices = [card.price for card in await cards(database, rails, business)]
        if not prices:
            return None
        least = max(least, min(prices))
    missing = max(0, least - balance)
    whole = None
    if not missing and method.provider != "gift_card":
        whole = await _price(database, rails, caller, method.provider, min(balance, most))
    return Way(method.provider, least, most, missing, method, whole)


async def _price(
    database: Database, rails: Rails, caller: UserCaller, provider: Provider, amount: int
) -> Price | None:
    """What it would cost, None where that depends on where it goes or the rail does not say."""
    request = Request(caller.business_id, provider, {}, amount=amount)
    try:
        async with asyncio.timeout(PRICE_S):
            _, quote = await withdrawal_requests.quote(database, rails, caller, request)
    except (PayvioxError, TimeoutError):
        return None
    return quote
