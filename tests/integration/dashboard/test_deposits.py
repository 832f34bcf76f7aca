"""Deposits on pages: booked once for each reference, corrected once each and with a reason, by who
may, with fresh proof, and by two people over a threshold."""

import asyncio
import html
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from payviox import ids
from payviox.audit import service as audit
from payviox.db.pool import Database
from payviox.rights.roles import RIGHTS, ROLES, Role
from payviox.treasury import service as treasury
from payviox.web.asgi import Application
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, heading, hidden, make_stale, signed_in

pytestmark = pytest.mark.anyio


@pytest.fixture
async def rich(make_business: Any) -> TestBusiness:
    """A business whose one deposit, `opening`, of $150.00 was funded but for $50.00."""
    opened: TestBusiness = await make_business(funds=10_000, main=5_000)
    return opened


@pytest.fixture
async def base(browser: Browser, database: Database, rich: TestBusiness) -> str:
    return await signed_in(browser, database, rich, "finance")


@pytest.fixture
async def other(application: Application) -> AsyncIterator[Browser]:
    """A second person's browser."""
    opened = Browser.of(application)
    async with opened.client:
        yield opened


def lines(answer: httpx.Response) -> list[str]:
    """The texts of the rows of the table *Deposits*."""
    body = answer.text.partition("<tbody>")[2].partition("</tbody>")[0]
    plain = [re.sub(r"<[^>]+>", " ", row) for row in body.split("</tr>")[:-1]]
    return [" ".join(html.unescape(row).split()) for row in plain]


def form_of(answer: httpx.Response) -> dict[str, str]:
    """The fields of the page's confirmation."""
    form = answer.text[answer.text.index('<form class="row"') :].partition("</form>")[0]
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form)
    return {html.unescape(name): html.unescape(text) for name, text in found}


async def correcting(browser: Browser, base: str) -> str:
    """Where the latest deposit is corrected."""
    page = await browser.get(f"{base}/balance/deposits")
    found = re.search(r'href="([^"]*/correct)"', page.text)
    assert found is not None, page.text
    return found[1]


async def approve(browser: Browser, base: str) -> None:
    """Approve what waits, as another person."""
    waiting = await browser.get(f"{base}/approvals")
    approval = re.search(r"apr_[0-9a-f-]{36}", waiting.text)
    assert approval is not None
    done = await browser.post(f"{base}/approvals/{approval[0]}/approve")
    assert done.status_code == 303, done.text


async def acts(database: Database, business: TestBusiness, act: str) -> int:
    entries = await database.fetch(
        lambda db: audit.list_page(db, business.business_id, act=act, limit=50)
    )
    return len([entry for entry in entries if entry.actor.startswith("operator:")])


async def main_of(business: TestBusiness) -> int:
    return int((await business.ledger())["main"])


async def test_a_deposit_is_booked_once_however_often_it_is_sent(
    browser: Browser, database: Database, rich: TestBusiness, base: str
) -> None:
    asked = await browser.get(f"{base}/balance/deposit?amount=1,000.50&reference=bank+1")
    assert heading(asked) == "Book a deposit"
    for part in ("$1,000.50", "bank 1", "$1,050.50"):
        assert part in asked.text, part
    answers = await asyncio.gather(
        *(browser.post(f"{base}/balance/deposit", **form_of(asked)) for _ in range(3))
    )
    assert {answer.status_code for answer in answers} == {303}
    assert await main_of(rich) == 105_050
    again = await browser.get(f"{base}/balance/deposit?amount=1000.50&reference=bank+1")
    refused = await browser.post(f"{base}/balance/deposit", **form_of(again))
    assert refused.status_code == 409
    assert "booked already. Nothing was booked." in refused.text
    another = await browser.get(f"{base}/balance/deposit?amount=1&reference=bank+1")
    refused = await browser.post(f"{base}/balance/deposit", **form_of(another))
    assert refused.status_code == 409
    assert await main_of(rich) == 105_050
    assert await acts(database, rich, "balance.deposit") == 1
    listed = await browser.get(answers[0].headers["location"])
    assert "The deposit is in the main balance." in listed.text
    assert lines(listed)[0].startswith("bank 1")
    assert lines(listed)[1].startswith("opening test $150.00")


async def test_a_mistyped_deposit_is_corrected_once_and_its_correction_stands_beside_it(
    browser: Browser, database: Database, rich: TestBusiness, base: str
) -> None:
    address = await correcting(browser, base)
    form = await browser.get(address)
    assert "$150.00" in form.text
    asked = await browser.get(f"{address}?amount=12.50&reason=typed+twice")
    assert "$37.50" in asked.text
    answers = [await browser.post(address, **form_of(asked)) for _ in range(2)]
    assert {answer.status_code for answer in answers} == {303}
    assert await main_of(rich) == 3_750
    listed = await browser.get(answers[0].headers["location"])
    assert "$12.50 taken back, $137.50 stay typed twice" in lines(listed)[0]
    assert "/correct" not in listed.text
    late = await browser.post(address, **form_of(asked) | {"key": "form:late"})
    assert late.status_code == 409
    assert "was corrected already" in late.text
    assert "was corrected already" in (await browser.get(address)).text
    assert await main_of(rich) == 3_750
    assert await acts(database, rich, "balance.withdraw_funds") == 1
    reference = await rich.scalar(
        "SELECT reference FROM transfers WHERE business_id = %s AND kind = 'funds_withdrawal'",
        rich.business_id,
    )
    assert reference == "opening"


