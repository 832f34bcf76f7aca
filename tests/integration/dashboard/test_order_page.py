"""One order's page: what to weigh before approving, its story, and the acts of whoever looks after
it."""

import pytest

from payviox import ids
from payviox.db.pool import Database
from payviox.rails.waiting import Waiting
from payviox.rights.roles import RIGHTS, ROLES, Role
from payviox.web.asgi import Application
from payviox.withdrawals.model import Order
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, heading, hidden, signed_in
from support.vendor import Vendor
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(business: TestBusiness) -> Desk:
    return Desk.of(business)


@pytest.fixture
async def unknown(business: TestBusiness) -> Order:
    """An order that nothing automatic ends."""
    vendor = Vendor()
    desk = Desk.of(business, vendor.rails)
    order = await desk.withdraw(await desk.user(5_000), 500)
    vendor.plan = ["lost"]
    await desk.process()
    await waits(desk, order, "person")
    return await desk.get(order)


async def waits(desk: Desk, order: Order, cause: Waiting) -> None:
    await desk.write(
        lambda db: db.execute(
            "UPDATE orders SET waiting = %s, due_at = NULL WHERE id = %s", [cause, order.id]
        )
    )


def address_of(order: Order) -> str:
    return f"/orders/{ids.show(ids.ORDER, order.id)}"


async def test_what_to_weigh_stands_beside_approve_with_what_it_is_compared_with(
    browser: Browser, database: Database, desk: Desk
) -> None:
    ada, bob = await desk.user(90_000), await desk.user(5_000, "bob@example.com")
    here, elsewhere = {"email": "ada@example.com"}, {"email": "other@example.com"}
    for amount in (1_000, 2_000, 3_000):
        await desk.withdraw(ada, amount, here)
    await desk.process()
    await desk.business.set(review_amount=100)
    first = await desk.withdraw(ada, 2_100, here)
    base = await signed_in(browser, database, desk.business, "approver")
    page = (await browser.get(base + address_of(first))).text
    assert "Paid there 3 times before" in page
    assert "Nobody else named this payee" in page
    assert "Their usual is $20.00 (median of their last 3 orders)" in page
    assert "4 orders of theirs, $81.00 in all" in page
    assert "look twice" not in page
    await desk.withdraw(bob, 400, elsewhere, email="bob@example.com")
    large = await desk.withdraw(ada, 60_000, elsewhere)
    page = (await browser.get(base + address_of(large))).text
    assert "They were never paid there before" in page
    assert "Their last order of this kind went to ada@example.com" in page
    assert "1 other person named the same payee" in page
    assert ">bob@example.com</bdi></a>" in page
    assert "$604.00 of everybody" in page
    assert "30.0 times their usual $20.00" in page


async def test_the_story_names_people_and_says_what_each_thing_is(
    browser: Browser, database: Database, desk: Desk
) -> None:
    order = await desk.withdraw(await desk.user(5_000), 500)
    await desk.process()
    base = await signed_in(browser, database, desk.business, "viewer")
    page = (await browser.get(base + address_of(order))).text
    for words in ("Asked for", "the payout user", "Attempt 1 began", "The rail answered attempt 1"):
        assert words in page
    assert "In transit (sandbox) → Paid out (sandbox)" in page
    assert "It was paid." in page
    assert "<dd>It has arrived. There is nothing left to do.</dd>" in page
    assert (
        page.index("Asked for") < page.index("Attempt 1 began") < page.index("Booked as paid out")
    )


async def test_a_look_up_is_asked_for_and_moves_nothing(
    browser: Browser, database: Database, business: TestBusiness, unknown: Order
) -> None:
    base = await signed_in(browser, database, business, "approver")
    address = base + address_of(unknown)
    before = await business.ledger()
    page = await browser.get(address)
    answer = await browser.post(f"{address}/look-up", seen=hidden(page, "seen"))
    assert "The rail is being asked now." in (await browser.get(answer.headers["location"])).text
    due = await business.scalar("SELECT due_at IS NOT NULL FROM orders WHERE id = %s", unknown.id)
    assert due is True
    assert await business.ledger() == before


async def test_somebody_settles_what_no_rail_tells_after_a_page_that_asks(
    browser: Browser, database: Database, business: TestBusiness, unknown: Order
) -> None:
    base = await signed_in(browser, database, business, "finance")
    address = base + address_of(unknown)
    assert "the attempt is known there as" in (await browser.get(address)).text
    asked = await browser.get(f"{address}/settle?ended=failed&reason=PayPal+case+4711")
    assert heading(asked) == "Settle"
    assert "The money goes back to the payout user" in asked.text
    assert "Book $5.00 as failed" in asked.text
    form = {name: hidden(asked, name) for name in ("ended", "reason", "seen")}
    answer = await browser.post(f"{address}/settle", **form)
    after = (await browser.get(answer.headers["location"])).text
    assert "It is booked." in after
    assert "PayPal case 4711" in after
    assert "It could not be paid. <bdi>No reason was given.</bdi>" in after
    assert (await business.ledger())["ada@example.com"] == 5_000
    again = await browser.post(f"{address}/settle", **form)
    assert again.status_code == 409
    assert (await business.ledger())["ada@example.com"] == 5_000


