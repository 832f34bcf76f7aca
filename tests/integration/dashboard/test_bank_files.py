"""Bank files on pages: cut, approved by two, released, downloaded, and settled by a statement."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from payviox import ids
from payviox.bank.queries import files as files_queries
from payviox.db.pool import Database
from payviox.rights.roles import RIGHTS, ROLES, Role
from payviox.web.asgi import Application
from support.banking import ACCOUNT_NUMBER, Banking, answer, entry, rejected, statement
from support.businesses import TestBusiness
from support.dashboard import Browser, heading, hidden, make_stale, signed_in

pytestmark = pytest.mark.anyio

SAME = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def banking(business: TestBusiness) -> Banking:
    return await Banking.of(business)


@pytest.fixture
async def second(application: Application) -> AsyncIterator[Browser]:
    """Another person's browser."""
    opened = Browser.of(application)
    async with opened.client:
        yield opened


async def press(browser: Browser, address: str) -> httpx.Response:
    """Confirm what a page asks."""
    question = await browser.get(address)
    assert question.status_code == 200, question.text
    return await browser.post(address, key=hidden(question, "key"))


async def send(browser: Browser, base: str, content: bytes) -> httpx.Response:
    return await browser.client.post(
        f"{base}/bank-files/import/report",
        files={"file": ("november.xml", content, "application/xml")},
        headers=SAME,
    )


async def test_a_file_goes_from_what_waits_to_a_settled_order(
    browser: Browser, database: Database, banking: Banking
) -> None:
    order = await banking.order(2_500)
    await banking.settled(order)
    base = await signed_in(browser, database, banking.business)
    listed = await browser.get(f"{base}/bank-files")
    assert heading(listed) == "Bank files"
    assert "1 payment" in listed.text
    assert "For somebody to cut a file." in (await browser.get(f"{base}/bank-files/waiting")).text
    made = await press(browser, f"{base}/bank-files/cut/ach")
    file, _, done = made.headers["location"].partition("?")
    for page in (f"{base}/bank-files/waiting", file):
        assert (await browser.get(f"{page}?after=%00")).status_code == 200, "no database holds it"
    assert done == "done=cut"
    page = await browser.get(file)
    assert "$25.00" in page.text
    approved = await browser.post(f"{file}/approve")
    assert approved.headers["location"].endswith("done=approved")
    early = await browser.post(f"{file}/download")
    assert early.status_code == 409
    released = await press(browser, f"{file}/release")
    assert released.headers["location"].endswith("done=released")
    copies = [await browser.post(f"{file}/download") for _ in range(2)]
    assert copies[0].content == copies[1].content
    assert ACCOUNT_NUMBER.encode() in copies[0].content
    assert "attachment" in copies[0].headers["content-disposition"]
    payment = await banking.payment(order)
    content = statement([entry(payment, ref="1")], opening=10_000, closing=7_500)
    taken = await send(browser, base, content)
    assert taken.status_code == 303, taken.text
    report = await browser.get(taken.headers["location"])
    assert "matched" in report.text
    assert payment.end_to_end_id in report.text
    again = await send(browser, base, content)
    assert again.headers["location"].endswith("done=repeated")
    assert (await banking.settled(order)).status == "succeeded"
    settled = await browser.get(file)
    assert "The bank has booked all of it." in settled.text
    for shown in (listed, page, settled, report, await browser.get(f"{base}/bank-files/imports")):
        assert ACCOUNT_NUMBER not in shown.text


