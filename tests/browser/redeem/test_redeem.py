"""The redemption page in a real browser: from the link to a gift card's code, on a phone and on a
desk, and after a scanner was there first."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from payviox.db.pool import Database
from payviox.keyring import Keyring
from payviox.languages import catalogues
from support import giftcards, live
from support.businesses import TestBusiness, open_business
from support.live import LiveServer
from support.looks import require_whole, violations
from support.recipients import come_in
from support.withdrawals import Desk

pytestmark = pytest.mark.timeout(180)

PATHS = (
    "balance",
    "withdraw/gift-card",
    "withdraw/paypal",
    "withdraw/crypto",
    "give-back",
    "saved",
    "history",
)


@dataclass
class World:
    """A business with gift cards, and where its people's links lead."""

    business: TestBusiness
    url: str
    prepare: Callable[..., Any]

    def process(self) -> None:
        """Do a worker's turn."""
        self.prepare(lambda db: Desk.of(replace(self.business, database=db)).process())

    def link(self, email: str, amount: int = 5_000) -> str:
        """The link of somebody with this balance."""
        created = httpx.post(
            f"{self.url}/payout/create",
            json={"email": email, "amount": amount},
            headers={"Authorization": f"Bearer {self.business.secret_key}"},
        )
        assert created.status_code == 201, created.text
        return f"{self.url}/redeem#{created.json()['hash']}"


@pytest.fixture(scope="module")
def world(site: LiveServer, prepare: Callable[..., Any]) -> World:
    async def make(database: Database) -> TestBusiness:
        business = await open_business(database, funds=1_000_000, main=100)
        text = giftcards.csv_of([f"CARD-{number:04}" for number in range(9)])
        keyring = Keyring(live.SECRET_KEY)
        await giftcards.import_text(database, keyring, business.business_id, text)
        return business

    return World(prepare(make), site.url, prepare)


def fits_and_is_accessible(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    assert violations(page) == [], page.url


def test_the_first_page_tells_times_in_the_readers_zone(world: World, chromium: Browser) -> None:
    with chromium.new_context(timezone_id="Asia/Tokyo") as context:
        page = context.new_page()
        page.goto(link := world.link("tokyo@example.com"))
        assert context.cookies() == []
        come_in(page, link)
        expect(page.locator("time").first).to_contain_text("JST")


@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (1280, "light")])
def test_from_the_link_to_the_code_of_a_gift_card(
    world: World, open_page: Callable[..., Page], width: int, scheme: str
) -> None:
    page = open_page(width=width, scheme=scheme)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.url} {request.headers}"))
    link = world.link(f"card{width}@example.com")
    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_have_text(world.business.name)
    expect(page.get_by_label("Link or code")).to_be_hidden()
    assert page.context.cookies() == []
    fits_and_is_accessible(page)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your balance")
    assert urlsplit(page.url).fragment == ""
    expect(page.get_by_text("$50.00").first).to_be_visible()
    fits_and_is_accessible(page)
    page.get_by_role("link", name="Gift card").click()
    page.get_by_label("Search gift cards").fill("shop")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("radio", name="Shop").check()
    fits_and_is_accessible(page)
    page.get_by_role("button", name="Review").click()
    fits_and_is_accessible(page)
    page.get_by_role("button", name="Confirm").dblclick()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your withdrawal")
    fits_and_is_accessible(page)
    with ThreadPoolExecutor(1) as beside:  # the browser's event loop is this thread's
        beside.submit(world.process).result()
    show = page.get_by_role("button", name="Show code")
    expect(show).to_be_visible()
    page.reload()
    show.click()
    expect(page.get_by_label("Code", exact=True)).to_contain_text("CARD-")
    fits_and_is_accessible(page)
    page.goto(f"{world.url}/redeem/balance")
    expect(page.get_by_text("$25.00").first).to_be_visible()
    secret = urlsplit(link).fragment
    assert not [line for line in asked if secret in line]


@pytest.mark.parametrize("code", catalogues.codes())
def test_every_page_is_whole_on_a_narrow_phone_in_every_language(
    world: World, open_page: Callable[..., Page], code: str
) -> None:
    page = open_page(width=320, scheme="dark")
    come_in(page, world.link(f"{code}@example.com"))
    page.get_by_label("Language").select_option(code)
    expect(page.locator("html")).to_have_attribute("lang", code)
    for path in PATHS:
        page.goto(f"{world.url}/redeem/{path}")
        require_whole(page)
    page.goto(f"{world.url}/redeem/withdraw/paypal")
    page.locator("[name=amount]").fill("x")
    page.locator("[name=amount]").press("Enter")
    expect(page.locator("[name=amount]")).to_have_attribute("aria-invalid", "true")
    require_whole(page)
    page.locator("[name=amount]").fill("20")
    page.locator("[name=amount]").press("Enter")
    page.wait_for_url("**/redeem/review/**")
    require_whole(page)
    page.get_by_role("main").get_by_role("button").last.click()
    page.wait_for_url("**/withdrawals/**")
    require_whole(page)
    page.goto(f"{world.url}/redeem/balance")
    require_whole(page)


def test_after_scanners_were_there_the_person_still_gets_the_money(
    world: World, open_page: Callable[..., Page]
) -> None:
    link = world.link("scanned@example.com")
    looking = open_page()
    looking.goto(link)
    looking.wait_for_load_state("networkidle")
    for address in [each.get_attribute("href") for each in looking.get_by_role("link").all()]:
        looking.goto(f"{world.url}{address}")
    pressing = open_page()
    come_in(pressing, link)
    person = open_page(width=360)
    come_in(person, link)
    person.get_by_role("link", name="PayPal").click()
    person.get_by_label("Amount").fill("20")
    person.get_by_role("button", name="Review").click()
    person.get_by_role("button", name="Confirm").click()
    expect(person.get_by_role("button", name="Cancel withdrawal")).to_be_visible()
    person.go_back()
    expect(person.get_by_role("heading", level=1)).to_have_text("Your withdrawal")
    person.get_by_role("button", name="Cancel withdrawal").click()
    expect(person.get_by_text("The money is back on your balance.")).to_be_visible()
    expect(person.get_by_text("$50.00").first).to_be_visible()


def test_without_scripts_the_link_is_pasted(world: World, open_page: Callable[..., Page]) -> None:
    link = world.link("plain@example.com")
    page = open_page(scripts=False)
    page.goto(link)
    page.get_by_label("Link or code").fill(link)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your balance")
    page.get_by_role("button", name="Leave").click()
    expect(page.get_by_label("Link or code")).to_have_value("")
