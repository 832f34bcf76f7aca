"""What waits for a second person on pages: asked for, found, approved, canceled."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from payviox import actors, ids
from payviox.audit import service as audit
from payviox.db.pool import Database
from payviox.ledger import suspense
from payviox.rights.roles import RIGHTS, ROLES, Role
from payviox.treasury import service as treasury
from payviox.web.asgi import Application
from payviox.web.forms import new_key
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, heading, hidden, signed_in
from support.databases import Urls
from support.vendor import Vendor
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


@pytest.fixture
async def other(application: Application) -> AsyncIterator[Browser]:
    """A second person's browser."""
    opened = Browser.of(application)
    async with opened.client:
        yield opened


@pytest.fixture
async def strict(business: TestBusiness) -> TestBusiness:
    await business.set(second_person_amount=100)
    return business


async def move_back(browser: Browser, base: str, amount: str) -> str:
    """Ask for it; answers the address of what waits."""
    asked = await browser.get(f"{base}/balance/defund?amount={amount}")
    form = {"key": hidden(asked, "key"), "cents": hidden(asked, "cents")}
    answer = await browser.post(f"{base}/balance/defund", **form)
    listed = await browser.get(answer.headers["location"])
    assert "It waits for a second person." in listed.text
    return address_in(listed.text)


def address_in(text: str) -> str:
    start = text.rindex("/approvals/apr_")
    return text[start : start + len("/approvals/apr_") + 36]


async def test_money_is_moved_back_when_a_second_person_approves_it(
    browser: Browser, other: Browser, database: Database, strict: TestBusiness
) -> None:
    base = await signed_in(browser, database, strict, "finance")
    waiting = base + await move_back(browser, base, "1.01")
    before = await strict.ledger()
    page = await browser.get(waiting)
    assert heading(page) == "Move back"
    assert "Another person has to approve it." in page.text
    assert "/approve" not in page.text
    refused = await browser.post(f"{waiting}/approve")
    assert refused.status_code == 409
    assert "Another person has to approve it." in refused.text
    assert await strict.ledger() == before
    await signed_in(other, database, strict, "owner")
    assert "$1.01" in (await other.get(f"{base}/approvals")).text
    answer = await other.post(f"{waiting}/approve")
    assert "It is approved and done." in (await other.get(answer.headers["location"])).text
    assert (await strict.ledger())["main"] - before["main"] == 101
    again = await other.post(f"{waiting}/approve")
    assert again.status_code == 409
    assert (await strict.ledger())["main"] - before["main"] == 101


async def test_adding_funds_waits_and_is_paid_once_however_often_it_is_approved(
    browser: Browser, other: Browser, database: Database, strict: TestBusiness
) -> None:
    user = await Desk.of(strict).user(50)
    base = await signed_in(browser, database, strict, "finance")
    address = f"{base}/users/{ids.show(ids.USER, user)}/add-funds"
    asked = await browser.get(f"{address}?amount=7")
    form = {"key": hidden(asked, "key"), "cents": hidden(asked, "cents")}
    answers = [await browser.post(address, **form) for _ in range(2)]
    listed = await browser.get(answers[-1].headers["location"])
    assert listed.text.count("Add funds") == 1
    assert (await strict.ledger())["ada@example.com"] == 50
    await signed_in(other, database, strict, "finance")
    waiting = base + address_in(listed.text)
    done = await asyncio.gather(*(other.post(f"{waiting}/approve") for _ in range(3)))
    assert sorted(answer.status_code for answer in done) == [303, 409, 409]
    assert (await strict.ledger())["ada@example.com"] == 750
    (entry,) = await database.fetch(
        lambda db: audit.list_page(db, strict.business_id, act="approval.sign", limit=5)
    )
    assert entry.place == "127.0.0.1"


async def test_what_cannot_be_allocated_stays_waiting_and_says_why(
    browser: Browser, other: Browser, database: Database, strict: TestBusiness
) -> None:
    user = await Desk.of(strict).user(50)
    base = await signed_in(browser, database, strict, "finance")
    address = f"{base}/users/{ids.show(ids.USER, user)}/add-funds"
    asked = await browser.get(f"{address}?amount=7")
    form = {"key": hidden(asked, "key"), "cents": hidden(asked, "cents")}
    listed = await browser.get((await browser.post(address, **form)).headers["location"])
    await strict.set(payouts_enabled=False)
    await signed_in(other, database, strict, "finance")
    waiting = base + address_in(listed.text)
    refused = await other.post(f"{waiting}/approve")
    assert refused.status_code == 409
    assert "Payouts are currently disabled" in refused.text
    await strict.set(payouts_enabled=True)
    assert (await other.post(f"{waiting}/approve")).status_code == 303
    assert (await strict.ledger())["ada@example.com"] == 750


