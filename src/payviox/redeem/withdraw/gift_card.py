"""`/redeem/withdraw/gift-card`: which gift card. Only those that the balance pays for are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from litestar import Response, get, post

from payviox.errors import FieldErrors
from payviox.rails.orders import Request
from payviox.redeem.visits import ROUTE, Visit, show, visit_of
from payviox.redeem.withdraw.quoting import (
    FormView,
    Money,
    money_of,
    price,
    read_amount,
)
from payviox.reporting.redemption import Card
from payviox.web.context import Call, services

PATH = f"{ROUTE}/withdraw/gift-card"
MOST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The cards that are shown, and by what they were chosen. `dearer` is what the cheapest one
    beyond the balance lacks, in cents, where none is within it."""

    cards: Sequence[Card]
    countries: Sequence[str]
    search: str
    country: str
    has_more: bool
    dearer: int | None

    @property
    def has_free_amounts(self) -> bool:
        return any(card.most is not None for card in self.cards)


@get(PATH, include_in_schema=False)
async def ask_card(request: Call) -> Response[Any]:
    """The catalogue."""
    visit = await visit_of(request)
    money = await money_of(request, visit, "gift_card")
    return await _form(request, visit, FormView(money, {}))


@post(PATH, include_in_schema=False, status_code=200)
async def price_card(request: Call) -> Response[Any]:
    """Ask for a price; then the review."""
    visit = await visit_of(request)
    every = await services(request).offers.cards(visit.business)
    again = partial(_form, request, visit)
    return await price(
        request, visit, "gift_card", lambda form: _request(visit, form, every), again
    )


def _request(visit: Visit, form: Mapping[str, str], every: Sequence[Card]) -> Request:
    card = next((card for card in every if card.id == form.get("card")), None)
    if card is None:
        raise FieldErrors({"gift_card.product": []})
    amount: int | None = card.price
    net_amount = None
    if card.most is not None:
        amount, net_amount = read_amount(form, visit.language)
    return Request(visit.business.id, "gift_card", {"product": card.id}, amount, net_amount)


async def _form(request: Call, visit: Visit, view: FormView, status: int = 200) -> Response[Any]:
    every = await services(request).offers.cards(visit.business)
    chosen = request.query_params if request.method == "GET" else view.typed
    catalogue = _catalogue(every, view.money, chosen.get("q", ""), chosen.get("country", ""))
    return show(request, visit, "withdraw/gift_card.html", view, status=status, catalogue=catalogue)


def _catalogue(every: Sequence[Card], money: Money, search: str, country: str) -> Catalogue:
    sought = search.strip().casefold()
    affordable = [card for card in every if card.price <= money.most]
    matching = [
        card
        for card in affordable
        if sought in f"{card.brand} {card.name}".casefold()
        and (not country or country in card.countries)
    ]
    beyond = [card.price for card in every if card.price > money.balance]
    return Catalogue(
        cards=matching[:MOST_SHOWN],
        countries=sorted({name for card in affordable for name in card.countries}),
        search=search,
        country=country,
        has_more=len(matching) > MOST_SHOWN,
        dearer=min(beyond) - money.balance if beyond and not affordable else None,
    )


ROUTES = [ask_card, price_card]
