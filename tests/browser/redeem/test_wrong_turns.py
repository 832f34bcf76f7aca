"""Every wrong turn on the way to the money, each way of taking it, in a real browser: going back,
loading anew, pressing twice, a second tab, a session that ended, a lost connection, and what others
change meanwhile. The page always leads on, and the books say that it was paid once or not at all.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import psycopg
import pytest
from playwright.sync_api import Page, expect

from payviox import wiring
from payviox.db.pool import Database
from payviox.keyring import Keyring
from payviox.rail_accounts import service as rail_accounts
from payviox.rail_accounts.model import Changes
from support import giftcards, live
from support.businesses import TestBusiness, open_business
from support.databases import Urls
from support.ledger import Snapshot
from support.live import LiveServer
from support.looks import require_whole
from support.recipients import FUNDS, come_in
from support.redeem import WALLET
from support.simulator import TREMENDOUS_FUNDING_SOURCE, TREMENDOUS_WEBHOOK_KEY, Simulator
from support.withdrawals import Desk

pytestmark = pytest.mark.timeout(180)

EXPECTED = ("ERR_INTERNET_DISCONNECTED", "status of 401", "status of 409", "status of 503")
"""What the browser says of the wrong turns themselves."""
CARDS = {"stock": "Shop 20", "tremendous": "Shoe Shop", "last": "The last"}


@dataclass
class World:
    """A business with gift cards in stock and at Tremendous, PayPal and crypto by the sandbox; its
    web process; and its orders, which a worker's turn processes."""

    urls: Urls
    business: TestBusiness
    url: str
    prepare: Callable[..., Any]
    beside: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    """The browser's event loop is the test's thread."""

    def run(self, work: Callable[[Database], Any]) -> Any:
        return self.beside.submit(self.prepare, work).result()

    def process(self, *, later: bool = False) -> None:
        """Do a worker's turn, an hour `later` another one."""

        async def work(database: Database) -> None:
            rails = wiring.rails(database, Keyring(live.SECRET_KEY))
            desk = Desk.of(replace(self.business, database=database), rails)
            await desk.process()
            if later:
                await desk.hurry()
                await desk.process()
            await rails.close()

        self.run(work)

    def set(self, **rules: Any) -> None:
        self.run(lambda database: replace(self.business, database=database).set(**rules))

    def ledger(self) -> Snapshot:
        """The books, every invariant checked."""
        books: Snapshot = self.run(lambda db: replace(self.business, database=db).ledger())
        return books

    def call(self, path: str, **body: Any) -> httpx.Response:
        key = {"Authorization": f"Bearer {self.business.secret_key}"}
        answer = httpx.post(f"{self.url}{path}", json=body, headers=key)
        assert answer.is_success, answer.text
        return answer

    def link(self, email: str) -> str:
        """The link of somebody with $50.00."""
        made = self.call("/payout/create", email=email, amount=FUNDS).json()
        return f"{self.url}/redeem#{made['hash']}"

    def execute(self, statement: str, *parameters: object) -> list[Any]:
        with psycopg.connect(self.urls.owner) as owner:
            cursor = owner.execute(statement, parameters)  # type: ignore[arg-type]  # tests' own
            return cursor.fetchall() if cursor.description else []

    def person(self, email: str) -> str:
        """Their payout user's id."""
        [(user,)] = self.execute("SELECT id FROM payout_users WHERE email = %s", email)
        return f"usr_{user}"

    def orders(self, email: str) -> list[str]:
        """The states of this person's orders."""
        rows = self.execute(
            "SELECT o.status FROM orders o JOIN payout_users u"
            " ON (u.business_id, u.id) = (o.business_id, o.payout_user_id) WHERE u.email = %s",
            email,
        )
        return [str(row[0]) for row in rows]


@pytest.fixture(scope="module")
def world(urls: Urls, site: LiveServer, prepare: Callable[..., Any]) -> Iterator[World]:
    simulator = Simulator()
    simulator.tremendous_account("TEST_turns", balance=10**9, per_second=10**6)

    async def make(database: Database) -> TestBusiness:
        business = await open_business(database, funds=1_000_000, main=100)
        await business.set(min_withdrawal=500)
        keyring = Keyring(live.SECRET_KEY)
        for name in ("Shop 20", "The last"):
            text = giftcards.csv_of([f"CARD of {name}"], name=name, price=2_000)
            await giftcards.import_text(database, keyring, business.business_id, text)
        settings = {
            "funding_source_id": TREMENDOUS_FUNDING_SOURCE,
            "base_url": simulator.tremendous_url,
        }
        credentials = {"api_key": "TEST_turns", "webhook_key": TREMENDOUS_WEBHOOK_KEY}
        await database.write(
            rail_accounts.connect,
            keyring,
            business.business_id,
            "tremendous",
            Changes({}, settings),
            credentials,
            "test",
        )
        return business

    yield World(urls, prepare(make), site.url, prepare)
    simulator.close()


