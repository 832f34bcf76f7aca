"""A statement that proves itself, at its edges too, and files of it for accounting."""

import csv
import io
import itertools
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import openpyxl
import pytest

from payviox.db.pool import Database
from payviox.ledger import statements
from payviox.treasury import service as treasury
from support.ageing import set_back
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, heading, signed_in
from support.databases import Urls
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
async def moved(make_business: Any, urls: Urls) -> TestBusiness:
    """Ten transfers, one a day from noon on the tenth of March: money came in, was set aside,
    allocated, taken back, withdrawn."""
    business: TestBusiness = await make_business(funds=10_000, main=5_000)
    desk = Desk.of(business)
    ada = await desk.user(4_000)
    await desk.withdraw(ada, 1_000)
    await desk.process()
    write, business_id = business.database.write, business.business_id
    await write(treasury.defund, business_id, 700, "test")
    await write(treasury.deposit, business_id, 123, "=1+1", "test")
    await write(treasury.fund, business_id, 300, "test")
    business.tampered = True
    with urls.as_admin() as admin:
        admin.execute(
            "UPDATE transfers t SET created_at ="
            " (%s::timestamptz AT TIME ZONE 'UTC' + make_interval(days => n.at)) AT TIME ZONE 'UTC'"
            " FROM (SELECT id, (row_number() OVER (ORDER BY id) - 1)::integer AS at FROM transfers"
            "       WHERE business_id = %s) n WHERE t.business_id = %s AND t.id = n.id",
            [NOON, business_id, business_id],
        )
    return business


def day(number: int) -> str:
    return (NOON + number * DAY).date().isoformat()


async def history(business: TestBusiness) -> list[dict[str, Any]]:
    """Every transfer, oldest first."""
    answer = await business.client.get("/payout/history?limit=100")
    found: list[dict[str, Any]] = answer.json()["data"]
    return found[::-1]


def held(moves: list[dict[str, Any]], account: str) -> int:
    """What these transfers leave on an account."""
    came = sum(each["amount"] for each in moves if each["to"] == account)
    return int(came) - int(sum(each["amount"] for each in moves if each["from"] == account))


@pytest.mark.parametrize("account", ["payout", "main"])
async def test_opening_rows_and_closing_fit_for_every_period(
    database: Database, moved: TestBusiness, account: statements.OwnAccount
) -> None:
    moves = await history(moved)
    for first in range(len(moves)):
        for last in range(first, len(moves)):
            since = NOON + first * DAY - DAY / 2
            until = NOON + last * DAY + DAY / 2
            period = await database.fetch(
                statements.period, moved.business_id, account, since, until
            )
            rows = await database.fetch(statements.list_rows, moved.business_id, period, 0, 100)
            sums = await database.fetch(statements.sums_by_kind, moved.business_id, period)
            assert sums is not None
            assert period.opening == held(moves[:first], account)
            assert period.closing == held(moves[: last + 1], account)
            assert len(rows) == period.number == sum(each.number for each in sums)
            net = sum(each.came - each.went for each in sums)
            assert period.opening + net == period.closing
            assert [row.id for row in rows] == sorted(row.id for row in rows)


async def test_what_was_held_at_any_moment_is_what_the_ledger_had_then(
    database: Database, moved: TestBusiness
) -> None:
    moves = await history(moved)
    for number in range(-1, len(moves)):
        at = NOON + number * DAY
        found = await database.fetch(statements.balances_at, moved.business_id, at)
        before = moves[: number + 1]
        assert found == {"payout": held(before, "payout"), "main": held(before, "main")}