async def test_a_settlement_without_an_end_or_a_reason_is_said_beside_the_fields(
    browser: Browser, database: Database, business: TestBusiness, unknown: Order
) -> None:
    base = await signed_in(browser, database, business, "finance")
    address = base + address_of(unknown)
    wrong = await browser.get(f"{address}/settle?reason=")
    assert wrong.status_code == 422
    assert "Choose how it ended." in wrong.text
    assert 'aria-invalid="true"' in wrong.text
    assert (await browser.post(f"{address}/settle", ended="paid", reason="x")).status_code == 422


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_settles_looks_up_and_resumes_as_the_table_says(
    browser: Browser, database: Database, business: TestBusiness, unknown: Order, role: Role
) -> None:
    base = await signed_in(browser, database, business, role)
    address = base + address_of(unknown)
    page = await browser.get(address)
    assert ("Look up</button>" in page.text) == ("order.look_up" in RIGHTS[role])
    assert ("Settle</button>" in page.text) == ("order.settle" in RIGHTS[role])
    form = {"ended": "failed", "reason": "seen", "seen": "unknown:0:00"}
    expected = 409 if "order.settle" in RIGHTS[role] else 403
    assert (await browser.post(f"{address}/settle", **form)).status_code == expected
    answer = await browser.post(f"{base}/orders/resume", waiting="float_empty")
    assert answer.status_code == (303 if "order.resume" in RIGHTS[role] else 403)


async def test_orders_that_wait_are_resumed_together_after_a_page_that_says_how_many(
    browser: Browser, database: Database, desk: Desk
) -> None:
    user = await desk.user(5_000)
    orders = [await desk.withdraw(user, 100) for _ in range(3)]
    for order in orders:
        await waits(desk, order, "approval_at_rail")
    base = await signed_in(browser, database, desk.business, "finance")
    page = (await browser.get(base + address_of(orders[0]))).text
    assert "Whose turn it is: You, at the rail or in Payviox." in page
    assert "/orders/resume?waiting=approval_at_rail" in page
    asked = await browser.get(
        f"{base}/orders/resume?waiting=approval_at_rail&from={ids.show(ids.ORDER, orders[0].id)}"
    )
    assert "Resume 3 orders" in asked.text
    assert "$3.00" in asked.text
    form = {name: hidden(asked, name) for name in ("waiting", "from")}
    answer = await browser.post(f"{base}/orders/resume", **form)
    assert "are tried now" in (await browser.get(answer.headers["location"])).text
    due = await desk.business.scalar(
        "SELECT count(*) FROM orders WHERE business_id = %s AND due_at <= now()",
        desk.business.business_id,
    )
    assert due == 3
    assert (await browser.get(f"{base}/orders/resume?waiting=nonsense")).status_code == 404


async def test_the_first_of_two_signatures_is_named_to_the_second(
    browser: Browser, database: Database, desk: Desk, application: Application
) -> None:
    await desk.business.set(review_amount=100, second_person_amount=100)
    order = await desk.withdraw(await desk.user(5_000), 500)
    base = await signed_in(browser, database, desk.business, "approver")
    address = base + address_of(order)
    page = await browser.get(address)
    assert "you would be the first" in page.text
    await browser.post(f"{address}/approve", seen=hidden(page, "seen"))
    assert "Another person has to approve it." in (await browser.get(address)).text
    other = Browser.of(application)
    async with other.client:
        await signed_in(other, database, desk.business, "approver")
        assert "One more person has to." in (await other.get(address)).text


async def test_nothing_of_another_organizations_order_is_read_or_done(
    browser: Browser,
    database: Database,
    business: TestBusiness,
    business_of_others: TestBusiness,
    unknown: Order,
) -> None:
    own = await signed_in(browser, database, business_of_others, "owner")
    for base in (own, base_of(business)):
        address = base + address_of(unknown)
        assert (await browser.get(address)).status_code == 404
        assert (await browser.get(f"{address}/settle?ended=failed&reason=x")).status_code == 404
        for verb in ("look-up", "settle"):
            form = {"ended": "failed", "reason": "x", "seen": "x"}
            assert (await browser.post(f"{address}/{verb}", **form)).status_code == 404
    assert (
        await browser.get(f"{base_of(business)}/orders/resume?waiting=person")
    ).status_code == 404


async def test_what_only_canceling_ends_is_not_offered_to_be_resumed(
    browser: Browser, database: Database, desk: Desk
) -> None:
    order = await desk.withdraw(await desk.user(5_000), 100)
    await waits(desk, order, "float_empty")
    base = await signed_in(browser, database, desk.business, "finance")
    page = (await browser.get(base + address_of(order))).text
    assert "the order waits until you cancel it" in page
    assert "Cancel</button>" in page
    assert "/orders/resume" not in page


async def test_what_was_approved_and_is_paid_by_now_is_said_once(
    browser: Browser, database: Database, desk: Desk
) -> None:
    order = await desk.withdraw(await desk.user(5_000), 100)
    await desk.process()
    base = await signed_in(browser, database, desk.business)
    page = (await browser.get(f"{base}{address_of(order)}?done=approved")).text
    assert "It was paid." in page
    assert "The order goes on." not in page
    assert "Nothing is left to do." not in page
    assert "Ask the rail</h2>" in page
