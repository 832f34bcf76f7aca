"""What the pages show of ways and prices is asked for once for all who look; what is ordered is
priced anew."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from conftest import Build
from payviox import app
from payviox.giftcards.rail import StockRail
from payviox.keyring import Keyring
from payviox.rails.orders import Quote, Request
from payviox.rails.protocol import RailError
from payviox.reporting import redemption
from payviox.reporting.redemption import Offers
from payviox.settings import Settings
from payviox.web.asgi import Application
from payviox.web.context import Services
from payviox.withdrawals.routing import Rails, Route
from support import giftcards, live
from support.businesses import TestBusiness
from support.dashboard import Browser
from support.databases import Urls
from support.redeem import EMAIL, Recipient, text_of
from support.vendor import Vendor

pytestmark = pytest.mark.anyio

UNPRICED = "The fee depends on where it goes."


class Pricing(Vendor):
    """Asks for these fees, and counts how often it was asked; cannot be asked while it is `away`,
    and answers nobody while `quotes_hang`."""

    def __init__(self) -> None:
        super().__init__()
        self.fees = 100
        self.asked = 0
        self.away = False
        self.quotes_hang = False

    async def quote(self, request: Request) -> Quote:
        self.asked += 1
        if self.quotes_hang:
            await asyncio.Event().wait()
        if self.away:
            raise RailError("The vendor is away.")
        quote = await super().quote(request)
        return replace(quote, fees=self.fees, net_amount=quote.amount - self.fees)


@pytest.fixture
def rail() -> Pricing:
    return Pricing()


@pytest.fixture
async def services(
    settings: Settings, urls: Urls, rail: Pricing, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Services]:
    """What is shown stays for as long as a test takes."""
    monkeypatch.setattr(redemption, "SHOWN_S", 600)
    async with app.open_services(settings, urls.application) as opened:
        cards = Route("gift_card", StockRail(opened.database))
        rails = Rails(live=[], test=[Route("paypal", rail), cards])
        yield replace(opened, rails=rails, offers=Offers(opened.database, rails))


@pytest.fixture
def application(services: Services, build: Build) -> Application:
    return build(services)


async def people(business: TestBusiness, application: Application, count: int) -> list[Browser]:
    """So many with $50.00 each, who have the page open."""
    browsers = []
    for number in range(count):
        browser = Browser.of(application)
        made = await business.create(f"{number}@example.com", 5_000)
        assert (await browser.post("/redeem", link=made.json()["hash"])).status_code == 303
        browsers.append(browser)
    return browsers


async def look(browsers: list[Browser]) -> list[httpx.Response]:
    """All of them, at once."""
    return await asyncio.gather(*(browser.get("/redeem/balance") for browser in browsers))


async def test_many_who_look_at_once_and_again_ask_a_rail_once(
    business: TestBusiness, application: Application, rail: Pricing
) -> None:
    browsers = await people(business, application, 6)
    answers = [*await look(browsers), *await look(browsers)]
    assert {answer.status_code for answer in answers} == {200}
    assert all("You get $49.00 of $50.00" in text_of(answer) for answer in answers)
    assert rail.asked == 1
    await business.create("0@example.com", 1_000)
    [more] = await look(browsers[:1])
    assert "You get $59.00 of $60.00" in text_of(more), "of another amount"
    assert rail.asked == 2


async def test_another_business_is_told_its_own_price(
    make_business: Any, business: TestBusiness, application: Application, rail: Pricing
) -> None:
    other = await make_business(funds=10_000)
    await look(await people(business, application, 1))
    rail.fees = 200
    [theirs] = await look(await people(other, application, 1))
    assert "You get $48.00 of $50.00" in text_of(theirs)
    assert rail.asked == 2


async def test_what_is_ordered_is_priced_anew(ada: Recipient, rail: Pricing) -> None:
    assert "the fee is $1.00" in text_of(await ada.get("balance"))
    rail.fees = 300
    assert "the fee is $1.00" in text_of(await ada.get("balance"))
    address = await ada.review("paypal", amount="50", email=EMAIL, kind="spend")
    review = text_of(await ada.browser.get(address))
    assert "Fee $3.00 You get $47.00" in review
    made = await ada.browser.post(address)
    assert made.status_code == 303
    [[amount, fees, net]] = await ada.desk.business.rows(
        "SELECT amount, fees, net_amount FROM orders WHERE business_id = %s"
    )
    assert (amount, fees, net) == (5_000, 300, 4_700)
    assert await ada.balance() == 0


async def test_a_price_that_was_not_to_be_had_is_asked_for_again(
    business: TestBusiness, application: Application, rail: Pricing
) -> None:
    browsers = await people(business, application, 3)
    rail.away = True
    answers = await look(browsers[:1])
    assert [answer.status_code for answer in answers] == [200]
    assert UNPRICED in text_of(answers[0])
    assert rail.asked == 1
    rail.away = False
    answers = await look(browsers)
    assert all("You get $49.00" in text_of(answer) for answer in answers)
    assert rail.asked == 2
    assert (await business.ledger())["0@example.com"] == 5_000


async def test_a_rail_that_does_not_answer_keeps_nobody_from_their_balance(
    business: TestBusiness,
    application: Application,
    rail: Pricing,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    browsers = await people(business, application, 3)
    monkeypatch.setattr(redemption, "PRICE_S", 0.2)
    rail.quotes_hang = True
    answers = await look(browsers)
    assert all("$50.00" in answer.text and UNPRICED in text_of(answer) for answer in answers)
    rail.quotes_hang = False
    [answer] = await look(browsers[:1])
    assert "You get $49.00" in text_of(answer)


async def test_a_vendor_that_lists_no_cards_in_time_keeps_nobody_from_their_balance(
    business: TestBusiness,
    application: Application,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def hang(business: object) -> object:
        return await asyncio.Event().wait()

    browsers = await people(business, application, 1)
    monkeypatch.setattr(redemption, "PRICE_S", 0.2)
    monkeypatch.setattr(services.rails, "gift_cards", hang)
    [answer] = await look(browsers)
    assert "$50.00" in answer.text
    assert "Gift card" in text_of(answer)


async def test_a_way_that_the_business_takes_away_is_gone_at_once(
    ada: Recipient, business: TestBusiness
) -> None:
    assert "PayPal" in text_of(await ada.get("balance"))
    await business.set(methods_off=["paypal"])
    assert "PayPal" not in text_of(await ada.get("balance"))
    assert (await ada.get("withdraw/paypal")).status_code == 303, "to what there is"


async def test_a_card_that_is_still_shown_and_sold_out_costs_nothing(
    ada: Recipient, business: TestBusiness
) -> None:
    await giftcards.import_text(
        ada.database,
        Keyring(live.SECRET_KEY),
        business.business_id,
        giftcards.csv_of(("AAAA-1111",), price=2_500),
    )
    page = await ada.get("withdraw/gift-card")
    card = page.text.partition('name="card" value="')[2].partition('"')[0]
    await ada.database.write(
        lambda db: db.execute(
            "UPDATE gift_cards SET status = 'void' WHERE business_id = %s", [business.business_id]
        )
    )
    refused = await ada.browser.post("/redeem/withdraw/gift-card", card=card)
    assert refused.status_code == 422
    assert "not to be had any more" in text_of(refused)
    assert await ada.balance() == 5_000
    assert await ada.number_of_orders() == 0
