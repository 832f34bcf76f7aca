"""Files of gift cards sent to a page: CSV or Excel, by the same rules as pasted lines, bounded,
followed to their end, their bad lines downloaded, and no code of them anywhere but in the stock."""

import io
import re
from datetime import date
from typing import Any

import httpx
import openpyxl
import pytest

from payviox import ids
from payviox.db.pool import Database
from payviox.giftcards import file_imports, service
from payviox.giftcards.queries import file_imports as queries
from payviox.money import MAX_ALLOCATION
from payviox.rights.roles import RIGHTS, ROLES, Role
from payviox.web import request_body
from support.businesses import TestBusiness, open_business
from support.dashboard import Browser, base_of, heading, signed_in
from support.giftcards import HEADER, csv_of

pytestmark = pytest.mark.anyio

SAME = {"Sec-Fetch-Site": "same-origin"}
SECRET = "SECRET-CODE-4711"


@pytest.fixture
async def shop(database: Database) -> TestBusiness:
    return await open_business(database)


@pytest.fixture
async def base(browser: Browser, database: Database, shop: TestBusiness) -> str:
    return await signed_in(browser, database, shop, "finance")


async def send(browser: Browser, base: str, content: bytes, name: str) -> httpx.Response:
    return await browser.client.post(
        f"{base}/gift-cards/import/file",
        files={"file": (name, content, "text/csv")},
        headers=SAME,
    )


async def available(shop: TestBusiness) -> int:
    stock = await shop.database.fetch(service.stock, shop.business_id)
    return sum(product.available for product in stock)


def workbook(*rows: list[Any]) -> bytes:
    book = openpyxl.Workbook()
    for row in (HEADER.split(","), *rows):
        book.active.append(row)
    book.save(written := io.BytesIO())
    return written.getvalue()


async def test_a_csv_file_is_imported_and_its_bad_lines_are_downloaded_without_what_they_hold(
    browser: Browser, shop: TestBusiness, base: str
) -> None:
    text = csv_of(["A-1", "A-2", "A-1"]) + f"Shop,Shop,USA,{SECRET},,25,USD,2500,\n{SECRET}\n"
    answer = await send(browser, base, text.encode(), "may.csv")
    assert answer.status_code == 303, answer.text
    page = await browser.get(answer.headers["location"])
    assert heading(page) == "Import may.csv"
    assert "2 cards were added to the stock." in page.text
    assert "5 of 5 lines." in page.text
    assert await available(shop) == 2
    file = await browser.get(f"{answer.headers['location']}/problems.csv")
    assert file.text.splitlines() == [
        '"Line","Why it was not imported"',
        '5,"the country must be its 2-letter ISO code"',
        '6,"1 fields where the header has 9"',
    ]
    again = await send(browser, base, text.encode(), "C:\\may.csv")
    page = await browser.get(again.headers["location"])
    assert "0 cards were added to the stock." in page.text
    assert await available(shop) == 2
    listed = await browser.get(f"{base}/gift-cards/import")
    assert listed.text.count("may.csv</bdi>") == 2
    for kept in (page, file, listed):
        assert SECRET not in kept.text
    written = await shop.scalar(
        "SELECT string_agg(reason, ' ') FROM gift_card_import_problems WHERE business_id = %s",
        shop.business_id,
    )
    assert SECRET not in str(written)