async def test_where_the_business_asks_for_two_people_one_signs_and_another_approves(
    browser: Browser, second: Browser, database: Database, banking: Banking
) -> None:
    await banking.business.set(second_person_amount=100)
    await banking.settled(await banking.order(2_500))
    base = await signed_in(browser, database, banking.business, "finance")
    await signed_in(second, database, banking.business, "approver")
    made = await press(browser, f"{base}/bank-files/cut/ach")
    file = made.headers["location"].partition("?")[0]
    assert "Another person has to approve it." in (await browser.get(file)).text
    own = await browser.post(f"{file}/approve")
    assert own.headers["location"].endswith("done=signed")
    assert (await browser.post(f"{file}/release", key="form:1")).status_code == 409
    approved = await second.post(f"{file}/approve")
    assert approved.headers["location"].endswith("done=approved")
    assert "Approved by" in (await browser.get(file)).text
    assert (await second.post(f"{file}/release", key="form:2")).status_code == 403


async def test_a_canceled_file_lets_its_payments_wait_again(
    browser: Browser, database: Database, banking: Banking
) -> None:
    order = await banking.order(2_500)
    await banking.settled(order)
    base = await signed_in(browser, database, banking.business)
    made = await press(browser, f"{base}/bank-files/cut/ach")
    file = made.headers["location"].partition("?")[0]
    canceled = await press(browser, f"{file}/cancel")
    assert canceled.headers["location"] == f"{base}/bank-files?done=canceled"
    assert (await banking.payment(order)).status == "waiting"
    assert (await browser.post(f"{file}/release", key="form:1")).status_code == 409


async def test_releasing_asks_for_proof_of_who_one_is(
    browser: Browser, database: Database, banking: Banking
) -> None:
    await banking.settled(await banking.order(2_500))
    file = await banking.approve(await banking.file())
    base = await signed_in(browser, database, banking.business)
    await make_stale(browser, database)
    address = f"{base}/bank-files/{ids.show(ids.BANK_FILE, file.id)}"
    asked = await press(browser, f"{address}/release")
    assert asked.status_code != 303 or "prove" in asked.headers["location"]
    assert (await banking.look(file)).status == "approved"


async def test_importing_asks_for_proof_of_who_one_is(
    browser: Browser, database: Database, banking: Banking
) -> None:
    base = await signed_in(browser, database, banking.business)
    await make_stale(browser, database)
    form = await browser.get(f"{base}/bank-files/import")
    assert form.status_code == 303
    assert "prove" in form.headers["location"]
    sent = await send(browser, base, statement([], opening=0, closing=0))
    assert "imports" not in sent.headers.get("location", "")
    rows = await banking.business.rows("SELECT id FROM bank_imports WHERE business_id = %s")
    assert rows == []


async def test_a_report_that_gives_back_much_is_imported_by_two_on_pages(
    browser: Browser, second: Browser, database: Database, banking: Banking
) -> None:
    order = await banking.order(2_500)
    await banking.settled(order)
    file = await banking.released()
    await banking.business.set(second_person_amount=100)
    base = await signed_in(browser, database, banking.business, "finance")
    await signed_in(second, database, banking.business, "finance")
    forged = answer(file, payments=[rejected(await banking.payment(order), "AC04")])
    listed = await browser.get((await send(browser, base, forged)).headers["location"])
    assert "It waits for a second person." in listed.text
    assert "$25.00" in listed.text
    at = listed.text.index("/approvals/apr_")
    address = base + listed.text[at : at + len("/approvals/apr_") + 36]
    own = await browser.get(address)
    assert "You started this." in own.text
    assert "Import the same file" not in own.text
    theirs = await second.get(address)
    assert f'href="{base}/bank-files/import"' in theirs.text
    pressed = await second.post(f"{address}/approve")
    assert pressed.status_code == 409
    assert "Import the same file" in pressed.text
    assert (await banking.settled(order)).status == "sent"
    mine = await send(browser, base, forged)
    assert mine.status_code == 409
    report = await second.get((await send(second, base, forged)).headers["location"])
    assert "The file is taken." in report.text
    assert (await banking.settled(order)).status == "failed"


