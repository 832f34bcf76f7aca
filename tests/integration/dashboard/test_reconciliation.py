"""Reconciliation on pages: what the rails' books say, and items resolved once, as the page said."""

import asyncio
import html
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from payviox import ids
from payviox.audit import service as audit
from payviox.db.pool import Database
from payviox.ledger.suspense import Item
from payviox.rails.protocol import Entry
from payviox.rights.roles import RIGHTS, ROLES, Role
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, heading, hidden, signed_in
from support.finance import Finance
from support.vendor import FEES, Vendor
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

NET = 1_000 - FEES


@pytest.fixture
async def finance(business: TestBusiness) -> AsyncIterator[Finance]:
    """An order of ada@x.test that is booked, and that the vendor says it never paid."""
    vendor = Vendor(remembers_s=86_400.0)
    made = Finance(Desk.of(business, vendor.rails), vendor)
    order = await made.order(1_000)
    vendor.books[f"ord_{order.id}.1"] = "failed"
    await made.compare()
    yield made
    await made.check_books()


async def only_item(finance: Finance) -> Item:
    (item,) = await finance.items()
    return item


def page_of(base: str, item: Item) -> str:
    return f"{base}/reconciliation/{ids.show(ids.SUSPENSE_ITEM, item.id)}"


def rows(text: str, table: str) -> list[str]:
    """The texts of the rows of the table with this caption."""
    body = text.partition(f">{table}</caption>")[2].partition("<tbody>")[2].partition("</tbody>")[0]
    plain = [re.sub(r"<[^>]+>", " ", row) for row in body.split("</tr>")[:-1]]
    return [" ".join(html.unescape(row).split()) for row in plain]


async def test_the_latest_comparison_and_the_open_items_are_listed(
    browser: Browser, database: Database, finance: Finance
) -> None:
    base = await signed_in(browser, database, finance.desk.business, "viewer")
    page = await browser.get(f"{base}/reconciliation")
    assert heading(page) == "Reconciliation"
    (compared,) = rows(page.text, "Comparisons")
    assert compared.startswith("vendor differs $9.93")
    assert "$9.93 unexplained" in compared
    (listed,) = rows(page.text, "Items")
    assert listed.startswith("Not paid vendor Our books say that the order was paid")
    assert "Ask the rail" in listed
    assert "−$9.93" in listed  # noqa: RUF001  # a minus
    assert "less than an hour" in listed
    home = await browser.get(base)
    assert f'href="{base}/reconciliation">Look at the items' in home.text


async def test_a_rail_that_could_not_be_asked_and_one_that_agrees_say_so(
    browser: Browser, database: Database, finance: Finance
) -> None:
    base = await signed_in(browser, database, finance.desk.business)
    finance.vendor.refusal = "Closed <today>."
    await finance.compare()
    page = await browser.get(f"{base}/reconciliation")
    assert rows(page.text, "Comparisons")[0].startswith("vendor not compared Closed <today>.")
    finance.vendor.refusal = None
    finance.vendor.books = dict.fromkeys(finance.vendor.books, "paid")
    await finance.compare()
    page = await browser.get(f"{base}/reconciliation")
    assert rows(page.text, "Comparisons")[0].startswith("vendor all explained $9.93")
    assert "Nothing is in suspense." in page.text


async def test_a_business_without_orders_has_nothing_to_compare(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business)
    page = await browser.get(f"{base}/reconciliation")
    assert "No rail was compared yet." in page.text
    assert "Nothing is in suspense." in page.text


@pytest.mark.parametrize(
    ("resolution", "account", "after"),
    [
        ("explained", "Suspense (vendor)", {"settled:vendor": NET}),
        ("absorbed", "Main balance", {"main": 1_000_000 + NET, "settled:vendor": 0}),
        ("charged", "Payout user&#39;s balance", {"ada@x.test": NET, "settled:vendor": 0}),
        ("written_off", "Outside", {"main": 1_000_000, "settled:vendor": 0}),
    ],
)
async def test_an_item_is_resolved_once_as_the_confirmation_says(
    browser: Browser,
    database: Database,
    finance: Finance,
    resolution: str,
    account: str,
    after: dict[str, int],
) -> None:
    base = await signed_in(browser, database, finance.desk.business, "finance")
    item = await only_item(finance)
    address = page_of(base, item)
    page = await browser.get(address)
    assert heading(page) == "Not paid"
    assert f"ord_{item.order_id}.1" in page.text
    asked = await browser.get(f"{address}/resolve?resolution={resolution}&reason=case+4711")
    assert asked.status_code == 200
    assert "$9.93" in asked.text
    assert f"<bdi>{account}</bdi>" in asked.text
    assert ("ada@x.test" in asked.text) == (resolution == "charged")
    assert await only_item(finance) == item, "asking books nothing"
    form = {name: hidden(asked, name) for name in ("key", "resolution", "reason")}
    answers = await asyncio.gather(*(browser.post(f"{address}/resolve", **form) for _ in range(3)))
    assert {answer.status_code for answer in answers} == {303}
    assert await finance.items() == []
    assert await finance.balance("suspense:vendor") == 0
    assert {name: await finance.balance(name) for name in after} == after
    done = await browser.get(answers[0].headers["location"])
    assert "The item is resolved." in done.text
    assert "case 4711" in done.text
    assert 'name="reason"' not in done.text
    entries = await database.fetch(
        lambda db: audit.list_page(db, item.business_id, act="suspense.resolve", limit=5)
    )
    assert [entry.actor.partition(":")[0] for entry in entries] == ["operator"]


