"""What stands around every page, as a person uses it: lists that narrow while one types, keys."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from payviox.db.pool import Database
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals.model import Order
from support.businesses import open_business
from support.dashboard import PASSWORD, base_of, make_operator
from support.live import LiveServer
from support.withdrawals import Desk

EMAIL = "root@example.com"


@dataclass
class World:
    """A business with some payout users and orders in review, the newer one of Ada."""

    home: str
    older: Order
    order: Order


@pytest.fixture(scope="module")
def world(site: LiveServer, prepare: Callable[..., Any]) -> World:
    async def make(database: Database) -> World:
        business = await open_business(database, funds=1_000_000, main=100)
        await business.set(review_amount=2_000)
        await make_operator(database, EMAIL, is_admin=True)
        for name in ("ada", "alan", "grace"):
            created = httpx.post(  # noqa: ASYNC210  # nobody else waits
                f"{site.url}/payout/create",
                json={"email": f"{name}@example.com", "amount": 5_000},
                headers={"Authorization": f"Bearer {business.secret_key}"},
            )
            assert created.status_code == 201, created.text
        orders = []
        for name in ("alan", "ada"):
            user = await business.scalar(
                "SELECT id FROM payout_users WHERE business_id = %s AND email = %s",
                business.business_id,
                f"{name}@example.com",
            )
            orders.append(await Desk.of(business).withdraw(user, 2_500))
        return World(site.url + base_of(business), *orders)

    made: World = prepare(make)
    return made


@pytest.fixture(scope="module")
def home(world: World) -> str:
    return world.home


@pytest.fixture
def order(world: World) -> Order:
    return world.order


def sign_in(page: Page, home: str) -> None:
    page.goto(home)
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Home")


@pytest.fixture(scope="module")
def cookies(home: str, chromium: Browser) -> Any:
    """Those of somebody who signed in."""
    with chromium.new_context() as context:
        sign_in(context.new_page(), home)
        return context.cookies()


@pytest.fixture
def page(home: str, cookies: Any, open_page: Callable[..., Page]) -> Page:
    """Somebody who is signed in, at home."""
    opened = open_page()
    opened.context.add_cookies(cookies)
    opened.goto(home)
    expect(opened.get_by_role("heading", level=1)).to_have_text("Home")
    return opened


def test_a_list_narrows_while_one_types_and_the_field_keeps_what_is_typed(
    home: str, page: Page
) -> None:
    page.goto(f"{home}/users")
    rows = page.get_by_role("table", name="Users").get_by_role("row")
    expect(rows).to_have_count(4)
    search = page.get_by_role("searchbox", name="Search users")
    search.press_sequentially("alan")
    expect(rows).to_have_count(2)
    expect(search).to_be_focused()
    expect(search).to_have_value("alan")
    assert page.url.endswith("users?search=alan")
    search.fill("nobody-at-all")
    expect(page.get_by_text("Nobody's email, last name or domain begins so.")).to_be_visible()


def test_a_hash_pasted_into_a_filter_is_sent_nowhere(home: str, page: Page) -> None:
    page.goto(f"{home}/users")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    search = page.get_by_role("searchbox", name="Search users")
    search.fill("0a1b2c3d" + "e" * 56)
    expect(search).to_have_value("")
    search.fill("sk_live_0123456789abcdefghij")
    expect(search).to_have_value("ghij")
    expect(page).to_have_url(f"{home}/users?search=ghij")
    assert not [url for url in asked if "eeee" in url or "sk_live" in url]


def test_filters_stand_closed_above_a_list_on_a_phone_and_open_on_a_wide_screen(
    home: str, page: Page
) -> None:
    page.goto(f"{home}/orders?status=all")
    user = page.get_by_role("searchbox", name="Payout user")
    expect(user).to_be_visible()
    page.set_viewport_size({"width": 360, "height": 740})
    expect(user).to_be_hidden()
    page.get_by_text("Filters", exact=True).click()
    user.fill("alan")
    user.press("Enter")
    expect(page).to_have_url(re.compile("user=alan"))
    page.reload()
    expect(page.get_by_text("Filters: 1 set")).to_be_visible()


def test_a_search_narrows_while_one_types_and_a_pasted_key_stands_in_no_address(
    home: str, page: Page
) -> None:
    box = page.get_by_role("searchbox", name="Search everything")
    box.fill("ala")
    box.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Search")
    expect(page.get_by_role("link", name="alan@example.com")).to_be_visible()
    box.fill("gra")
    expect(page.get_by_role("link", name="grace@example.com")).to_be_visible()
    expect(page).to_have_url(f"{home}/search?q=gra")
    box.fill("sk_live_0123456789abcdefghij")
    expect(page).to_have_url(f"{home}/search?q=ghij")
    expect(page.get_by_text("Nothing goes by “ghij”.")).to_be_visible()
    assert "sk_live" not in page.evaluate("JSON.stringify(history.state) + location.href")


def test_a_statement_narrows_while_one_types_and_its_files_hold_what_is_shown(
    home: str, page: Page
) -> None:
    page.goto(f"{home}/balance")
    rows = page.get_by_role("table", name="Statement").get_by_role("row")
    expect(rows.nth(2)).to_be_visible()
    page.get_by_label("Kind").select_option("Deposit")
    expect(rows).to_have_count(2)
    page.get_by_role("searchbox", name="Reference, order").fill("no such reference")
    expect(page.get_by_text("Nothing matches these filters.")).to_be_visible()
    page.get_by_role("searchbox", name="Reference, order").fill("opening")
    expect(rows).to_have_count(2)
    expect(page.get_by_role("link", name="Download CSV")).to_have_attribute(
        "href", re.compile("kind=deposit&search=opening$")
    )


def test_keys_lead_to_pages_and_through_rows_and_can_be_switched_off(home: str, page: Page) -> None:
    main = page.locator("main")
    main.press("g")
    main.press("u")
    expect(page.get_by_role("heading", level=1)).to_have_text("Users")
    links = page.get_by_role("table", name="Users").get_by_role("link")
    for key, row in (("j", 0), ("j", 1), ("k", 0)):
        page.keyboard.press(key)
        expect(links.nth(row)).to_be_focused()
    search = page.get_by_role("searchbox", name="Search users")
    search.press_sequentially("gh?")
    expect(search).to_have_value("gh?")
    main.press("?")
    page.get_by_role("button", name="Switch shortcuts off").click()
    expect(page.get_by_role("heading", name="Keyboard")).to_be_hidden()
    main.press("g")
    main.press("h")
    main.press("?")
    expect(page.get_by_role("heading", level=1)).to_have_text("Users")
    expect(page.get_by_role("heading", name="Keyboard")).to_be_hidden()


def test_times_are_in_the_zone_of_the_browser(home: str, chromium: Browser) -> None:
    with chromium.new_context(timezone_id="Asia/Tokyo") as context:
        page = context.new_page()
        sign_in(page, home)
        page.goto(f"{home}/users")
        expect(page.get_by_role("row").nth(1)).to_contain_text("JST")
        page.get_by_role("button", name="Dark").click()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_an_orders_state_changes_on_the_screen_and_what_is_typed_stays(
    home: str, page: Page, order: Order, prepare: Callable[..., Any]
) -> None:
    page.goto(f"{home}/orders?status=all")
    row = page.get_by_role("table", name="Orders").get_by_role("row").nth(1)
    expect(row).to_contain_text("in review")
    row.get_by_role("link").focus()
    reader = page.context.new_page()
    reader.goto(f"{home}/orders/ord_{order.id}")
    note = reader.get_by_label("Note")
    note.fill("We do not know")

    async def approve(database: Database) -> None:
        await database.write(withdrawals.approve, order.business_id, order.id, "test")

    with ThreadPoolExecutor(1) as beside:  # the browser's event loop is this thread's
        beside.submit(prepare, approve).result()
    expect(reader.locator("#orders-state")).to_contain_text("queued")
    expect(reader.get_by_text("approved", exact=True)).to_be_visible()
    expect(note).to_have_value("We do not know")
    expect(note).to_be_focused()
    note.fill("")
    reader.locator("main").focus()
    expect(reader.get_by_role("button", name="Approve")).to_be_hidden()
    page.bring_to_front()
    expect(row).to_contain_text("queued")
    expect(row.get_by_role("link")).to_be_focused()


def test_a_page_that_could_not_be_read_again_is_asked_for_once_more(
    world: World, page: Page, prepare: Callable[..., Any], console: list[str]
) -> None:
    page.goto(f"{world.home}/orders?status=all")
    row = page.get_by_role("table", name="Orders").get_by_role("row").filter(has_text="alan@")
    expect(row).to_contain_text("in review")
    refused = []

    def refuse_once(route: Route) -> None:
        if refused:
            route.continue_()
        else:
            refused.append(route.request.url)
            route.fulfill(status=503, body="")

    page.route(re.compile("/orders\\?"), refuse_once)

    older = world.older

    async def approve(database: Database) -> None:
        await database.write(withdrawals.approve, older.business_id, older.id, "test")

    with ThreadPoolExecutor(1) as beside:
        beside.submit(prepare, approve).result()
    expect(row).to_contain_text("queued")
    assert len(refused) == 1
    assert all("503" in line for line in console)
    console.clear()
