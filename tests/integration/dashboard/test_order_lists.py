"""Lists of orders: narrowed, counted, saved, downloaded; and many decided on at once."""

import io
import re
from typing import Any

import openpyxl
import pytest

from payviox import ids
from payviox.dashboard.orders.show import seen_of
from payviox.db.pool import Database
from payviox.rights.roles import RIGHTS, ROLES, Role
from payviox.web import sheets
from payviox.withdrawals.model import Order
from payviox.withdrawals.queries import listing
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, heading, signed_in
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(business: TestBusiness) -> Desk:
    await business.set(review_amount=2_000)
    return Desk.of(business)


def chosen(*orders: Order) -> dict[str, str]:
    """The form of a list on which these were ticked."""
    return {ids.show(ids.ORDER, each.id): seen_of(each) for each in orders}


def shows(text: str, order: Order) -> bool:
    return f'id="{ids.show(ids.ORDER, order.id)}"' in text


async def test_a_list_is_narrowed_by_person_rail_cause_and_amount(
    browser: Browser, database: Database, desk: Desk
) -> None:
    ada, bob = await desk.user(50_000), await desk.user(50_000, "bob@example.com")
    small, large = await desk.withdraw(ada, 2_100), await desk.withdraw(ada, 9_000)
    bobs = await desk.withdraw(bob, 2_500, email="bob@example.com")
    base = await signed_in(browser, database, desk.business, "viewer")
    for query, expected in (
        ("user=bob", [bobs]),
        (f"user={ids.show(ids.USER, ada)}", [small, large]),
        ("user=nobody", []),
        ("least=25", [large, bobs]),
        ("most=24.99", [small]),
        ("least=22&most=30", [bobs]),
        ("rail=sandbox", [small, large, bobs]),
        ("rail=tremendous", []),
        ("waiting=float_empty", []),
        ("age=1h", []),
        ("age=nonsense", [small, large, bobs]),
    ):
        page = await browser.get(f"{base}/orders?{query}")
        assert [each for each in (small, large, bobs) if shows(page.text, each)] == expected, query
    assert "Nothing matches these filters." in (await browser.get(f"{base}/orders?age=1h")).text
    wrong = await browser.get(f"{base}/orders?least=1.234,50")
    assert wrong.status_code == 422
    assert 'aria-invalid="true"' in wrong.text


async def test_only_what_orders_wait_for_now_is_offered_as_a_filter(
    browser: Browser, database: Database, desk: Desk
) -> None:
    base = await signed_in(browser, database, desk.business, "viewer")

    async def offered(query: str = "") -> list[str]:
        page = (await browser.get(f"{base}/orders?status=all{query}")).text
        causes = page.partition('<select class="input" id="waiting"')[2].partition("</select>")[0]
        return re.findall(r'<option value="(\w*)"', causes)

    assert await offered() == [""]
    assert await offered("&waiting=person") == ["", "person"]
    user = await desk.user(50_000)
    for ending in ("float-empty", "float-empty", "succeed"):
        await desk.withdraw(user, 100, {"email": f"{ending}@example.com"})
    await desk.process()
    assert await offered() == ["", "float_empty", "not_a_person"]


