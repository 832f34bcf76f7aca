"""What businesses and strangers write, where payout users read it: on every page and in every mail
it is text, in a real browser, and the policy has nothing to report."""

import csv
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, get_args
from uuid import UUID

import httpx
import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from payviox.db.pool import Database
from payviox.keyring import Keyring
from payviox.languages import catalogues
from payviox.mails.model import TO_PAYOUT_USERS, Brand, Message
from payviox.mails.rendering import example, render
from payviox.smtp_server import parse_sender
from support import giftcards, live
from support.businesses import TestBusiness, open_business
from support.databases import Urls
from support.live import LiveServer
from support.recipients import come_in
from support.withdrawals import Desk

pytestmark = pytest.mark.timeout(180)

TAKEN = "document.title='taken'"
HOSTILE = (
    f"\"'></bdi></title><script>{TAKEN}</script><img src=x onerror={TAKEN}>"
    f"<a href=javascript:{TAKEN}>{{{{7*7}}}}"
)
"""What a text says that wants to be more."""
EMAIL = "o'brien+&amp@example.com"


@pytest.fixture(scope="module")
def business(prepare: Callable[..., Any]) -> TestBusiness:
    """One whose every text is hostile."""
    row = io.StringIO()
    card = (HOSTILE, HOSTILE, "US", f"code {HOSTILE}", HOSTILE, "20.00", "USD", 2_000, "")
    csv.writer(row).writerows([giftcards.HEADER.split(","), card])

    async def make(database: Database) -> TestBusiness:
        made = await open_business(database, name=HOSTILE, funds=1_000_000)
        keyring = Keyring(live.SECRET_KEY)
        await giftcards.import_text(database, keyring, made.business_id, row.getvalue())
        return made

    made: TestBusiness = prepare(make)
    return made


def shows_it_as_text(page: Page) -> None:
    """The page says what was written, and did nothing of it."""
    page.wait_for_load_state()
    assert page.title() != "taken", page.url
    assert page.locator("[src=x], [onerror], [onload], [href^='javascript:']").count() == 0
    expect(page.get_by_text("49", exact=True)).to_have_count(0)


def test_hostile_texts_are_texts_on_every_page(
    site: LiveServer,
    urls: Urls,
    business: TestBusiness,
    prepare: Callable[..., Any],
    open_page: Callable[..., Page],
) -> None:
    beside = ThreadPoolExecutor(1)  # the browser's event loop is this thread's

    def process() -> None:
        work: Any = lambda db: Desk.of(replace(business, database=db)).process()  # noqa: E731
        beside.submit(prepare, work).result()

    key = {"Authorization": f"Bearer {business.secret_key}"}
    body = {"email": EMAIL, "amount": 10_000}
    made = httpx.post(f"{site.url}/payout/create", json=body, headers=key)
    assert made.status_code == 201, made.text
    page = open_page()
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    link = f"{site.url}/redeem#{made.json()['hash']}"
    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    shows_it_as_text(page)
    come_in(page, link)
    expect(page.get_by_text(EMAIL)).to_be_visible()
    shows_it_as_text(page)

    page.goto(f"{site.url}/redeem/withdraw/gift-card")
    page.get_by_label("Search gift cards").fill(HOSTILE)
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_label("Search gift cards")).to_have_value(HOSTILE)
    shows_it_as_text(page)
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Is this right?")
    expect(page.get_by_text(HOSTILE).first).to_be_visible()
    shows_it_as_text(page)
    page.get_by_role("button", name="Confirm").click()
    shows_it_as_text(page)
    process()
    page.get_by_role("button", name="Show code").click()
    expect(page.get_by_label("Code", exact=True)).to_have_text(f"code {HOSTILE}")
    shows_it_as_text(page)

    page.goto(f"{site.url}/redeem/withdraw/crypto")
    page.get_by_label("Wallet address").fill(HOSTILE)
    page.get_by_label("Amount").fill(HOSTILE)
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_label("Amount")).to_have_value(HOSTILE)
    shows_it_as_text(page)

    with psycopg.connect(urls.owner) as owner:
        owner.execute(
            "UPDATE businesses SET review_amount = 100 WHERE id = %s", [business.business_id]
        )
    page.goto(f"{site.url}/redeem/withdraw/paypal")
    page.get_by_label("PayPal email").fill(EMAIL)
    page.get_by_label("Amount").fill("20")
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_text(EMAIL).first).to_be_visible()
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("Being reviewed")).to_be_visible()
    receipt = page.url
    page.get_by_role("button", name="Save this destination").click()
    expect(page.get_by_role("link", name=EMAIL)).to_be_visible()
    shows_it_as_text(page)
    page.goto(receipt)
    order, note = page.url.rpartition("/")[2], {"note": HOSTILE}
    path = f"{site.url}/payout/orders/{order}/reject"
    assert httpx.post(path, json=note, headers=key).is_success
    expect(page.get_by_text(HOSTILE).first).to_be_visible()
    shows_it_as_text(page)
    for path in ("history", "balance", "give-back", f"balance?done={HOSTILE}"):
        page.goto(f"{site.url}/redeem/{path}")
        shows_it_as_text(page)
    page.goto(f"{site.url}/redeem?lang={HOSTILE}")
    page.get_by_label("Link or code").fill(f"{HOSTILE}#{HOSTILE}")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("This link opens nothing")
    shows_it_as_text(page)


def test_hostile_texts_are_texts_in_every_mail(chromium: Browser) -> None:
    page = chromium.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for message in get_args(Message):
        for language in catalogues.every() if message in TO_PAYOUT_USERS else [None]:
            page.set_content(html_of(message, language))
            shows_it_as_text(page)
    assert asked == []
    page.close()


def html_of(message: Message, language: Any) -> str:
    """The mail's HTML, with every fact hostile but its links."""
    facts = hostile(example(message))
    if language is not None:
        facts |= {"brand": Brand(HOSTILE, "#1f4b99", EMAIL, is_test=True), "language": language}
    sender = parse_sender("payouts@host.test")
    mail = render(message, UUID(int=1), sender, "ada@example.com", facts)
    body = mail.get_body(("html",))
    assert body is not None
    return str(body.get_content())


def hostile(fact: Any) -> Any:
    if isinstance(fact, dict):
        return {name: each if name == "link" else hostile(each) for name, each in fact.items()}
    if isinstance(fact, list):
        return [hostile(each) for each in fact]
    return HOSTILE if isinstance(fact, str) else fact
