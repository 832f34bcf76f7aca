"""What stands around every page: titles, the way to the other mode, parts, preferences."""

import re
from datetime import UTC, datetime

import pytest

from payviox import ids
from payviox.db.pool import Database
from support.businesses import TestBusiness
from support.dashboard import SITE, Browser, heading, signed_in
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

ROWS = {"HX-Request": "true", "HX-Target": "div#users-rows"}


async def test_a_title_is_text_whatever_its_heading_is_made_of(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business)
    desk = Desk.of(business)
    order = await desk.withdraw(await desk.user(5_000), 2_500)
    for path in (f"/orders/ord_{order.id}", f"/users/usr_{order.payout_user_id}"):
        page = await browser.get(base + path)
        (title,) = re.findall(r"<title>(.*?)</title>", page.text, re.DOTALL)
        assert "&lt;" not in title
        assert heading(page) in title


async def test_an_address_that_is_none_is_a_page_that_says_so(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    for path in ("/dashboard/nowhere", "/dashboard/nowhere/at/all"):
        answer = await browser.get(path)
        assert answer.status_code in (303, 404)
        assert "json" not in answer.headers.get("content-type", "")
    base = await signed_in(browser, database, business)
    for path in (f"{base}/nowhere", f"{base}/orders/nowhere/at/all"):
        answer = await browser.get(path)
        assert (answer.status_code, heading(answer)) == (404, "Page not found")


async def test_live_and_test_lead_to_the_same_page_or_to_its_list(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business)
    desk = Desk.of(business)
    order = await desk.withdraw(await desk.user(5_000), 2_500)
    for here, there in (
        ("", ""),
        ("/orders", "/orders"),
        (f"/orders/ord_{order.id}", "/orders"),
        (f"/users/usr_{order.payout_user_id}/rotate-hash", "/users"),
        ("/audit", "/audit"),
    ):
        page = await browser.get(base + here)
        modes = page.text.partition('aria-label="Mode"')[2].partition("</nav>")[0]
        (live, _) = re.findall(r'href="([^"]+)"', modes)
        assert live.endswith(there)
        assert live.count("/") == there.count("/") + 2
        assert (await browser.get(live)).status_code == 200


async def test_a_page_of_the_menu_alone_is_marked_as_the_one_shown(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business)
    for path, name in (("", "Home"), ("/orders", "Orders"), ("/balance/fund?amount=1", "Balance")):
        page = await browser.get(base + path)
        (marked,) = re.findall(r'aria-current="page">\s*<svg.*?</svg> ([\w ]+)</a>', page.text)
        assert marked == name


async def test_a_part_of_a_page_is_answered_at_the_pages_own_address(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business)
    await Desk.of(business).user(5_000)
    whole = await browser.get(f"{base}/users")
    part = await browser.client.get(f"{base}/users", headers=ROWS)
    assert "<h1>" not in part.text
    assert part.text.strip() in whole.text
    assert "<table" in part.text
    assert {"HX-Request", "HX-Target"} <= set(whole.headers["vary"].split(", "))
    unknown = await browser.client.get(
        f"{base}/users", headers=ROWS | {"HX-Target": "div#users-nothing"}
    )
    assert heading(unknown) == "Users"


async def test_what_is_refused_is_said_within_the_part_and_signing_in_takes_the_whole_page(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business)
    missing = await browser.client.get(f"{base}/users/usr_{ids.new()}", headers=ROWS)
    assert missing.status_code == 404
    assert missing.text.strip().startswith('<div class="message bad"')
    await browser.post("/logout")
    ended = await browser.client.get(f"{base}/users", headers=ROWS)
    assert (ended.status_code, ended.headers["hx-refresh"]) == (401, "true")
    assert ended.text == ""


async def test_times_are_in_the_readers_zone_which_is_said(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business)
    await Desk.of(business).user(5_000)
    assert "UTC</bdi></time>" in (await browser.get(f"{base}/users")).text
    for zone, name in (
        ("Asia%2FTokyo", "JST"),
        ("America/Sao_Paulo", "UTC-03"),
        ("../../etc/passwd", "UTC"),
        ("Mars/Olympus", "UTC"),
    ):
        browser.client.cookies.set("zone", zone, domain="127.0.0.1")
        page = await browser.get(f"{base}/users")
        (moment, shown) = re.findall(r'<time datetime="([^"]+)"><bdi>(.*?)</bdi>', page.text)[0]
        assert shown.endswith(f" {name}")
        there = datetime.fromisoformat(moment)
        assert shown.startswith(f"{there:%Y-%m-%d %H:%M}")
        assert abs((datetime.now(UTC) - there).total_seconds()) < 3600


async def test_theme_and_shortcuts_are_chosen_for_the_browser(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business)
    back = f"{base}/orders"
    for fields, shown in (
        ({"theme": "dark"}, 'data-theme="dark"'),
        ({"theme": "light"}, 'data-theme="light"'),
        ({"keys": "off"}, "Switch shortcuts on"),
    ):
        answer = await browser.post("/dashboard/preferences", back=back, **fields)
        assert (answer.status_code, answer.headers["location"]) == (303, back)
        assert shown in (await browser.get(back)).text
    await browser.post("/dashboard/preferences", theme="system", keys="on", back=back)
    page = await browser.get(back)
    assert "data-theme" not in page.text
    assert "Switch shortcuts off" in page.text


@pytest.mark.parametrize(
    "back", ["https://evil.example", "//evil.example", "/dashboard/\\evil", ""]
)
async def test_preferences_lead_back_to_the_dashboard_and_nowhere_else(
    browser: Browser, database: Database, business: TestBusiness, back: str
) -> None:
    await signed_in(browser, database, business)
    answer = await browser.post("/dashboard/preferences", theme="blue", back=back)
    assert answer.headers["location"] == "/dashboard"
    assert "theme" not in answer.cookies
    elsewhere = await browser.client.post(
        f"{SITE}/dashboard/preferences",
        data={"theme": "dark"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert elsewhere.status_code == 403


async def test_a_link_from_elsewhere_does_not_make_a_page_say_that_something_was_done(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "owner")
    for path in ("/balance?done=funded", "/settings?done=payouts-off", "/settings?a=1&done=rules"):
        page = await browser.get(base + path)
        assert page.status_code == 200
        assert 'role="status"' not in page.text


async def test_what_was_done_is_said_once(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "owner")
    answer = await browser.post(f"{base}/settings/payouts/off")
    address = answer.headers["location"]
    other = await browser.get(f"{base}/settings?done=rules")
    assert "The rules are saved." not in other.text
    assert "Payouts are disabled." in (await browser.get(address)).text
    assert "Payouts are disabled." not in (await browser.get(address)).text