@pytest.fixture
def desk(open_page: Callable[..., Page], console: list[str]) -> Iterator[Page]:
    """A page on a wide screen."""
    yield open_page(width=1280)
    forgive(console)


@pytest.fixture
def phone(open_page: Callable[..., Page], console: list[str]) -> Iterator[Page]:
    """A page on a narrow phone."""
    yield open_page(width=320)
    forgive(console)


def forgive(console: list[str]) -> None:
    console[:] = [line for line in console if not any(part in line for part in EXPECTED)]


def says(page: Page, heading: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)


def open_form(page: Page, way: str) -> None:
    """From the balance to the form of this way."""
    names = {"paypal": "PayPal", "crypto": "Crypto"}
    page.get_by_role("link", name=names.get(way, "Gift card"), exact=True).click()
    says(page, names.get(way, "Gift card"))


def fill_in(page: Page, way: str, amount: str) -> None:
    """Fill in the form of this way and send it."""
    if way in CARDS:
        page.get_by_role("radio", name=CARDS[way]).check()
    if way == "paypal":
        page.get_by_label("PayPal email").fill("me@example.com")
    if way == "crypto":
        page.get_by_label("Network").select_option(label="USDC on Ethereum")
        page.get_by_label("Wallet address").fill(WALLET)
    amounts = page.get_by_label("Amount", exact=True)
    if way in ("stock", "last"):
        expect(amounts).to_be_hidden()
    else:
        amounts.fill(amount)
    page.get_by_role("button", name="Review").click()


@pytest.mark.parametrize("way", ["stock", "tremendous", "paypal", "crypto"])
def test_whichever_wrong_turns_somebody_takes_the_money_is_paid_once(
    world: World, desk: Page, way: str
) -> None:
    email = f"{way}@turns.example.com"
    link = world.link(email)
    come_in(desk, link)
    open_form(desk, way)
    form = desk.url
    desk.go_back()
    says(desk, "Your balance")
    desk.go_forward()
    if way != "stock":
        fill_in(desk, way, "1")
        wrong = desk.get_by_text("This amount cannot be paid this way.")
        expect(wrong).to_contain_text("Amounts go from $5.00 to $50.00.")
        fill_in(desk, way, "x")
        expect(desk.get_by_text("Type dollars and cents")).to_be_visible()
    fill_in(desk, way, "20")
    says(desk, "Is this right?")
    review = desk.url
    desk.go_back()
    assert desk.url == form, "an answer to a form is no page of the browser's history"
    says(desk, {"paypal": "PayPal", "crypto": "Crypto"}.get(way, "Gift card"))
    desk.go_forward()
    says(desk, "Is this right?")
    desk.reload()
    other = desk.context.new_page()
    other.goto(review)

    world.execute("DELETE FROM payout_user_sessions")
    desk.get_by_role("button", name="Confirm").click()
    says(desk, "Open your link again")
    assert world.orders(email) == []
    come_in(desk, link)
    desk.goto(review)
    desk.context.set_offline(True)
    with desk.expect_event("requestfailed"):
        desk.get_by_role("button", name="Confirm").click(no_wait_after=True)
    desk.context.set_offline(False)
    assert world.orders(email) == []

    desk.goto(review)
    desk.get_by_role("button", name="Confirm").dblclick()
    says(desk, "Your withdrawal")
    receipt = desk.url
    other.get_by_role("button", name="Confirm").click()
    says(other, "Your withdrawal")
    assert other.url == receipt
    desk.go_back()
    says(desk, "Your withdrawal")
    desk.reload()
    world.process()
    expect(desk.get_by_text("Done", exact=True)).to_be_visible()
    if way in CARDS:
        desk.get_by_role("button", name="Show code").click()
        says(desk, "Your gift card")
        desk.reload()
        says(desk, "Your withdrawal")
        desk.go_back()
    assert world.orders(email) == ["succeeded"]
    assert world.ledger()[email] == FUNDS - 2_000


