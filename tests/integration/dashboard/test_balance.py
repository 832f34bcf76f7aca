"""Balances on pages: money moved once and as it was shown, and a statement that agrees with the
ledger."""

import asyncio
import csv
import html
import io
import re
from typing import Any
from uuid import uuid4

import pytest

from payviox import ids
from payviox.audit import service as audit
from payviox.db.pool import Database
from payviox.rights.roles import RIGHTS, ROLES, Role
from payviox.treasury import service as treasury
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, heading, hidden, signed_in
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


@pytest.fixture
async def rich(make_business: Any) -> TestBusiness:
    """A business with $100.00 to pay out and $50.00 beside."""
    opened: TestBusiness = await make_business(funds=10_000, main=5_000)
    return opened


async def held(business: TestBusiness) -> tuple[int, int]:
    """The payout and the main balance, in cents."""
    books = await business.ledger()
    return books["payout"], books["main"]


def amounts(text: str) -> list[list[str]]:
    """The amounts of each row of the statement."""
    body = text.partition("<tbody>")[2].partition("</tbody>")[0]
    found = [re.findall(r'class="amount">([^<]+)<', row) for row in body.split("</tr>")[:-1]]
    return [[html.unescape(each) for each in row] for row in found]


@pytest.mark.parametrize(("way", "after"), [("fund", (11_250, 3_750)), ("defund", (8_750, 6_250))])
async def test_money_moves_once_however_often_the_form_is_sent(
    browser: Browser,
    database: Database,
    rich: TestBusiness,
    way: str,
    after: tuple[int, int],
) -> None:
    base = await signed_in(browser, database, rich, "finance")
    page = await browser.get(f"{base}/balance")
    assert heading(page) == "Balance"
    assert "$100.00" in page.text
    assert "$50.00" in page.text
    asked = await browser.get(f"{base}/balance/{way}?amount=12.5")
    assert "$12.50" in asked.text
    form = {"key": hidden(asked, "key"), "cents": hidden(asked, "cents")}
    answers = await asyncio.gather(
        *(browser.post(f"{base}/balance/{way}", **form) for _ in range(3))
    )
    assert {answer.status_code for answer in answers} == {303}
    assert await held(rich) == after
    assert 'role="status"' in (await browser.get(answers[0].headers["location"])).text
    entries = await database.fetch(
        lambda db: audit.list_page(db, rich.business_id, act=f"balance.{way}", limit=5)
    )
    assert len([entry for entry in entries if entry.actor.startswith("operator:op_")]) == 1


async def test_more_than_there_is_is_said_before_and_refused_after(
    browser: Browser, database: Database, rich: TestBusiness
) -> None:
    base = await signed_in(browser, database, rich)
    for way, there in (("fund", "$50.00"), ("defund", "$100.00")):
        asked = await browser.get(f"{base}/balance/{way}?amount=100.01")
        assert asked.status_code == 422
        assert f"holds {there}" in asked.text
        assert 'value="100.01"' in asked.text
        late = await browser.post(f"{base}/balance/{way}", key=f"form:{way}", cents="10001")
        assert late.status_code == 409
        assert "Nothing was moved." in late.text
    assert await held(rich) == (10_000, 5_000)


@pytest.mark.parametrize("amount", ["", "1.234,50", "1,5", "-1", "0", "ten", "1e2", "\x00"])
async def test_an_ambiguous_amount_is_said_beside_the_field(
    browser: Browser, database: Database, rich: TestBusiness, amount: str
) -> None:
    base = await signed_in(browser, database, rich)
    answer = await browser.client.get(f"{base}/balance/fund", params={"amount": amount})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text


