"""`/redeem/withdraw/gift-card`: which gift card. Only those that the balance pays for are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec
from litestar import Response, get, post

from payviox.errors import FieldErrors
from payviox.languages import catalogues
from payviox.languages.catalogues import Language
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
from payviox.web.forms import read_form

PATH = f"{ROUTE}/withdraw/gift-card"
MOST_SHOWN = 60


class Catalogue(msgspec.Struct, frozen=True):
    """The cards that are shown, and by what they were chosen; `is_guess` where the country is the
    one that the browser names. `dearer` is what the cheapest card beyond the balance lacks, in
    cents, where none is within it."""

    cards: Sequence[Card]
    countries: Sequence[str]
    search: str
    country: str
    is_guess: bool
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
    money = await money_of(request, visit, "gift_card")
    every = await services(request).offers.cards(visit.business)
    chosen = (await read_form(request)).get("card")
    card = next((card for card in every if card.id == chosen), None)

    async def again(view: FormView, status: int) -> Response[Any]:
        errors = view.errors
        if card is None or card.most is None:  # its form asks for no amount
            errors = {"card": [each for messages in errors.values() for each in messages]}
        return await _form(request, visit, replace(view, money=money, errors=errors), status)

    return await price(request, visit, _within(money, card), partial(_request, visit, card), again)


def _within(money: Money, card: Card | None) -> Money:
    """The limits of a card whose value is its buyer's choice."""
    if card is None or card.most is None:
        return money
    method = replace(money.method, min_amount=card.price, max_amount=card.most)
    return replace(money, method=method)


def _request(visit: Visit, card: Card | None, form: Mapping[str, str]) -> Request:
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
    region = catalogues.region(request.headers.get("accept-language", ""))
    catalogue = _catalogue(
        every, view.money, chosen.get("q", ""), chosen.get("country"), region, visit.language
    )
    return show(request, visit, "withdraw/gift_card.html", view, status=status, catalogue=catalogue)


def _catalogue(
    every: Sequence[Card],
    money: Money,
    search: str,
    country: str | None,
    region: str | None,
    language: Language,
) -> Catalogue:
    """What is shown of every card; where no country was chosen, those of the browser's `region`."""
    sought = search.strip().casefold()
    affordable = [card for card in every if card.price <= money.most]
    countries = {name for card in affordable for name in card.countries}
    is_guess = country is None and len(countries) > 1 and region in countries
    country = (region if is_guess else country) or ""
    matching = [
        card
        for card in affordable
        if sought in f"{card.brand} {card.name}".casefold()
        and (not country or country in card.countries)
    ]
    beyond = [card.price for card in every if card.price > money.balance]
    return Catalogue(
        cards=matching[:MOST_SHOWN],
        countries=sorted(countries, key=language.country),
        search=search,
        country=country,
        is_guess=is_guess,
        has_more=len(matching) > MOST_SHOWN,
        dearer=min(beyond) - money.balance if beyond and not affordable else None,
    )


ROUTES = [ask_card, price_card]
