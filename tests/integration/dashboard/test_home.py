"""The first pages: which business, what it holds, what needs somebody."""

import html
import re
from contextvars import ContextVar
from typing import Any
from uuid import uuid4

import pytest
from psycopg import AsyncCursor

from payviox import ids
from payviox.db.pool import Database
from payviox.ledger import daily_flows
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, heading, hidden, make_operator, signed_in
from support.databases import Urls
from support.withdrawals import Desk

is_asking: ContextVar[bool] = ContextVar("is_asking", default=False)

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
    lead = f"{base_of(business)}/orders?status=review&amp;rail=sandbox"
    assert f'href="{lead}"' in page.text
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
    assert listed.text.count("nothing was deposited yet") == 1, "in the live one"
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


async def test_home_draws_what_happened_and_says_it_as_a_table(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    desk = Desk.of(business)
    await desk.withdraw(await desk.user(5_000), 2_500)
    await daily_flows.sum_all(database)
    base = await signed_in(browser, database, business, "viewer")
    for by in ("", "?by=week", "?by=nonsense"):
        page = await browser.get(f"{base}{by}")
        assert page.text.count("<figure") == page.text.count('class="chart') == 4
        assert 'aria-label="Allocated: $50.00 in all, at most $50.00"' in page.text
        assert "style=" not in page.text
    table = page.text.partition("The charts as a table")[2].partition("</tr>")[2]
    cells = re.findall(r'<bdi class="amount">([^<]+)</bdi>', table.partition("</tr>")[0])
    assert cells == ["$50.00", "$0.00", "$0.00", "$0.00", "$25.00", "$25.00"]
    adds_up = page.text.partition('id="adds-up"')[2].partition("</table>")[0]
    cells = re.findall(r'<td class="end"><bdi class="amount">([^<]+)</bdi>', adds_up)
    assert cells == ["$0.00", "$50.00", "$0.00", "$0.00", "$0.00", "$50.00"]
    assert "Float against what is on its way" in page.text
    part = await browser.client.get(
        base, headers={"HX-Request": "true", "HX-Target": "div#home-now"}
    )
    assert "<figure" in part.text
    assert "<h1>" not in part.text


async def test_each_matter_leads_to_just_its_orders_and_the_list_to_one_next_step(
    browser: Browser, database: Database, business: TestBusiness, urls: Urls
) -> None:
    desk = Desk.of(business)
    user = await desk.user(5_000)
    states = (
        ("queued", "float_empty"),
        ("sent", "approval_at_rail"),
        ("unknown", "person"),
        ("unknown", "rail_unreachable"),
        ("unknown", None),
        ("queued", None),
    )
    with urls.as_admin() as admin:
        for status, waiting in states:
            order = await desk.withdraw(user, 100)
            admin.execute(
                "UPDATE orders SET status = %s, waiting = %s WHERE id = %s",
                [status, waiting, order.id],
            )
    base = await signed_in(browser, database, business)
    leads = re.findall(r'href="([^"]+/orders\?[^"]+)">', (await browser.get(base)).text)
    assert len(leads) == 4
    numbers = []
    for lead in leads:
        page = (await browser.get(html.unescape(lead))).text
        numbers.append(page.count('<tr id="ord_'))
        can_resume = "approval_at_rail" in lead
        assert (f"{base}/orders/resume?waiting=" in page) == can_resume, lead
    assert sorted(numbers) == [1, 1, 1, 2]


async def test_home_names_what_waits_for_a_second_person_and_mails_that_did_not_arrive(
    browser: Browser, database: Database, business: TestBusiness, urls: Urls
) -> None:
    base = await signed_in(browser, database, business)
    with urls.as_admin() as admin:
        operator = admin.execute("SELECT operator_id FROM sessions LIMIT 1").fetchone()
        assert operator is not None
        admin.execute(
            "INSERT INTO waiting_acts (business_id, id, act, parameters, amount, started_by)"
            " VALUES (%s, %s, 'payout.fund', '{}', 700, %s)",
            [business.business_id, uuid4(), operator[0]],
        )
        admin.execute(
            "INSERT INTO mails (id, business_id, event, recipient, message, status, due_at,"
            " ended_at) VALUES (%s, %s, 'e', 'ada@example.com', 'test', 'failed', NULL, now())",
            [uuid4(), business.business_id],
        )
    page = (await browser.get(base)).text
    assert f'<a href="{base}/approvals">Let another person approve or cancel each.</a>' in page
    assert "Mails to payout users of the last seven days that did not arrive" in page


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("", 8),
        ("/users", 8),
        ("/users/{user}", 9),
        ("/orders?status=all", 8),
        ("/orders/{order}", 8),
        ("/search?q=ada", 9),
    ],
)
async def test_a_page_asks_the_database_few_questions(
    browser: Browser,
    database: Database,
    business: TestBusiness,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    most: int,
) -> None:
    desk = Desk.of(business)
    await business.set(review_amount=2_000, second_person_amount=100)
    user = await desk.user(5_000)
    order = await desk.withdraw(user, 2_500)
    base = await signed_in(browser, database, business)
    address = base + path.format(order=ids.show(ids.ORDER, order.id), user=ids.show(ids.USER, user))
    if "{order}" in path:
        page = await browser.get(address)
        await browser.post(f"{address}/approve", seen=hidden(page, "seen"))
    asked: list[object] = []
    execute = AsyncCursor.execute

    async def counted(cursor: Any, query: Any, *more: Any, **named: Any) -> Any:
        if is_asking.get():  # and not what the process writes down by the way
            asked.append(query)
        return await execute(cursor, query, *more, **named)

    monkeypatch.setattr(AsyncCursor, "execute", counted)
    is_asking.set(True)
    assert (await browser.get(address)).status_code == 200
    assert 2 < len(asked) <= most, asked
