"""A file is chosen, checked, confirmed and followed to its receipt in a real browser; the pages of
an upload on every screen."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from payviox.db.pool import Database
from support import uploads
from support.businesses import TestBusiness, open_business
from support.dashboard import PASSWORD, base_of, make_operator
from support.live import LiveServer
from support.looks import check

EMAIL = "payer@example.com"
FILE = uploads.csv_of(
    "ada@example.com,12.50,r1",
    "bob@example.com,5,r2",
    "bob@example.com,5,r2",
    "nobody,1.234," + "x" * 200,
)


@pytest.fixture(scope="module")
def business(prepare: Callable[..., Any]) -> TestBusiness:
    async def make(database: Database) -> TestBusiness:
        made = await open_business(database, funds=1_000_000)
        await make_operator(database, EMAIL, made, "finance")
        return made

    made: TestBusiness = prepare(make)
    return made


def sign_in(page: Page, site: LiveServer, business: TestBusiness) -> None:
    page.goto(f"{site.url}{base_of(business)}/allocate")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Allocate")


def check_file(page: Page, name: str, content: bytes) -> None:
    page.get_by_role("tab", name="Upload").click()
    page.get_by_label("File").set_input_files(
        [{"name": name, "mimeType": "text/csv", "buffer": content}]
    )
    page.get_by_role("button", name="Check file").click()


def test_a_file_is_followed_to_its_receipt_without_loading_the_page_again(
    site: LiveServer,
    business: TestBusiness,
    prepare: Callable[..., Any],
    open_page: Callable[..., Page],
) -> None:
    page = open_page()
    sign_in(page, site, business)
    check_file(page, "<b>may.csv", FILE)
    expect(page.get_by_text("It repeats row 3.")).to_be_visible()
    page.get_by_role("button", name="Allocate to 2 people").click()
    expect(page.get_by_text("0 of 2 paid")).to_be_visible()
    page.evaluate("window.stayed = true")
    with ThreadPoolExecutor() as pool:  # the browser's own thread has an event loop already
        work = lambda database: uploads.pay(database, business.business_id)  # noqa: E731  # once
        pool.submit(prepare, work).result()
    expect(page.get_by_text("2 of 2 paid, $17.50 of $17.50.")).to_be_visible()
    assert page.evaluate("window.stayed") is True
    expect(page.get_by_role("heading", level=1)).to_contain_text("<b>may.csv")


def test_every_page_of_an_upload_fits_and_can_be_read_aloud(
    site: LiveServer, business: TestBusiness, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    sign_in(page, site, business)
    check(page)
    check_file(page, "unknown.csv", b"Wer;Betrag\nada@example.com;12,50\n")
    expect(page.get_by_text("Which column holds what?")).to_be_visible()
    check(page)
    page.goto(f"{site.url}{base_of(business)}/allocate")
    check_file(page, "june.csv", FILE + b"carl@example.com,1,\n")
    expect(page.get_by_role("button", name="Allocate to ")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Discard this file").click()
    expect(page.get_by_role("status")).to_have_text("The file is discarded. Nothing was allocated.")
    check(page)