async def test_a_transfer_whose_clock_was_behind_is_in_one_period_and_all_fits(
    database: Database, moved: TestBusiness, urls: Urls
) -> None:
    with urls.as_admin() as admin:
        admin.execute(
            f"UPDATE transfers SET created_at = {set_back('created_at', 1.5 * DAY)}"
            " WHERE business_id = %(b)s AND id ="
            " (SELECT max(id) FROM transfers WHERE business_id = %(b)s AND kind = 'defund')",
            {"b": moved.business_id},
        )
    periods = [
        await database.fetch(
            statements.period,
            moved.business_id,
            "main",
            NOON + number * DAY - DAY / 2,
            NOON + number * DAY + DAY / 2,
        )
        for number in range(12)
    ]
    for earlier, later in itertools.pairwise(periods):
        assert (earlier.last, earlier.closing) == (later.first, later.opening)
    assert sum(each.number for each in periods) == periods[-1].last


async def test_the_page_says_that_it_fits_and_what_came_and_went(
    browser: Browser, database: Database, moved: TestBusiness
) -> None:
    base = await signed_in(browser, database, moved, "viewer")
    page = await browser.get(
        f"{base}/balance/period?account=payout&from={day(0)}&to={day(30)}&at={day(2)}T00:00"
    )
    assert heading(page) == "Statement of a period"
    assert "it fits" in page.text
    books = await moved.ledger()
    assert f"${books['payout'] / 100:.2f}" in page.text
    assert "Balances at that moment" in page.text
    held = page.text.partition('id="held"')[2].partition("</table>")[0]
    cells = re.findall(r">([^<$]?\$[0-9,.]+)<", held)
    cents = [int(re.sub(r"[^0-9]", "", cell)) * (1 if cell[0] == "$" else -1) for cell in cells]
    assert len(cents) >= 4
    assert sum(cents) == 0
    assert "Moved back" in page.text
    empty = await browser.get(f"{base}/balance/period?from=2020-01-01&to=2020-01-31")
    assert "Nothing moved in this period." in empty.text


@pytest.mark.parametrize(
    "query",
    [
        "from=x",
        "to=9999-12-31",
        "from=2026-02-02&to=2026-02-01",
        "at=noon",
        "from=0001-01-01T00:00%2B14:00",
        "from=2026-02-02T10:00&to=2026-02-02T10:00",
    ],
)
async def test_what_is_no_period_is_said_beside_its_field(
    browser: Browser, database: Database, business: TestBusiness, query: str
) -> None:
    base = await signed_in(browser, database, business, "viewer")
    answer = await browser.get(f"{base}/balance/period?{query}")
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    file = await browser.get(f"{base}/balance/period/statement.csv?{query}")
    assert file.status_code == 303


async def test_a_period_may_run_from_one_minute_to_another(
    browser: Browser, database: Database, moved: TestBusiness
) -> None:
    """The transfers of the first three noons, but not that of the fourth."""
    base = await signed_in(browser, database, moved, "viewer")
    query = f"account=payout&from={day(0)}T12:00&to={day(3)}T12:00"
    page = await browser.get(f"{base}/balance/period?{query}")
    assert "it fits" in page.text
    assert 'type="datetime-local" value="' + f"{day(3)}T12:00" in page.text
    text = (await browser.get(f"{base}/balance/period/journal-transfers.csv?{query}")).text
    moves = await history(moved)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["transfer"] for row in rows] == [each["id"] for each in moves[:3]]
    days = re.search(r'href="([^"]+)">By days<', page.text)
    assert days is not None
    assert f"from={day(0)}&amp;to={day(3)}" in days[1]


async def test_a_moment_that_is_still_to_come_is_said_beside_its_field(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "viewer")
    answer = await browser.get(f"{base}/balance/period?at=9000-01-01T00:00")
    assert answer.status_code == 422
    assert "This moment is still to come." in answer.text


