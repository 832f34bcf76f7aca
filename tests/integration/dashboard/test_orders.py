"""Orders on pages: found, read, decided, and never what changed meanwhile."""

import asyncio
from typing import Any

import pytest

from payviox import ids
from payviox.audit import service as audit
from payviox.dashboard.orders.show import seen_of
from payviox.db.pool import Database
from payviox.rights.roles import RIGHTS, ROLES, Role
from payviox.web.asgi import Application
from payviox.withdrawals.model import Order
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, heading, hidden, signed_in
from support.databases import Urls
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(business: TestBusiness) -> Desk:
    await business.set(review_amount=2_000)
    return Desk.of(business)


@pytest.fixture
async def reviewed(desk: Desk) -> Order:
    return await desk.withdraw(await desk.user(5_000), 2_500)


def address_of(base: str, order: Order) -> str:
    return f"{base}/orders/{ids.show(ids.ORDER, order.id)}"


async def test_an_order_in_review_is_found_read_and_approved(
    browser: Browser, database: Database, desk: Desk, reviewed: Order
) -> None:
    base = await signed_in(browser, database, desk.business)
    listed = await browser.get(f"{base}/orders")
    assert heading(listed) == "Orders"
    assert address_of(base, reviewed) in listed.text
    page = await browser.get(address_of(base, reviewed))
    assert heading(page) == f"Order {ids.show(ids.ORDER, reviewed.id)}"
    assert "$25.00" in page.text
    answer = await browser.post(f"{address_of(base, reviewed)}/approve", seen=hidden(page, "seen"))
    assert answer.status_code == 303
    assert "The order goes on." in (await browser.get(answer.headers["location"])).text
    assert (await desk.get(reviewed)).status == "queued"
    [entry] = await database.fetch(
        lambda db: audit.list_page(db, reviewed.business_id, act="order.approve", limit=5)
    )
    assert entry.actor.startswith("operator:op_")
    assert entry.place == "127.0.0.1"


async def test_rejected_with_a_note_the_money_is_back(
    browser: Browser, database: Database, desk: Desk, reviewed: Order
) -> None:
    base = await signed_in(browser, database, desk.business, "approver")
    page = await browser.get(address_of(base, reviewed))
    form = {"seen": hidden(page, "seen"), "note": "Please <b>confirm</b> your address."}
    answer = await browser.post(f"{address_of(base, reviewed)}/reject", **form)
    after = await browser.get(answer.headers["location"])
    assert "Please &lt;b&gt;confirm&lt;/b&gt; your address." in after.text
    _, read_again = after.text.split(">The order is rejected; the money is back.<")
    assert 'id="orders-reasons" data-live' in read_again, "said once, it stays on the page"
    assert (await desk.get(reviewed)).status == "rejected"
    assert (await desk.business.ledger())["ada@example.com"] == 5_000


async def test_a_note_that_cannot_be_printed_is_said_beside_it_and_nothing_is_done(
    browser: Browser, database: Database, desk: Desk, reviewed: Order
) -> None:
    base = await signed_in(browser, database, desk.business)
    page = await browser.get(address_of(base, reviewed))
    form = {"seen": hidden(page, "seen"), "note": "a\u202eb"}
    answer = await browser.post(f"{address_of(base, reviewed)}/reject", **form)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert (await desk.get(reviewed)).status == "review"


async def test_what_changed_while_it_was_read_is_not_approved(
    browser: Browser, database: Database, desk: Desk, reviewed: Order, urls: Urls
) -> None:
    base = await signed_in(browser, database, desk.business)
    page = await browser.get(address_of(base, reviewed))
    with urls.as_admin() as admin:
        admin.execute(
            """UPDATE orders SET destination = '{"email": "mallory@example.com"}' WHERE id = %s""",
            [reviewed.id],
        )
    answer = await browser.post(f"{address_of(base, reviewed)}/approve", seen=hidden(page, "seen"))
    assert answer.status_code == 409
    assert "changed while you were reading" in answer.text
    assert (await desk.get(reviewed)).status == "review"
    assert (await desk.business.ledger())["in_transit:sandbox"] == 2_500
    desk.business.tampered = True


async def test_of_two_who_decide_at_once_one_wins(
    browser: Browser,
    database: Database,
    desk: Desk,
    reviewed: Order,
    application: Application,
) -> None:
    base = await signed_in(browser, database, desk.business)
    other = Browser.of(application)
    async with other.client:
        await signed_in(other, database, desk.business)
        seen = hidden(await browser.get(address_of(base, reviewed)), "seen")
        answers = await asyncio.gather(
            *(
                each.post(f"{address_of(base, reviewed)}/{verb}", seen=seen)
                for each, verb in ((browser, "approve"), (other, "reject"))
            )
        )
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    books = await desk.business.ledger()
    assert books["ada@example.com"] + books["in_transit:sandbox"] == 5_000


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("verb", ["approve", "reject", "cancel"])
async def test_a_role_decides_as_the_table_says_whatever_the_page_shows(
    browser: Browser,
    database: Database,
    desk: Desk,
    reviewed: Order,
    role: Role,
    verb: str,
) -> None:
    base = await signed_in(browser, database, desk.business, role)
    page = await browser.get(address_of(base, reviewed))
    assert page.status_code == 200
    may = f"order.{verb}" in RIGHTS[role]
    assert (f"/{verb}" in page.text) == may
    seen = seen_of(reviewed)
    answer = await browser.post(f"{address_of(base, reviewed)}/{verb}", seen=seen)
    assert answer.status_code == (303 if may else 403)
    assert ((await desk.get(reviewed)).status == "review") == (not may)


@pytest.mark.parametrize("tail", ["", "/orders", "/orders?status=all", "/orders/{order}"])
async def test_another_organizations_pages_are_not_there(
    browser: Browser,
    database: Database,
    desk: Desk,
    reviewed: Order,
    make_business: Any,
    tail: str,
) -> None:
    other = await make_business()
    own = await signed_in(browser, database, other)
    shown = ids.show(ids.ORDER, reviewed.id)
    theirs = base_of(desk.business) + tail.format(order=shown)
    assert (await browser.get(theirs)).status_code == 404
    assert (await browser.get(f"{own}/orders/{shown}")).status_code == 404
    for verb in ("approve", "reject", "cancel"):
        for base in (own, base_of(desk.business)):
            answer = await browser.post(f"{base}/orders/{shown}/{verb}", seen=seen_of(reviewed))
            assert answer.status_code == 404
    assert (await desk.get(reviewed)).status == "review"


async def test_lists_go_on_page_by_page_and_every_state_has_one(
    browser: Browser, database: Database, desk: Desk
) -> None:
    base = await signed_in(browser, database, desk.business)
    user = await desk.user(100_000)
    for _ in range(52):
        await desk.withdraw(user, 100)
    first = await browser.get(f"{base}/orders?status=queued")
    assert first.text.count("<tr") == 51
    older = first.text.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    second = await browser.get(older.replace("&amp;", "&"))
    assert second.text.count("<tr") == 3
    for status in ("review", "sent", "unknown", "returned", "all", "nonsense"):
        assert (await browser.get(f"{base}/orders?status={status}")).status_code == 200
