"""A link to a payout user's redemption page, made on their page."""

import re

import pytest

from payviox import ids
from payviox.audit import service as audit
from payviox.db.pool import Database
from payviox.rights.roles import RIGHTS, ROLES, Role
from payviox.web.asgi import Application
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, heading, hidden, make_stale, signed_in
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio
RIGHT = "payout_user.make_redeem_link"


@pytest.mark.parametrize("role", ROLES)
async def test_whoever_may_gets_a_link_once_that_opens_the_page_once(
    browser: Browser,
    database: Database,
    business: TestBusiness,
    application: Application,
    role: Role,
) -> None:
    user = await Desk.of(business).user(5_000)
    base = await signed_in(browser, database, business, role)
    address = f"{base}/users/{ids.show(ids.USER, user)}"
    page = await browser.get(address)
    may = RIGHT in RIGHTS[role]
    assert ("Copy redemption link</button>" in page.text) == may
    form = {"key": hidden(page, "key") if may else "form:1"}
    shown = await browser.post(f"{address}/redemption-link", **form)
    assert shown.status_code == (200 if may else 403)
    entries = await database.fetch(lambda db: audit.list_page(db, business.business_id, limit=50))
    assert [entry.act for entry in entries].count(RIGHT) == int(may)
    if not may:
        return
    assert heading(shown) == "Redemption link"
    link = re.search(r"#([0-9a-f]{8}\.[\w-]{43})<", shown.text)
    assert link is not None
    again = await browser.post(f"{address}/redemption-link", **form)
    assert link[1] not in again.text
    assert "made already" in again.text
    recipient = Browser.of(application)
    assert (await recipient.post("/redeem", link=link[1])).status_code == 303
    assert "$50.00" in (await recipient.get("/redeem/balance")).text
    assert (await recipient.post("/redeem", link=link[1])).status_code == 403


async def test_a_link_needs_fresh_proof_and_is_not_made_for_others_or_the_inactive(
    browser: Browser, database: Database, business: TestBusiness, make_business: object
) -> None:
    desk = Desk.of(business)
    user = await desk.user(5_000)
    other = await signed_in(browser, database, await make_business())  # type: ignore[operator]
    for base in (other, base_of(business)):
        address = f"{base}/users/{ids.show(ids.USER, user)}/redemption-link"
        assert (await browser.post(address, key="form:1")).status_code == 404
    base = await signed_in(browser, database, business)
    address = f"{base}/users/{ids.show(ids.USER, user)}"
    await browser.post(f"{address}/deactivate")
    assert "Copy redemption link" not in (await browser.get(address)).text
    assert (await browser.post(f"{address}/redemption-link", key="form:2")).status_code == 409
    await browser.post(f"{address}/activate")
    await make_stale(browser, database)
    asked = await browser.post(f"{address}/redemption-link", key="form:3")
    assert "redeem#" not in asked.text
    tickets = await business.scalar("SELECT count(*) FROM redeem_tickets")
    assert tickets == 0