async def test_forms_without_amount_or_key_and_of_other_sites_move_nothing(
    browser: Browser, database: Database, rich: TestBusiness
) -> None:
    base = await signed_in(browser, database, rich)
    for form in ({}, {"cents": "100"}, {"cents": "-1", "key": "form:1"}, {"key": "form:1"}):
        answer = await browser.post(f"{base}/balance/fund", **form)
        assert answer.status_code in (400, 409), form
    elsewhere = await browser.client.post(
        f"{base}/balance/fund",
        data={"key": "form:1", "cents": "1"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert elsewhere.status_code == 403
    assert await held(rich) == (10_000, 5_000)


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_moves_money_as_the_table_says(
    browser: Browser, database: Database, rich: TestBusiness, role: Role
) -> None:
    base = await signed_in(browser, database, rich, role)
    page = await browser.get(f"{base}/balance")
    assert page.status_code == 200
    may = "balance.fund" in RIGHTS[role]
    assert ('name="amount"' in page.text) == may
    for way in ("fund", "defund"):
        answer = await browser.post(f"{base}/balance/{way}", key=f"form:{way}", cents="100")
        assert answer.status_code == (303 if may else 403)
    assert len(await movements(rich)) == (4 if may else 2)


async def movements(business: TestBusiness) -> list[dict[str, Any]]:
    answer = await business.client.get("/payout/history?limit=100")
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


async def test_another_organizations_balance_is_not_there(
    browser: Browser, database: Database, rich: TestBusiness, make_business: Any
) -> None:
    await signed_in(browser, database, await make_business())
    theirs = base_of(rich)
    for tail in ("", "/statement.csv", "/fund?amount=1", "/defund?amount=1"):
        assert (await browser.get(f"{theirs}/balance{tail}")).status_code == 404
    for way in ("fund", "defund"):
        answer = await browser.post(f"{theirs}/balance/{way}", key="form:1", cents="1")
        assert answer.status_code == 404
    assert await held(rich) == (10_000, 5_000)


async def test_the_statement_says_the_balances_that_the_ledger_had(
    browser: Browser, database: Database, rich: TestBusiness
) -> None:
    base = await signed_in(browser, database, rich)
    desk = Desk.of(rich)
    ada = await desk.user(4_000)
    await desk.withdraw(ada, 1_000)
    page = await browser.get(f"{base}/balance")
    assert '<caption class="visually-hidden">Statement</caption>' in page.text
    assert amounts(page.text) == [
        ["$10.00"],  # reserved for the order: neither balance moved
        ["$40.00", "$60.00"],
        ["$100.00", "$100.00", "$50.00"],
        ["$150.00", "$150.00"],
    ]


async def test_it_is_filtered_by_kind_day_reference_order_and_person(
    browser: Browser, database: Database, rich: TestBusiness
) -> None:
    base = await signed_in(browser, database, rich)
    desk = Desk.of(rich)
    ada = await desk.user(4_000)
    await desk.user(500, "bob@example.com")
    order = await desk.withdraw(ada, 1_000)
    await database.write(treasury.deposit, rich.business_id, 700, "Caf\u00e9 7", "test")

    async def found(**query: str) -> list[str]:
        answer = await browser.client.get(f"{base}/balance", params=query)
        assert answer.status_code == 200, query
        return [row[0] for row in amounts(answer.text)]

    everything = ["$7.00", "$10.00", "$5.00", "$40.00", "$100.00", "$150.00"]
    assert await found() == everything
    assert await found(kind="deposit") == ["$7.00", "$150.00"]
    assert await found(kind="allocation", search="bob@example.com") == ["$5.00"]
    assert await found(search=" Ada@example.com ") == ["$10.00", "$40.00"]
    assert await found(search=ids.show(ids.USER, ada)) == ["$10.00", "$40.00"]
    assert await found(search=ids.show(ids.ORDER, order.id)) == ["$10.00"]
    assert await found(search="Cafe\u0301 7") == ["$7.00"]
    assert await found(search="opening", kind="deposit") == ["$150.00"]
    for nothing in ("nobody@example.com", "opening%", ids.show(ids.ORDER, uuid4())):
        assert await found(search=nothing) == []
    assert await found(**{"from": "2000-01-01", "to": "9998-12-31"}) == everything
    assert await found(to="2000-01-01") == []
    assert await found(kind="nonsense", after="trf_0") == []


@pytest.mark.parametrize(
    "query",
    [
        {"from": "yesterday"},
        {"to": "9999-12-31"},
        {"from": "2026-02-02", "to": "2026-02-01"},
        {"search": "a\x00b"},
        {"search": "x" * 501},
    ],
)
async def test_a_filter_that_is_none_is_said_beside_its_field(
    browser: Browser, database: Database, rich: TestBusiness, query: dict[str, str]
) -> None:
    base = await signed_in(browser, database, rich)
    answer = await browser.client.get(f"{base}/balance", params=query)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    download = await browser.client.get(f"{base}/balance/statement.csv", params=query)
    assert download.status_code == 303


async def test_it_goes_on_page_by_page_and_the_file_holds_all_that_matches(
    browser: Browser, database: Database, rich: TestBusiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payviox.web.movements.PAGE", 20)
    base = await signed_in(browser, database, rich)
    items = [{"email": f"p{number}@example.com", "amount": number} for number in range(1, 53)]
    answer = await rich.client.post("/payout/batch", json={"items": items})
    assert answer.status_code < 300, answer.text
    first = await browser.get(f"{base}/balance?kind=allocation")
    older = first.text.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    second = await browser.get(html.unescape(older))
    assert [len(amounts(first.text)), len(amounts(second.text))] == [50, 2]
    file = await browser.get(f"{base}/balance/statement.csv?kind=allocation")
    assert file.headers["content-disposition"] == 'attachment; filename="statement.csv"'
    rows = list(csv.DictReader(io.StringIO(file.text)))
    assert sorted(int(row["amount"]) for row in rows) == list(range(1, 53))


async def test_what_strangers_wrote_is_shown_as_text(
    browser: Browser, database: Database, rich: TestBusiness
) -> None:
    base = await signed_in(browser, database, rich)
    await database.write(treasury.deposit, rich.business_id, 1, "<script>1</script>", "test")
    page = await browser.get(f"{base}/balance?search=%22%3E%3Cscript%3E")
    assert "<script>" not in page.text.replace('<script type="module"', "")
    everything = await browser.get(f"{base}/balance")
    assert "&lt;script&gt;1&lt;/script&gt;" in everything.text


async def test_going_back_after_a_lost_answer_and_pressing_again_moves_nothing_more(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "finance")
    before = await business.ledger()
    form = await browser.get(f"{base}/balance")
    asked = f"{base}/balance/fund?amount=12.50&key={hidden(form, 'key')}"
    for _ in range(2):  # the browser asks for the confirmation anew
        page = await browser.get(asked)
        sent = {name: hidden(page, name) for name in ("key", "cents")}
        assert (await browser.post(f"{base}/balance/fund", **sent)).status_code == 303
    assert (await business.ledger())["payout"] == before["payout"] + 1_250
    again = await browser.get(f"{base}/balance")
    assert hidden(again, "key") != hidden(form, "key"), "another form is another wish"


async def test_going_back_to_a_payment_of_one_person_pays_them_once(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "finance")
    user = await Desk.of(business).user(1_000)
    person = f"{base}/users/{ids.show(ids.USER, user)}"
    form = await browser.get(f"{person}/add-funds")
    asked = f"{person}/add-funds?amount=7.50&key={hidden(form, 'key')}"
    for _ in range(2):
        page = await browser.get(asked)
        sent = {name: hidden(page, name) for name in ("key", "cents")}
        assert (await browser.post(f"{person}/add-funds", **sent)).status_code == 303
    assert (await business.ledger())["ada@example.com"] == 1_750
