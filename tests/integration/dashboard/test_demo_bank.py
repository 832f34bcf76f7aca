"""The demo's way of a bank transfer, all in pages: from the recipient's form to *It has arrived*,
with the demo's own bank, which takes the file and states the accounts."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from payviox.bank.euros import Euros
from payviox.cli.demo.bank.accounts import DemoAccounts
from payviox.cli.demo.bank.server import DOLLARS_A_EURO, SETTINGS
from payviox.db.pool import Database
from payviox.rates import service as rates
from payviox.web.asgi import Application
from support.banking import PERSON, Banking
from support.businesses import TestBusiness
from support.dashboard import Browser, hidden, signed_in
from support.databases import Urls
from support.redeem import Recipient, text_of

pytestmark = pytest.mark.anyio

NAMED = {
    "sepa": {"iban": "DE89370400440532013000"},
    "ach": {
        "routing_number": "021000021",
        "account_number": "123456789",
        "account_type": "checking",
        "holder": "person",
    },
}
ARRIVES = {"sepa": "€18.51", "ach": "$20.00"}


@pytest.fixture
async def bank(business: TestBusiness, urls: Urls) -> AsyncIterator[Banking]:
    """The demo's business, and what a euro is worth there."""
    with psycopg.connect(urls.owner, autocommit=True) as owner:
        owner.execute("TRUNCATE exchange_rates")
        database = business.database
        await database.write(rates.set_fixed, "EUR", DOLLARS_A_EURO, 1, PERSON)
        yield await Banking.of(business, converter=Euros(database), **SETTINGS)
        owner.execute("TRUNCATE exchange_rates")


@pytest.fixture
async def ada(application: Application, bank: Banking) -> AsyncIterator[Recipient]:
    """Ada's browser is another one than the operator's."""
    opened = Browser.of(application)
    async with opened.client:
        yield await Recipient.of(bank.business, opened)


@pytest.mark.parametrize("scheme", ["sepa", "ach"])
async def test_a_transfer_arrives_by_the_demos_bank(
    bank: Banking,
    ada: Recipient,
    browser: Browser,
    database: Database,
    tmp_path: Path,
    scheme: str,
) -> None:
    named = {"scheme": scheme, "name": "Ada Lovelace", **NAMED[scheme]}
    order = await ada.withdraw("bank", **named, amount="20", kind="spend")
    await bank.desk.process()
    files = f"{await signed_in(browser, database, bank.business)}/bank-files"
    file = (await press(browser, f"{files}/cut/{scheme}")).partition("?")[0]
    await browser.post(f"{file}/approve")
    await press(browser, f"{file}/release")
    content = (await browser.post(f"{file}/download")).content
    theirs = DemoAccounts(tmp_path, datetime.now(UTC).date())
    assert theirs.take(content).refused is None
    theirs.end_day()
    for report in theirs.reports:
        taken = await browser.client.post(
            f"{files}/import/report",
            files={"file": (report.name, report.content, "application/xml")},
            headers={"Sec-Fetch-Site": "same-origin"},
        )
        assert taken.headers["location"].endswith("?done=taken"), report.name
    await bank.desk.process()
    receipt = text_of(await ada.browser.get(order))
    assert f"Done {ARRIVES[scheme]}" in receipt
    assert "It has arrived." in receipt
    said = await browser.get(f"{files}/imports")
    assert said.text.count("Our books and the statements are the same to the cent.") == 2
    await bank.business.ledger()  # every invariant holds


async def press(browser: Browser, address: str) -> str:
    """Confirm what a page asks; the address that this leads to."""
    question = await browser.get(address)
    done = await browser.post(address, key=hidden(question, "key"))
    assert done.status_code == 303, done.text
    return done.headers["location"]
