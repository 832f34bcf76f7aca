"""What stands around every page, as a person uses it: lists that narrow while one types, keys."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from payviox.db.pool import Database
from support.businesses import open_business
from support.dashboard import PASSWORD, base_of, make_operator
from support.live import LiveServer

EMAIL = "root@example.com"


@pytest.fixture(scope="module")
def home(site: LiveServer, prepare: Callable[..., Any]) -> str:
    """The home of a business with some payout users."""

    async def make(database: Database) -> str:
        business = await open_business(database, funds=1_000_000, main=100)
        await make_operator(database, EMAIL, is_admin=True)
        for name in ("ada", "alan", "grace"):
            created = httpx.post(  # noqa: ASYNC210  # nobody else waits
                f"{site.url}/payout/create",
                json={"email": f"{name}@example.com", "amount": 5_000},
                headers={"Authorization": f"Bearer {business.secret_key}"},
            )
            assert created.status_code == 201, created.text
        return site.url + base_of(business)

    return str(prepare(make))


@pytest.fixture
def page(home: str, open_page: Callable[..., Page]) -> Page:
    """Somebody who is signed in, at home."""
    opened = open_page()
    opened.goto(home)
    opened.get_by_label("Email").fill(EMAIL)
    opened.get_by_label("Password").fill(PASSWORD)
    opened.get_by_role("button", name="Sign in").click()
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
    expect(page.get_by_text("Nobody's email begins so.")).to_be_visible()


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


def test_times_are_in_the_zone_of_the_browser(home: str, chromium: Any) -> None:
    with chromium.new_context(timezone_id="Asia/Tokyo") as context:
        page = context.new_page()
        page.goto(home)
        page.get_by_label("Email").fill(EMAIL)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Home")
        page.goto(f"{home}/users")
        expect(page.get_by_role("row").nth(1)).to_contain_text("JST")
        page.get_by_role("button", name="Dark").click()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