async def test_either_cancels_and_nothing_is_done(
    browser: Browser, database: Database, strict: TestBusiness
) -> None:
    base = await signed_in(browser, database, strict, "finance")
    waiting = base + await move_back(browser, base, "2")
    before = await strict.ledger()
    answer = await browser.post(f"{waiting}/cancel")
    after = await browser.get(answer.headers["location"])
    assert "Nothing was done." in after.text
    assert "It was canceled." in (await browser.get(waiting)).text
    assert (await browser.post(f"{waiting}/cancel")).status_code == 409
    assert await strict.ledger() == before


async def test_the_threshold_on_the_settings_page_waits_for_a_second_owner(
    browser: Browser, other: Browser, database: Database, strict: TestBusiness
) -> None:
    base = await signed_in(browser, database, strict, "owner")
    form = {
        "min_withdrawal": "0.01",
        "max_withdrawal": "1000000",
        "low_stock": "5",
        "suspense_alert_hours": "24",
        "bank_cooling_hours": "24",
        "second_person_amount": "",
        "review_amount": "25",
    }
    answer = await browser.post(f"{base}/settings/rules", **form)
    listed = await browser.get(answer.headers["location"])
    assert "Ask for a second person over: <bdi>none: one person decides alone" in listed.text
    waiting = (await browser.get(f"{base}{address_in(listed.text)}")).text
    assert "Review orders from" in waiting
    assert "$25.00" in waiting
    assert 'value="1.00"' in (await browser.get(f"{base}/settings")).text
    await signed_in(other, database, strict, "owner")
    await other.post(f"{base}{address_in(listed.text)}/approve")
    assert "No amount needs a second person." in (await other.get(f"{base}/approvals")).text


async def test_funding_revoking_and_resolving_wait_and_say_what_they_are_about(
    browser: Browser, other: Browser, database: Database, strict: TestBusiness
) -> None:
    user = await Desk.of(strict).user(900)
    new = suspense.NewItem("sandbox", "unknown_payment", "PP-1", None, 150, {})
    (item,) = await database.write(
        lambda db: suspense.change(db, strict.business_id, opening=[new], reason="found")
    )
    await database.write(treasury.deposit, strict.business_id, 1_000, "r", actors.key("abcd"))
    base = await signed_in(browser, database, strict, "finance")
    person = f"{base}/users/{ids.show(ids.USER, user)}/revoke"
    suspended = f"{base}/reconciliation/{ids.show(ids.SUSPENSE_ITEM, item.id)}/resolve"
    how = {"resolution": "absorbed", "reason": "case 7"}
    before = await strict.ledger()
    for address, form, words in (
        (f"{base}/balance/fund", {"cents": "150"}, ("Fund", "$1.50")),
        (person, {"cents": "150"}, ("Revoke", "ada@example.com")),
        (suspended, how, ("Resolve a suspense item", "absorbed", "case 7")),
    ):
        answer = await browser.post(address, key=new_key(), **form)
        assert answer.headers["location"] == f"{base}/approvals?done=asked"
        listed = (await browser.get(answer.headers["location"])).text
        assert all(word in listed for word in words), words
    assert (await strict.ledger()).balances == before.balances
    await signed_in(other, database, strict, "finance")
    listed = (await other.get(f"{base}/approvals")).text
    for waiting in set(re.findall(r"/approvals/apr_[0-9a-f-]{36}", listed)):
        assert (await other.post(f"{base}{waiting}/approve")).status_code == 303
    after = await strict.ledger()
    assert after["payout"] - before["payout"] == 300
    assert before["main"] - after["main"] == 300


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_approves_as_the_table_says(
    browser: Browser, other: Browser, database: Database, strict: TestBusiness, role: Role
) -> None:
    base = await signed_in(browser, database, strict, "owner")
    waiting = base + await move_back(browser, base, "2")
    await signed_in(other, database, strict, role)
    may = "balance.defund" in RIGHTS[role]
    assert ("/approve" in (await other.get(waiting)).text) == may
    assert (await other.post(f"{waiting}/approve")).status_code == (303 if may else 403)


async def test_another_organizations_approvals_are_not_there(
    browser: Browser,
    other: Browser,
    database: Database,
    strict: TestBusiness,
    business_of_others: TestBusiness,
) -> None:
    base = await signed_in(browser, database, strict, "owner")
    tail = await move_back(browser, base, "2")
    own = await signed_in(other, database, business_of_others, "owner")
    assert (await other.get(f"{base}/approvals")).status_code == 404
    for address in (base + tail, own + tail):
        assert (await other.get(address)).status_code == 404
        assert (await other.post(f"{address}/approve")).status_code == 404
        assert (await other.post(f"{address}/cancel")).status_code == 404
    assert base_of(strict) == base