async def test_more_than_was_deposited_or_is_there_is_taken_by_nobody(
    browser: Browser, database: Database, rich: TestBusiness, base: str
) -> None:
    await database.write(treasury.deposit, rich.business_id, 100, "small", "test")
    address = await correcting(browser, base)
    for tail in ("amount=1.01&reason=r", "amount=1", "amount=x&reason=r", "amount=1&reason=%00"):
        answer = await browser.get(f"{address}?{tail}")
        assert answer.status_code == 422, tail
        assert 'aria-invalid="true"' in answer.text
    late = await browser.post(address, key="form:1", cents="101", reason="r")
    assert late.status_code == 409
    assert "$1.00 were deposited, and no more. Nothing was booked." in late.text
    withdraw = f"{base}/balance/withdraw"
    assert (await browser.get(f"{withdraw}?amount=51.01&reference=a&reason=b")).status_code == 422
    for number in (1, 2):
        form = {"cents": "5000", "reference": f"back {number}", "reason": "closed"}
        answer = await browser.post(withdraw, key=f"form:w{number}", **form)
        assert answer.status_code == (303 if number == 1 else 409)
    assert "Move money back from the payout balance first" in answer.text
    assert await main_of(rich) == 100
    nothing = await browser.post(withdraw, key="form:4", cents="1", reference="", reason="r")
    assert nothing.status_code == 400


async def test_over_the_threshold_deposits_and_corrections_wait_for_a_second_person(
    browser: Browser, database: Database, rich: TestBusiness, base: str, other: Browser
) -> None:
    await rich.set(second_person_amount=1_000)
    address = await correcting(browser, base)
    asked = await browser.get(f"{address}?amount=20&reason=typed+twice")
    answer = await browser.post(address, **form_of(asked))
    assert answer.headers["location"].endswith("/approvals?done=asked")
    assert await main_of(rich) == 5_000
    theirs = await signed_in(other, database, rich, "finance")
    await approve(other, theirs)
    assert await main_of(rich) == 3_000
    assert "$20.00 taken back" in lines(await browser.get(f"{base}/balance/deposits"))[0]
    asked = await browser.get(f"{base}/balance/deposit?amount=10.01&reference=bank+1")
    answer = await browser.post(f"{base}/balance/deposit", **form_of(asked))
    assert answer.headers["location"].endswith("/approvals?done=asked")
    assert await main_of(rich) == 3_000
    await approve(other, theirs)
    assert await main_of(rich) == 4_001


async def test_a_stale_session_books_and_takes_nothing_until_it_is_proved(
    browser: Browser, database: Database, rich: TestBusiness, base: str
) -> None:
    correction = await correcting(browser, base)
    await make_stale(browser, database)
    for address, fields in (
        (f"{base}/balance/deposit", {"reference": "r"}),
        (f"{base}/balance/withdraw", {"reference": "r", "reason": "r"}),
        (correction, {"reason": "r"}),
    ):
        answer = await browser.post(address, key=f"form:{address[-9:]}", cents="100", **fields)
        assert (answer.status_code, heading(answer)) == (403, "Confirm that it is you")
        assert hidden(answer, "form.cents") == "100"
    assert await main_of(rich) == 5_000


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_sees_deposits_and_books_them_as_the_table_says(
    browser: Browser, database: Database, rich: TestBusiness, role: Role
) -> None:
    base = await signed_in(browser, database, rich, role)
    page = await browser.get(f"{base}/balance/deposits")
    assert (page.status_code, heading(page)) == (200, "Deposits")
    may = "balance.deposit" in RIGHTS[role]
    assert ("Book a deposit" in page.text, "Correct…" in page.text) == (may, may)
    fields = {"key": "form:1", "cents": "100", "reference": "r", "reason": "r"}
    answer = await browser.post(f"{base}/balance/deposit", **fields)
    assert answer.status_code == (303 if may else 403)
    assert await main_of(rich) == (5_100 if may else 5_000)


async def test_another_organizations_deposits_are_not_there(
    browser: Browser, database: Database, rich: TestBusiness, business_of_others: TestBusiness
) -> None:
    deposit = await rich.scalar(
        "SELECT max(id) FROM transfers WHERE business_id = %s AND kind = 'deposit'",
        rich.business_id,
    )
    shown = ids.show(ids.TRANSFER, str(deposit))
    ours = await signed_in(browser, database, business_of_others)
    for base in (base_of(rich), ours):
        address = f"{base}/balance/deposits/{shown}/correct"
        assert (await browser.get(address)).status_code == 404
        form = {"key": "form:1", "cents": "1", "reason": "r"}
        assert (await browser.post(address, **form)).status_code == 404
    assert (await browser.get(f"{base_of(rich)}/balance/deposits")).status_code == 404
    assert (await browser.get(f"{ours}/balance/deposits/trf_x/correct")).status_code == 404
    assert await main_of(rich) == 5_000