async def test_what_somebody_else_resolved_or_the_balance_cannot_bear_is_refused(
    browser: Browser, database: Database, finance: Finance
) -> None:
    base = await signed_in(browser, database, finance.desk.business)
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    finance.vendor.others = [Entry(None, "X", "paid", 2_000_000, 1, long_ago)]
    await finance.compare(since=long_ago)
    (large,) = [item for item in await finance.items() if item.cause == "unknown_payment"]
    form = {"resolution": "absorbed", "reason": "ours"}
    answer = await browser.post(f"{page_of(base, large)}/resolve", key="form:1", **form)
    assert answer.status_code == 409
    assert "The main balance has too little for it. Nothing was booked." in answer.text
    assert len(await finance.items()) > 1
    form["resolution"] = "explained"
    first = await browser.post(f"{page_of(base, large)}/resolve", key="form:2", **form)
    second = await browser.post(f"{page_of(base, large)}/resolve", key="form:3", **form)
    assert (first.status_code, second.status_code) == (303, 409)
    assert "resolved already. Nothing was booked." in second.text
    asked = await browser.get(f"{page_of(base, large)}/resolve?resolution=explained&reason=x")
    assert asked.status_code == 303
    assert await finance.balance("main") == 1_000_000


async def test_what_is_missing_is_said_beside_its_field(
    browser: Browser, database: Database, finance: Finance
) -> None:
    base = await signed_in(browser, database, finance.desk.business)
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    finance.vendor.others = [Entry(None, "X", "paid", 77, 1, long_ago)]
    await finance.compare(since=long_ago)
    for item in await finance.items():
        address = page_of(base, item)
        wrong = [
            {"resolution": "absorbed"},
            {"resolution": "absorbed", "reason": "a\nb"},
            {"resolution": "forgiven", "reason": "why"},
            {"reason": "why"},
        ]
        if item.order_id is None:
            wrong.append({"resolution": "charged", "reason": "nobody is there to charge"})
        for form in wrong:
            asked = await browser.client.get(f"{address}/resolve", params=form)
            sent = await browser.post(f"{address}/resolve", key="form:1", **form)
            assert (asked.status_code, sent.status_code) == (422, 422), form
            assert '-error">' in asked.text
        no_key = {"resolution": "absorbed", "reason": "why"}
        assert (await browser.post(f"{address}/resolve", **no_key)).status_code == 409
    causes = {cause for cause, _ in await finance.causes()}
    assert causes == {"not_paid", "unknown_payment", "cost_differs"}


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_resolves_as_the_table_says(
    browser: Browser, database: Database, finance: Finance, role: Role
) -> None:
    base = await signed_in(browser, database, finance.desk.business, role)
    item = await only_item(finance)
    may = "suspense.resolve" in RIGHTS[role]
    page = await browser.get(page_of(base, item))
    assert ('name="reason"' in page.text) == may
    answer = await browser.post(
        f"{page_of(base, item)}/resolve", key="form:1", resolution="absorbed", reason="why"
    )
    assert answer.status_code == (303 if may else 403)
    assert len(await finance.items()) == (0 if may else 1)
    assert await finance.balance("main") == 1_000_000 + (NET if may else 0)


async def test_another_organizations_items_are_not_there(
    browser: Browser, database: Database, finance: Finance, make_business: object
) -> None:
    other: TestBusiness = await make_business()  # type: ignore[operator]  # the fixture's
    base = await signed_in(browser, database, other)
    item = await only_item(finance)
    theirs = base_of(finance.desk.business)
    asked = "/resolve?resolution=absorbed&reason=x"
    for address in (f"{theirs}/reconciliation", page_of(theirs, item), page_of(base, item)):
        assert (await browser.get(address)).status_code == 404
    for start in (theirs, base):
        assert (await browser.get(page_of(start, item) + asked)).status_code == 404
        form = {"key": "form:1", "resolution": "absorbed", "reason": "x"}
        answer = await browser.post(f"{page_of(start, item)}/resolve", **form)
        assert answer.status_code == 404
    assert (await browser.get(f"{base}/reconciliation/sus_{uuid4()}")).status_code == 404
    assert await only_item(finance) == item


async def test_items_go_on_page_by_page_and_what_the_rail_said_is_shown_as_text(
    browser: Browser, database: Database, finance: Finance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payviox.dashboard.reconciliation.list.PAGE", 3)
    base = await signed_in(browser, database, finance.desk.business)
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    finance.vendor.others = [
        Entry(None, f"<script>{n}</script>", "paid", n, 1, long_ago) for n in (11, 12)
    ]
    await finance.compare(since=long_ago)
    first = await browser.get(f"{base}/reconciliation")
    later = first.text.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    second = await browser.get(html.unescape(later))
    assert [len(rows(page.text, "Items")) for page in (first, second)] == [3, 2]
    page = await browser.get(page_of(base, (await finance.items())[-1]))
    assert "&lt;script&gt;12&lt;/script&gt;" in page.text
    assert "<script>1" not in page.text
