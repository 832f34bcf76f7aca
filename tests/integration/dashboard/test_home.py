"""The first pages: which business, what it holds, what needs somebody."""

from uuid import uuid4

import pytest

from payviox.db.pool import Database
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, heading, make_operator
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


async def test_home_shows_balances_and_leads_to_what_needs_somebody(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    desk = Desk.of(business)
    await business.set(review_amount=2_000)
    await desk.withdraw(await desk.user(5_000), 2_500)
    email = f"{uuid4().hex}@example.com"
    await make_operator(database, email, business, "viewer")
    await browser.sign_in(email)
    page = await browser.get(base_of(business))
    assert heading(page) == "Home"
    assert "$9,950.00" in page.text
    assert f'href="{base_of(business)}/orders?status=review"' in page.text
    assert "Test mode" in page.text


async def test_the_dashboard_leads_to_the_last_used_business_and_lists_only_ones_own(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    email = f"{uuid4().hex}@example.com"
    await make_operator(database, email, business, "viewer")
    await browser.sign_in(email)
    listed = await browser.get("/dashboard")
    assert heading(listed) == "Businesses"
    assert listed.text.count("<tr>") == 3, "a head, live and test"
    await browser.get(base_of(business))
    again = await browser.get("/dashboard")
    assert (again.status_code, again.headers["location"]) == (303, base_of(business))
    for address in ("/settings", "/webhooks"):
        assert (await browser.get(address)).headers["location"] == base_of(business) + address


async def test_whoever_belongs_nowhere_is_told_whom_to_ask(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    email = f"{uuid4().hex}@example.com"
    await make_operator(database, email)
    await browser.sign_in(email)
    assert "Ask one of its owners" in (await browser.get("/dashboard")).text
    assert (await browser.get(base_of(business))).status_code == 404
