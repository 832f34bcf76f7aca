"""From signing in to an approved order, as a person does it; every page on every screen."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from playwright.sync_api import Page, expect

from payviox.db.pool import Database
from payviox.giftcards import restores
from payviox.keyring import Keyring
from payviox.ledger import suspense
from payviox.ledger.suspense import NewItem
from payviox.rails.protocol import Holding
from payviox.reconciliation.model import Float, Liability, Report
from payviox.reconciliation.queries import reports
from payviox.withdrawals.model import Order
from support.businesses import open_business
from support.dashboard import PASSWORD, base_of, make_operator
from support.giftcards import csv_of, import_text
from support.live import SECRET_KEY, LiveServer
from support.looks import check
from support.withdrawals import Desk

EMAIL = "root@example.com"


@dataclass
class World:
    """A business with two orders in review, and an admin who may sign in."""

    site: LiveServer
    base: str
    orders: list[Order]
    item: UUID
    event: UUID

    @property
    def home(self) -> str:
        return self.site.url + self.base

    def sign_in(self, page: Page) -> None:
        page.goto(self.home)
        page.get_by_label("Email").fill(EMAIL)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Home")


@pytest.fixture(scope="module")
def world(site: LiveServer, prepare: Callable[..., Any]) -> World:
    async def make(database: Database) -> World:
        business = await open_business(database, funds=1_000_000, main=100)
        await business.set(review_amount=2_000)
        desk = Desk.of(business)
        await make_operator(database, EMAIL, is_admin=True)
        created = httpx.post(  # noqa: ASYNC210  # nobody else waits
            f"{site.url}/payout/create",
            json={"email": "ada@example.com", "amount": 50_000},
            headers={"Authorization": f"Bearer {business.secret_key}"},
        )
        assert created.status_code == 201, created.text
        user = await business.scalar(
            "SELECT id FROM payout_users WHERE business_id = %s", business.business_id
        )
        orders = [await desk.withdraw(user, amount) for amount in (2_500, 3_000)]
        evidence = {"rail": [{"reference": "A" * 80, "state": "paid", "amount": 150, "cost": 1}]}
        payment = NewItem("sandbox", "unknown_payment", "A" * 80, None, 150, evidence)
        (item,) = await database.write(
            lambda db: suspense.change(db, business.business_id, opening=[payment], reason="test")
        )
        now = datetime.now(UTC)
        report = Report(business.business_id, "sandbox", now, now)
        report.theirs.suspense = report.theirs.told = 123_456_789
        report.float = Float((Holding("USD", "1234567.89", 123_456_789),))
        report.liability = Liability(5_500, 44_500)
        await database.write(
            reports.keep, business.business_id, "sandbox", now, now, report.as_json()
        )
        cards = csv_of(["CODE-1"], name="Card of a shop with a long name")
        await import_text(database, Keyring(SECRET_KEY), business.business_id, cards)
        await database.write(restores.hold_after_restore, "test")
        event = await business.scalar(
            "SELECT id FROM events WHERE business_id = %s LIMIT 1", business.business_id
        )
        return World(site, base_of(business), orders, item.id, event)

    return prepare(make)


def test_somebody_signs_in_approves_one_order_and_rejects_another(
    world: World, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.set_viewport_size({"width": 1280, "height": 900})
    world.sign_in(page)
    expect(page.get_by_role("button", name="Sign out")).to_be_in_viewport(ratio=1)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Orders").click()
    page.get_by_role("row").filter(has_text="$25.00").get_by_role("link").click()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("status")).to_have_text("The order goes on.")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Orders").click()
    page.get_by_role("table", name="Orders").get_by_role("link").click()
    page.get_by_label("Note").fill("We do not know you.")
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_role("status")).to_contain_text("rejected")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Orders").click()
    expect(page.get_by_text("No order waits for a decision.")).to_be_visible()


def test_somebody_funds_and_pays_a_person_without_scripts(
    world: World, open_page: Callable[..., Page]
) -> None:
    page = open_page(scripts=False)
    world.sign_in(page)
    menu = page.get_by_role("navigation", name="Main")
    menu.get_by_role("link", name="Balance").click()
    page.get_by_label("Amount").fill("0.50")
    page.get_by_role("button", name="Fund", exact=True).click()
    page.get_by_role("button", name="Fund $0.50").click()
    expect(page.get_by_role("status")).to_contain_text("in the payout balance")
    expect(page.get_by_role("table", name="Statement").get_by_role("row").nth(1)).to_contain_text(
        "$0.50"
    )
    menu.get_by_role("link", name="Users").click()
    page.get_by_role("searchbox", name="Search users").fill("ada")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("table", name="Users").get_by_role("link", name="ada@example.com").click()
    page.get_by_role("button", name="Add funds").click()
    page.get_by_label("Amount").fill("1,000")
    page.get_by_role("button", name="Add funds").click()
    page.get_by_role("button", name="Add $1,000.00").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("ada@example.com")
    expect(page.get_by_role("status")).to_have_text("The money is in their balance.")
    expect(page.get_by_role("button", name="Deactivate")).to_be_visible()


@pytest.mark.timeout(300)
def test_every_page_fits_its_screen_and_everybody(
    world: World, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    for path in ("/login", "/login/forgotten", "/login/reset"):
        page.goto(world.site.url + path)
        check(page)
    world.sign_in(page)
    order = f"/orders/ord_{world.orders[0].id}"
    user = f"/users/usr_{world.orders[0].payout_user_id}"
    orders = (
        "/settings",
        "/settings/brand",
        "/settings/mail-check",
        "/settings/expiry",
        "/settings/site",
        "/team",
        "/audit",
        "/mails",
        "/mails?to=x",
        "/orders",
        "/orders?status=all",
        "/orders?status=returned",
        "/orders?least=x",
        "/approvals",
        order,
    )
    users = ("/users", "/users?search=zed", user, f"{user}/add-funds", f"{user}/revoke?amount=1")
    period = (
        "/balance/period",
        "/balance/period?from=2026-02-02&to=2026-02-01",
        "/balance/period?from=2026-02-02T10:00&to=2026-02-03T10:00&at=2026-02-03T10:00",
    )
    deposits = ("/balance/deposits", "/balance/deposit", "/balance/withdraw?amount=x")
    balance = (
        "/balance",
        "/balance?search=zed",
        "/balance/fund?amount=0.01",
        "/balance/ageing",
        *deposits,
        *period,
    )
    item = f"/reconciliation/sus_{world.item}"
    booking = f"{item}/resolve?resolution=written_off&reason={'a' * 80}"
    reconciliation = ("/reconciliation", item, booking, "/gift-cards")
    keys = ("/developer/keys", "/developer/keys/secret/regenerate")
    developer = ("/developer/requests", "/developer/requests?key=zzzz", "/developer/first-calls")
    rails = ("/rails", "/rails/paypal/connect", "/rails/evm/connect")
    cards = ("/gift-cards/import", "/gift-cards/after-restore")
    replay = "/webhooks/replay?from=2026-01-01T00:00&to=&which=all"
    webhooks = ("/webhooks", "/webhooks/logs", replay, f"/webhooks/logs/evt_{world.event}")
    refused = ("/balance/fund?amount=x", f"{user}/add-funds?amount=x", "/balance?since=x")
    for path in (
        "",
        *balance,
        *orders,
        *users,
        *reconciliation,
        *webhooks,
        *keys,
        *developer,
        *rails,
        *cards,
        *refused,
    ):
        page.goto(world.home + path)
        check(page)
    page.goto(world.home + order)
    page.get_by_label("Note").fill("a" * 2_000)
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_label("Note")).to_have_attribute("aria-invalid", "true")
    check(page)
    page.keyboard.press("Escape")
    page.locator("main").press("?")
    expect(page.get_by_role("heading", name="Keyboard")).to_be_visible()
    check(page)
    page.goto(f"{world.site.url}/dashboard?all")
    check(page)


def test_the_keyboard_alone_leads_from_signing_in_to_an_order(
    world: World, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.goto(f"{world.site.url}/login")
    page.keyboard.press("Tab")
    page.keyboard.type(EMAIL)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/dashboard")
    page.goto(f"{world.home}/orders?status=all")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    links = page.get_by_role("table", name="Orders").get_by_role("link")
    for _ in range(40):
        if links.first.evaluate("link => link === document.activeElement"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Order ord_")


def test_without_scripts_it_does_the_same(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(scripts=False)
    world.sign_in(page)
    page.goto(f"{world.home}/orders?status=all")
    expect(page.get_by_role("table", name="Orders")).to_be_visible()


def test_somebody_resolves_what_a_rail_paid_and_nobody_ordered(
    world: World, open_page: Callable[..., Page]
) -> None:
    page = open_page(scripts=False)
    world.sign_in(page)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Reconciliation").click()
    page.get_by_role("table", name="Items").get_by_role("link", name="Unknown payment").click()
    page.get_by_role("radio", name="explained").check()
    page.get_by_label("Reason").fill("It was the office's own.")
    page.get_by_role("button", name="Resolve").click()
    page.get_by_role("button", name="Book $1.50 as explained").click()
    expect(page.get_by_role("status")).to_have_text("The item is resolved.")