async def test_the_files_statement_runs_from_opening_to_closing_as_csv_and_excel(
    browser: Browser, database: Database, moved: TestBusiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payviox.dashboard.balance.period.FILE_PAGE", 2)
    base = await signed_in(browser, database, moved, "viewer")
    query = f"account=main&from={day(0)}&to={day(30)}"
    text = (await browser.get(f"{base}/balance/period/statement.csv?{query}")).text
    rows = list(csv.DictReader(io.StringIO(text)))
    balance = Decimal(rows[0]["balance"])
    for row in rows[1:-2]:
        balance += Decimal(row["came"] or 0) - Decimal(row["went"] or 0)
        assert Decimal(row["balance"]) == balance
    assert Decimal(rows[-1]["balance"]) == balance
    assert [row["what"] for row in (rows[0], rows[-2], rows[-1])] == [
        "opening balance",
        "total",
        "closing balance",
    ]
    assert "'=1+1" in text
    monkeypatch.setattr("payviox.web.sheets.MOST_ROWS", 1)
    whole = (await browser.get(f"{base}/balance/period/statement.csv?{query}")).text
    assert whole == text, "however long it is, the file reaches its closing balance"
    monkeypatch.setattr("payviox.dashboard.balance.period.MOST_IN_EXCEL", 1)
    page = (await browser.get(f"{base}/balance/period?{query}")).text
    assert ("statement.csv" in page, "statement.xlsx" in page) == (True, False)
    monkeypatch.undo()
    file = await browser.get(f"{base}/balance/period/statement.xlsx?{query}")
    cells = list(openpyxl.load_workbook(io.BytesIO(file.content)).active.values)
    assert len(cells) == len(rows) + 1
    assert cells[-1][5] == pytest.approx(float(balance))


async def test_journals_have_equal_debits_and_credits_by_day_and_name_each_transfer(
    browser: Browser, database: Database, moved: TestBusiness
) -> None:
    base = await signed_in(browser, database, moved, "viewer")
    query = f"from={day(0)}&to={day(30)}"
    days = list(
        csv.DictReader(
            io.StringIO((await browser.get(f"{base}/balance/period/journal-days.csv?{query}")).text)
        )
    )
    total = days.pop()
    for side in ("debit", "credit"):
        assert sum(Decimal(row[side]) for row in days) == Decimal(total[side])
    assert total["debit"] == total["credit"]
    assert {row["account"] for row in days} >= {"main", "payout", "payout_users", "world"}
    moves = await history(moved)
    text = (await browser.get(f"{base}/balance/period/journal-transfers.csv?{query}")).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["transfer"] for row in rows] == [each["id"] for each in moves]
    assert [Decimal(row["amount"]) * 100 for row in rows] == [each["amount"] for each in moves]


async def test_the_list_of_everything_has_an_orders_steps_once_and_its_search_all(
    browser: Browser, database: Database, moved: TestBusiness
) -> None:
    base = await signed_in(browser, database, moved, "viewer")
    everything = (await browser.get(f"{base}/balance")).text
    order = await moved.scalar("SELECT id FROM orders WHERE business_id = %s", moved.business_id)
    rail_id = await moved.scalar("SELECT rail_order_id FROM orders WHERE id = %s", order)
    table = everything.partition("<tbody>")[2]
    assert "Settled" in table
    assert ">Fee<" not in table.replace("\n", "")
    for search in (f"ord_{order}", f"ord_{order}.1", str(rail_id)):
        answer = await browser.client.get(f"{base}/balance", params={"search": search})
        assert answer.text.count('<th scope="row"') >= 2, search
        assert "Reserved for an order" in answer.text
    sheet = await browser.get(f"{base}/balance/statement.xlsx?kind=deposit")
    cells = list(openpyxl.load_workbook(io.BytesIO(sheet.content)).active.values)
    assert len(cells) == 3


async def test_another_organizations_period_is_not_there(
    browser: Browser, database: Database, moved: TestBusiness, business_of_others: TestBusiness
) -> None:
    await signed_in(browser, database, business_of_others, "owner")
    theirs = base_of(moved)
    for tail in ("", "/statement.csv", "/journal-days.xlsx", "/journal-transfers.csv"):
        assert (await browser.get(f"{theirs}/balance/period{tail}")).status_code == 404
    assert (await browser.get(f"{theirs}/balance/statement.xlsx")).status_code == 404