def test_what_changes_between_review_and_confirmation_is_said_and_nothing_is_taken(
    world: World, phone: Page
) -> None:
    email = "changes@turns.example.com"
    come_in(phone, world.link(email))
    open_form(phone, "paypal")
    fill_in(phone, "paypal", "20")
    world.execute("UPDATE quotes SET expires_at = now() - interval '1 s'")
    phone.get_by_role("button", name="Confirm").click()
    expect(phone.get_by_role("alert")).to_contain_text("This price has run out.")
    require_whole(phone)
    phone.reload()
    expect(phone.get_by_role("alert")).to_contain_text("This price has run out.")
    world.set(withdrawals_enabled=False)
    phone.get_by_role("button", name="Ask for a new price").click()
    expect(phone.get_by_role("alert")).to_contain_text("A price cannot be had just now.")
    require_whole(phone)
    world.set(withdrawals_enabled=True)
    phone.get_by_role("button", name="Ask for a new price").click()
    expect(phone.get_by_role("button", name="Confirm")).to_be_visible()
    phone.get_by_role("link", name="Change").click()
    says(phone, "PayPal")

    world.set(methods_off=["paypal"])
    phone.reload()
    expect(phone.get_by_text("This way is not offered any more.")).to_be_visible()
    require_whole(phone)
    world.set(methods_off=[])

    open_form(phone, "last")
    fill_in(phone, "last", "")
    world.execute(
        "UPDATE gift_cards SET status = 'void' WHERE product_id ="
        " (SELECT id FROM gift_card_products WHERE name = %s)",
        CARDS["last"],
    )
    phone.get_by_role("button", name="Confirm").click()
    expect(phone.get_by_role("alert")).to_contain_text("This cannot be had any more.")
    expect(phone.get_by_role("button", name="Confirm")).to_have_count(0)
    require_whole(phone)
    phone.get_by_role("link", name="Change").click()
    says(phone, "Gift card")
    assert world.orders(email) == []
    assert world.ledger()[email] == FUNDS


def test_an_open_page_says_what_the_operator_and_the_rail_decide(world: World, phone: Page) -> None:
    email = "decided@turns.example.com"
    link = world.link(email)
    come_in(phone, link)
    world.set(review_amount=100)
    open_form(phone, "paypal")
    fill_in(phone, "paypal", "20")
    phone.get_by_role("button", name="Confirm").click()
    expect(phone.get_by_text("Being reviewed")).to_be_visible()
    require_whole(phone)
    world.call(f"/payout/orders/{phone.url.rpartition('/')[2]}/reject", note="Ask us first.")
    expect(phone.get_by_text("Refused, money back")).to_be_visible()
    expect(phone.get_by_text("Ask us first.")).to_be_visible()
    require_whole(phone)
    world.set(review_amount=None)

    phone.get_by_role("link", name="To your balance").click()
    expect(phone.get_by_text("$50.00").first).to_be_visible()
    open_form(phone, "paypal")
    phone.get_by_label("PayPal email").fill("returned@example.com")
    phone.get_by_label("Amount", exact=True).fill("20")
    phone.get_by_role("button", name="Review").click()
    phone.get_by_role("button", name="Confirm").click()
    world.process()
    expect(phone.get_by_text("Done", exact=True)).to_be_visible()
    world.process(later=True)
    phone.reload()
    expect(phone.get_by_text("It came back after it was sent.")).to_be_visible()
    require_whole(phone)
    phone.get_by_role("link", name="To your balance").click()
    expect(phone.get_by_text("$50.00").first).to_be_visible()

    open_form(phone, "paypal")
    fill_in(phone, "paypal", "20")
    phone.get_by_role("button", name="Confirm").click()
    says(phone, "Your withdrawal")
    world.call(f"/payout/users/{world.person(email)}/deactivate")
    says(phone, "Open your link again")
    require_whole(phone)
    phone.goto("about:blank")
    phone.goto(link)
    phone.get_by_role("button", name="Continue").click()
    says(phone, "This link opens nothing")
    require_whole(phone)
    assert sorted(world.orders(email)) == ["queued", "rejected", "returned"]
    assert world.ledger()[email] == FUNDS - 2_000