async def test_an_excel_file_is_imported_by_the_same_rules_and_codes_made_numbers_are_refused(
    browser: Browser, shop: TestBusiness, base: str
) -> None:
    good = ["Shop 25", "Shop", "US", "B-1", "0071", 25, "USD", 2500, date(2099, 12, 31)]
    content = workbook(
        good,
        [*good[:3], 4711, *good[4:]],
        [*good[:3], "B-2", 71, *good[5:]],
        [*good[:3], "B-3", None, 25.5, "USD", "2500"],
        [*good[:3], '=CONCATENATE("B","4")', *good[4:]],
        [*good[:7], 25.5],
    )
    answer = await send(browser, base, content, "may.xlsx")
    page = await browser.get(answer.headers["location"])
    assert "2 cards were added to the stock." in page.text
    assert await available(shop) == 2
    problems = await browser.get(f"{answer.headers['location']}/problems.xlsx")
    rows = list(openpyxl.load_workbook(io.BytesIO(problems.content)).active.values)[1:]
    lost = "is a number in this spreadsheet and may have lost digits: make the column text"
    assert rows == [
        (3, f"the code {lost}"),
        (4, f"the pin {lost}"),
        (6, "the code is a spreadsheet's formula"),
        (7, f"the price must be US cents, a whole number from 1 to {MAX_ALLOCATION}"),
    ]
    expires = await shop.scalar(
        "SELECT max(expires_on) FROM gift_cards WHERE business_id = %s", shop.business_id
    )
    assert expires == date(2099, 12, 31)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a,b\n1,2\n", "The first line must name the columns"),
        (b"\xd0\xcf\x11\xe0 old", "This is an old Excel file"),
        (b"PK\x03\x04 no zip", "This is no Excel workbook that can be read"),
        (b"", "The file is empty"),
        (f"{HEADER}\n".encode() + b"x\n" * 20_001, "more than 20,000 lines"),
        (b"x" * 5_000_001, "larger than 5 MB"),
    ],
)
async def test_a_file_that_cannot_be_used_is_refused_by_name(
    browser: Browser, shop: TestBusiness, base: str, content: bytes, says: str
) -> None:
    answer = await send(browser, base, content, "may.csv")
    if answer.status_code == 303:
        answer = await browser.get(answer.headers["location"])
    else:
        assert answer.status_code == 422
    assert says in answer.text
    assert await available(shop) == 0


async def test_more_bytes_than_the_edge_reads_are_refused_on_the_page(
    browser: Browser, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_body, "MAX_UPLOAD", 1_000)
    answer = await send(browser, base, b"x" * 2_000, "may.csv")
    assert (answer.status_code, heading(answer)) == (422, "Import gift cards")
    assert "larger than 5 MB" in answer.text


async def test_an_import_whose_process_ended_says_so_and_is_forgotten_in_time(
    browser: Browser, shop: TestBusiness, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await shop.database.write(
        file_imports.receive, shop.business_id, "may.csv", b"x", "test"
    )
    address = f"{base}/gift-cards/imports/{ids.show(ids.CARD_IMPORT, made)}"
    page = await browser.get(address)
    assert 'hx-trigger="every' in page.text
    assert "The file is being read." in page.text
    await shop.database.write(
        lambda db: db.execute("UPDATE gift_card_imports SET seen_at = now() - interval '2 minutes'")
    )
    page = await browser.get(address)
    assert "This import was cut off. Choose the file again" in page.text
    assert 'hx-trigger="every' not in page.text
    await shop.database.write(file_imports.forget_old)
    assert (await browser.get(address)).status_code == 200
    monkeypatch.setattr(queries, "KEPT_DAYS", -1)
    await shop.database.write(file_imports.forget_old)
    assert (await browser.get(address)).status_code == 404


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_sends_files_as_the_table_says_and_sees_how_they_went(
    browser: Browser, database: Database, shop: TestBusiness, role: Role
) -> None:
    base = await signed_in(browser, database, shop, role)
    answer = await send(browser, base, csv_of(["C-1"]).encode(), "may.csv")
    may = "gift_cards.import" in RIGHTS[role]
    assert answer.status_code == (303 if may else 403)
    assert await available(shop) == (1 if may else 0)
    made = await database.write(file_imports.receive, shop.business_id, "x", b"x", "test")
    page = await browser.get(f"{base}/gift-cards/imports/{ids.show(ids.CARD_IMPORT, made)}")
    assert page.status_code == 200


async def test_another_organizations_files_are_not_there(
    browser: Browser, database: Database, shop: TestBusiness, business_of_others: TestBusiness
) -> None:
    made = await database.write(file_imports.receive, shop.business_id, "x", b"x", "test")
    shown = ids.show(ids.CARD_IMPORT, made)
    ours = await signed_in(browser, database, business_of_others)
    for base in (ours, base_of(shop)):
        for tail in ("", "/problems.csv", "/problems.xlsx"):
            answer = await browser.get(f"{base}/gift-cards/imports/{shown}{tail}")
            assert answer.status_code == 404
    answer = await send(browser, base_of(shop), csv_of(["D-1"]).encode(), "may.csv")
    assert answer.status_code == 404
    assert await available(shop) == 0
    assert re.search("may.csv", (await browser.get(f"{ours}/gift-cards/import")).text) is None