async def test_that_a_file_is_not_at_the_bank_two_people_say_on_its_page(
    browser: Browser, second: Browser, database: Database, banking: Banking
) -> None:
    await banking.settled(await banking.order(2_500))
    file = await banking.approve(await banking.file())
    lost = {"way": "folder", "step": "person"}
    await database.write(lambda db: files_queries.update(db, file, lost))
    await banking.business.set(second_person_amount=100)
    base = await signed_in(browser, database, banking.business, "finance")
    await signed_in(second, database, banking.business, "finance")
    page = f"{base}/bank-files/{ids.show(ids.BANK_FILE, file.id)}"
    said = await browser.get((await browser.post(f"{page}/settle", sent="no")).headers["location"])
    assert "Another person has to say so, too." in said.text
    assert "said that it has not." in (await second.get(page)).text
    assert (await browser.post(f"{page}/settle", sent="no")).status_code == 409
    done = await second.post(f"{page}/settle", sent="no")
    assert done.headers["location"].endswith("done=not_sent")
    assert (await banking.look(file)).step is None


async def test_what_a_statement_does_not_explain_is_in_suspense_and_what_is_unreadable_is_refused(
    browser: Browser, database: Database, banking: Banking
) -> None:
    order = await banking.order(2_500)
    await banking.settled(order)
    await banking.released()
    payment = await banking.payment(order)
    base = await signed_in(browser, database, banking.business)
    wrong = statement([entry(payment, ref="1", amount=2_400)], opening=10_000, closing=7_600)
    wrong = re.sub(rb"<FrToDt>.*</FrToDt>", b"", wrong)
    report = await browser.get((await send(browser, base, wrong)).headers["location"])
    assert "It is about another amount" in report.text
    assert (await banking.settled(order)).status == "sent"
    said = (await browser.get(f"{base}/bank-files/imports")).text
    assert "have what none of your payments explains" in said
    assert "the same to the cent" not in said
    assert '<span class="nowrap">2026-06-30</span>' in said
    assert "<dd>2026-06-30</dd>" in report.text
    garbage = await send(browser, base, b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>")
    assert garbage.status_code in (409, 422)
    assert 'id="file-error"' in garbage.text


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_does_as_the_table_says(
    browser: Browser, database: Database, banking: Banking, role: Role
) -> None:
    await banking.settled(await banking.order(2_500))
    file = await banking.approve(await banking.file())
    base = await signed_in(browser, database, banking.business, role)
    address = f"{base}/bank-files/{ids.show(ids.BANK_FILE, file.id)}"
    may = "bank_file.release" in RIGHTS[role]
    assert (f'href="{address}/release"' in (await browser.get(address)).text) == may
    assert (await browser.post(f"{address}/release")).status_code == (303 if may else 403)
    may = "bank_file.download" in RIGHTS[role]
    assert (await browser.post(f"{address}/download")).status_code == (200 if may else 403)
    may = "bank_file.cut" in RIGHTS[role]
    assert (await browser.post(f"{base}/bank-files/cut/ach")).status_code == (409 if may else 403)
    may = "bank_report.import" in RIGHTS[role]
    sent = await send(browser, base, statement([], opening=0, closing=0))
    assert sent.status_code == (303 if may else 403)


async def test_anothers_files_are_not_there(
    browser: Browser, database: Database, banking: Banking, make_business: Any
) -> None:
    await banking.settled(await banking.order(2_500))
    file = await banking.file()
    base = await signed_in(browser, database, await make_business())
    address = f"{base}/bank-files/{ids.show(ids.BANK_FILE, file.id)}"
    for path in ("", "/release", "/cancel"):
        assert (await browser.get(f"{address}{path}")).status_code == 404
    for path in ("/approve", "/release", "/download", "/cancel", "/settle"):
        assert (await browser.post(f"{address}{path}", sent="yes")).status_code == 404


async def test_without_a_bank_account_the_page_leads_to_rails(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business)
    page = await browser.get(f"{base}/bank-files")
    assert "No bank account is connected." in page.text
    assert f'href="{base}/rails"' in page.text