async def test_tabs_count_what_is_in_each_state_as_far_as_they_count(
    browser: Browser, database: Database, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await desk.user(50_000)
    for amount in (2_100, 2_200, 2_300, 100):
        await desk.withdraw(user, amount)
    base = await signed_in(browser, database, desk.business, "viewer")
    page = (await browser.get(f"{base}/orders")).text
    assert 'In review <span class="count">3</span>' in page
    assert 'Queued <span class="count">1</span>' in page
    monkeypatch.setattr(listing, "COUNTED", 2)
    monkeypatch.setattr("payviox.dashboard.orders.list.COUNTED", 2)
    assert 'In review <span class="count">2+</span>' in (await browser.get(f"{base}/orders")).text


async def test_a_filter_that_matches_little_looks_through_so_many_orders_a_page(
    browser: Browser, database: Database, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await desk.user(50_000)
    first = await desk.withdraw(user, 9_000)
    for _ in range(5):
        await desk.withdraw(user, 2_100)
    monkeypatch.setattr(listing, "SCANNED", 3)
    base = await signed_in(browser, database, desk.business, "viewer")
    page = (await browser.get(f"{base}/orders?least=90")).text
    assert "looked through so far" in page
    for _ in range(2):
        older = page.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
        assert older
        page = (await browser.get(older.replace("&amp;", "&"))).text
        if shows(page, first):
            break
    assert shows(page, first)


async def test_many_are_approved_after_a_page_that_says_how_many_and_how_much(
    browser: Browser, database: Database, desk: Desk
) -> None:
    user = await desk.user(50_000)
    orders = [await desk.withdraw(user, amount) for amount in (2_100, 2_200, 2_300)]
    base = await signed_in(browser, database, desk.business, "approver")
    listed = (await browser.get(f"{base}/orders?choose=all")).text
    assert listed.count("checked") == 3
    asked = await browser.post(f"{base}/orders/selected/approve", **chosen(*orders))
    assert heading(asked) == "Approve 3 orders"
    assert "Approve 3 orders, $66.00" in asked.text
    assert [(await desk.get(each)).status for each in orders] == ["review"] * 3
    await desk.reject(orders[1])
    answer = await browser.post(
        f"{base}/orders/selected/approve", confirmed="yes", **chosen(*orders)
    )
    assert "2 of 3 orders are approved" in answer.text
    assert "changed while you were reading" in answer.text
    states = [(await desk.get(each)).status for each in orders]
    assert states == ["queued", "rejected", "queued"]
    books = await desk.business.ledger()
    assert (books["in_transit:sandbox"], books["ada@example.com"]) == (4_400, 45_600)


async def test_over_the_threshold_many_are_signed_and_wait(
    browser: Browser, database: Database, desk: Desk
) -> None:
    await desk.business.set(second_person_amount=2_150)
    user = await desk.user(50_000)
    small, large = [await desk.withdraw(user, amount) for amount in (2_100, 2_200)]
    base = await signed_in(browser, database, desk.business, "approver")
    asked = await browser.post(f"{base}/orders/selected/approve", **chosen(small, large))
    assert "1 of them need a second person" in asked.text
    answer = await browser.post(
        f"{base}/orders/selected/approve", confirmed="yes", **chosen(small, large)
    )
    assert "A second person has to approve it." in answer.text
    assert [(await desk.get(each)).status for each in (small, large)] == ["queued", "review"]


async def test_many_are_rejected_with_one_note_and_the_money_is_back(
    browser: Browser, database: Database, desk: Desk
) -> None:
    user = await desk.user(50_000)
    orders = [await desk.withdraw(user, amount) for amount in (2_100, 2_200)]
    base = await signed_in(browser, database, desk.business, "approver")
    form = chosen(*orders) | {"confirmed": "yes"}
    address = f"{base}/orders/selected/reject"
    assert (await browser.post(address, note="a\u202eb", **form)).status_code == 422
    await browser.post(address, note="Write to us first.", **form)
    assert {(await desk.get(each)).note for each in orders} == {"Write to us first."}
    assert (await desk.business.ledger())["ada@example.com"] == 50_000


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_decides_on_many_as_the_table_says(
    browser: Browser, database: Database, desk: Desk, role: Role
) -> None:
    order = await desk.withdraw(await desk.user(50_000), 2_100)
    base = await signed_in(browser, database, desk.business, role)
    may = "order.cancel" in RIGHTS[role]
    assert ("/orders/selected/cancel" in (await browser.get(f"{base}/orders")).text) == may
    answer = await browser.post(f"{base}/orders/selected/cancel", confirmed="yes", **chosen(order))
    assert answer.status_code == (200 if may else 403)
    assert (await desk.get(order)).status == ("canceled" if may else "review")


async def test_lists_are_saved_for_oneself_or_for_all_and_removed_by_who_saved_them(
    browser: Browser, database: Database, desk: Desk, application: Any
) -> None:
    base = await signed_in(browser, database, desk.business, "viewer")
    for name, shared in (("Mine", "no"), ("<b>Ours</b>", "yes")):
        answer = await browser.post(
            f"{base}/orders/views", name=name, shared=shared, query="status=all&least=90&x=1"
        )
        assert "The list is saved." in (await browser.get(answer.headers["location"])).text
    own = (await browser.get(f"{base}/orders")).text
    assert "orders?status=all&amp;least=90" in own
    assert "&lt;b&gt;Ours&lt;/b&gt;" in own
    nameless = await browser.post(f"{base}/orders/views", name=" ", query="status=all")
    assert nameless.status_code == 422
    other = Browser.of(application)
    async with other.client:
        await signed_in(other, database, desk.business, "viewer")
        seen = (await other.get(f"{base}/orders")).text
        assert "Ours" in seen
        assert "Mine" not in seen
        forget = own.partition("/forget")[0].rpartition('action="')[2] + "/forget"
        assert (await other.post(forget)).status_code == 404
    answer = await browser.post(forget)
    assert "The list is removed." in (await browser.get(answer.headers["location"])).text


async def test_a_list_is_downloaded_as_csv_and_excel_without_formulas(
    browser: Browser, database: Database, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await desk.user(50_000)
    to = {"email": "=cmd@example.com"}
    order = await desk.withdraw(user, 2_105, to)
    other = await desk.withdraw(user, 2_200)
    base = await signed_in(browser, database, desk.business, "viewer")
    text = (await browser.get(f"{base}/orders/export.csv?status=review")).text
    assert text.count("\r\n") == 3
    assert '"\'=cmd@example.com"' in text
    assert ",21.05," in text
    answer = await browser.get(f"{base}/orders/export.xlsx?status=review&most=21.05")
    assert answer.headers["content-type"] == sheets.XLSX
    rows = list(openpyxl.load_workbook(io.BytesIO(answer.content)).active.values)
    assert rows[1][0] == ids.show(ids.ORDER, order.id)
    assert (rows[1][7], rows[1][8]) == ("=cmd@example.com", 21.05)
    assert len(rows) == 2
    monkeypatch.setattr(sheets, "MOST_ROWS", 1)
    answer = await browser.get(f"{base}/orders/export.xlsx?status=review")
    rows = list(openpyxl.load_workbook(io.BytesIO(answer.content)).active.values)
    assert rows[1][0] == ids.show(ids.ORDER, other.id)
    assert rows[2][0] == "Only the first 1 rows are in this file. The CSV has all."
    whole = (await browser.get(f"{base}/orders/export.csv?status=review")).text
    assert whole.count("\r\n") == 3


async def test_another_organizations_orders_are_not_listed_decided_on_or_downloaded(
    browser: Browser, database: Database, desk: Desk, business_of_others: TestBusiness
) -> None:
    order = await desk.withdraw(await desk.user(50_000), 2_100)
    own, theirs = (
        await signed_in(browser, database, business_of_others, "owner"),
        base_of(desk.business),
    )
    for tail in ("/orders", "/orders/export.csv", "/orders/export.xlsx"):
        assert (await browser.get(theirs + tail)).status_code == 404
    form = chosen(order) | {"confirmed": "yes"}
    for base in (own, theirs):
        assert (await browser.post(f"{base}/orders/selected/reject", **form)).status_code == 404
    assert (await browser.post(f"{theirs}/orders/views", name="x", query="")).status_code == 404
    assert (await desk.get(order)).status == "review"