async def test_an_order_is_signed_by_one_and_approved_by_another(
    browser: Browser, other: Browser, database: Database, strict: TestBusiness
) -> None:
    await strict.set(review_amount=2_000)
    desk = Desk.of(strict)
    order = await desk.withdraw(await desk.user(5_000), 2_500)
    base = await signed_in(browser, database, strict, "approver")
    address = f"{base}/orders/{ids.show(ids.ORDER, order.id)}"
    answer = await browser.post(
        f"{address}/approve", seen=hidden(await browser.get(address), "seen")
    )
    assert "You signed it." in (await browser.get(answer.headers["location"])).text
    assert address in (await browser.get(f"{base}/approvals")).text
    await signed_in(other, database, strict, "approver")
    page = await other.get(address)
    await other.post(f"{address}/approve", seen=hidden(page, "seen"))
    assert (await desk.get(order)).status == "queued"
    assert "Nothing waits for a second person." in (await other.get(f"{base}/approvals")).text


@pytest.mark.parametrize(
    "role_now",
    [
        "'viewer', role_since = statement_timestamp()",
        "'approver', role_since = statement_timestamp()",
    ],
)
async def test_an_order_whose_only_signature_is_void_waits_for_no_second_person(
    browser: Browser,
    other: Browser,
    database: Database,
    strict: TestBusiness,
    urls: Urls,
    role_now: str,
) -> None:
    await strict.set(review_amount=2_000)
    desk = Desk.of(strict)
    order = await desk.withdraw(await desk.user(5_000), 2_500)
    base = await signed_in(browser, database, strict, "approver")
    address = f"{base}/orders/{ids.show(ids.ORDER, order.id)}"
    await browser.post(f"{address}/approve", seen=hidden(await browser.get(address), "seen"))
    assert address in (await browser.get(f"{base}/approvals")).text
    with urls.as_admin() as admin:
        admin.execute(
            f"UPDATE memberships m SET role = {role_now} FROM businesses b"
            " WHERE b.organization_id = m.organization_id AND b.id = %s",
            [strict.business_id],
        )
    await signed_in(other, database, strict, "owner")
    assert "Nothing waits for a second person." in (await other.get(f"{base}/approvals")).text
    assert "Let another person approve" not in (await other.get(base)).text
    page = await other.get(address)
    assert "you would be the first" in page.text
    await other.post(f"{address}/approve", seen=hidden(page, "seen"))
    assert (await desk.get(order)).status == "review"


async def test_an_order_that_one_person_may_decide_on_again_waits_for_no_second_one(
    browser: Browser, database: Database, strict: TestBusiness
) -> None:
    await strict.set(review_amount=2_000)
    desk = Desk.of(strict)
    order = await desk.withdraw(await desk.user(5_000), 2_500)
    base = await signed_in(browser, database, strict, "approver")
    address = f"{base}/orders/{ids.show(ids.ORDER, order.id)}"
    await browser.post(f"{address}/approve", seen=hidden(await browser.get(address), "seen"))
    assert address in (await browser.get(f"{base}/approvals")).text
    for threshold in (2_500, None):
        await strict.set(second_person_amount=threshold)
        assert address not in (await browser.get(f"{base}/approvals")).text
    await browser.post(f"{address}/approve", seen=hidden(await browser.get(address), "seen"))
    assert (await desk.get(order)).status == "queued"


async def test_the_second_person_reads_what_the_first_one_said_of_an_orders_end(
    browser: Browser, other: Browser, database: Database, strict: TestBusiness
) -> None:
    vendor = Vendor()
    desk = Desk.of(strict, vendor.rails)
    order = await desk.withdraw(await desk.user(5_000), 500)
    vendor.plan = ["lost"]
    await desk.process()
    await desk.write(
        lambda db: db.execute(
            "UPDATE orders SET waiting = 'person', due_at = NULL WHERE id = %s", [order.id]
        )
    )
    base = await signed_in(browser, database, strict, "finance")
    address = f"{base}/orders/{ids.show(ids.ORDER, order.id)}"
    asked = await browser.get(f"{address}/settle?ended=failed&reason=case+7")
    form = {name: hidden(asked, name) for name in ("ended", "reason", "seen")}
    await browser.post(f"{address}/settle", **form)
    assert "You signed how it ended." in (await browser.get(address)).text
    await signed_in(other, database, strict, "finance")
    page = (await other.get(address)).text
    assert "signed what stands below" in page
    assert 'value="failed" checked' in page
    assert 'value="case 7"' in page
    await other.post(f"{address}/settle", **form)
    assert (await desk.get(order)).status == "failed"
