"""The stock of gift cards changed on pages: imported, voided, released after a restore; codes are
shown to nobody."""

from typing import Any

import pytest

from payviox import ids
from payviox.db.pool import Database
from payviox.giftcards import holds, restores, service
from payviox.giftcards.model import Stock
from payviox.rights.roles import RIGHTS, ROLES, Role
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, heading, hidden, signed_in
from support.giftcards import HEADER, csv_of, only_product

pytestmark = pytest.mark.anyio

CODES = ("SECRET-CODE-1", "SECRET-CODE-2")


async def stock(business: TestBusiness, most: int | None = None) -> list[Stock]:
    return await business.database.fetch(
        lambda db: service.stock(db, business.business_id, most=most)
    )


async def test_lines_are_imported_the_bad_ones_named_and_no_code_is_shown(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "finance")
    assert heading(await browser.get(f"{base}/gift-cards/import")) == "Import gift cards"
    text = csv_of(CODES) + "Shop 25,Shop,US,SECRET-BAD,,25.00,dollars,2500,\n"
    answer = await browser.post(f"{base}/gift-cards/import", cards=text)
    assert answer.status_code == 200
    assert "2 cards were added" in answer.text
    assert '<th scope="row">4</th>' in answer.text
    again = await browser.post(f"{base}/gift-cards/import", cards=text)
    assert "0 cards were added" in again.text
    assert "2 were there already" in again.text
    listed = await browser.get(f"{base}/gift-cards")
    assert not [page for page in (answer, again, listed) if "SECRET" in page.text]
    [only] = await stock(business)
    assert only.available == 2


@pytest.mark.parametrize("text", ["", "no,columns\n1,2\n", f'"{HEADER}'])
async def test_lines_without_columns_are_refused(
    browser: Browser, database: Database, business: TestBusiness, text: str
) -> None:
    base = await signed_in(browser, database, business)
    answer = await browser.post(f"{base}/gift-cards/import", cards=text)
    assert answer.status_code == 422
    assert await stock(business) == []


async def test_a_products_cards_are_voided_after_a_question(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business)
    await browser.post(f"{base}/gift-cards/import", cards=csv_of(CODES))
    product = await only_product(database, business.business_id)
    listed = await browser.get(f"{base}/gift-cards")
    address = f"{base}/gift-cards/{ids.show(ids.PRODUCT, product.id)}/void"
    assert address in listed.text
    question = await browser.get(address)
    assert "Void 2 cards" in question.text
    form = {"key": hidden(question, "key")}
    for _ in range(2):
        voided = await browser.post(address, **form)
        assert voided.headers["location"].endswith("?done=voided")
    [only] = await stock(business)
    assert (only.available, only.void) == (0, 2)


async def test_a_large_stock_is_counted_up_to_a_bound(
    browser: Browser, database: Database, business: TestBusiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = await signed_in(browser, database, business)
    await browser.post(f"{base}/gift-cards/import", cards=csv_of(CODES))
    assert [each.available for each in await stock(business, most=1)] == [1]
    monkeypatch.setattr(service, "MANY", 2)
    assert "1+" in (await browser.get(f"{base}/gift-cards")).text


async def test_a_held_stock_is_released_once_what_left_is_void(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business)
    await browser.post(f"{base}/gift-cards/import", cards=csv_of(CODES))
    address = f"{base}/gift-cards/after-restore"
    assert "not held" in (await browser.get(address)).text
    await database.write(restores.hold_after_restore, "test")
    assert address in (await browser.get(f"{base}/gift-cards")).text
    page = await browser.get(address)
    assert heading(page) == "Gift cards after a restore"
    voided = await browser.post(address, codes=f"{CODES[0]}\nSECRET-UNKNOWN\n")
    assert "1 taken out of the stock" in voided.text
    assert "Line 2" in voided.text
    assert "SECRET" not in voided.text
    question = await browser.get(f"{address}/release")
    key = hidden(question, "key")
    done = await browser.post(f"{address}/release", key=key)
    assert done.headers["location"].endswith("?done=released")
    assert not await database.fetch(holds.is_held, business.business_id)
    [only] = await stock(business)
    assert (only.available, only.void) == (1, 1)
    late = await browser.post(f"{address}/release", key=f"{key}x")
    assert late.status_code == 409


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_does_as_the_table_says(
    browser: Browser, database: Database, business: TestBusiness, role: Role
) -> None:
    base = await signed_in(browser, database, business, role)
    may = "gift_cards.import" in RIGHTS[role]
    listed = await browser.get(f"{base}/gift-cards")
    assert (f"{base}/gift-cards/import" in listed.text) == may
    answer = await browser.post(f"{base}/gift-cards/import", cards=csv_of(CODES))
    assert answer.status_code == (200 if may else 403)
    product = ids.show(ids.PRODUCT, ids.new())
    if may:
        product = ids.show(ids.PRODUCT, (await only_product(database, business.business_id)).id)
    voided = await browser.post(f"{base}/gift-cards/{product}/void", key="form:1")
    assert voided.status_code == (303 if may else 403)
    restore = f"{base}/gift-cards/after-restore"
    assert (await browser.post(restore, codes="x")).status_code == (409 if may else 403)
    released = await browser.post(f"{restore}/release", key="form:2")
    assert released.status_code == (409 if may else 403)


async def test_another_organizations_stock_is_not_there(
    browser: Browser, database: Database, business: TestBusiness, make_business: Any
) -> None:
    own = await signed_in(browser, database, await make_business())
    theirs = f"{base_of(business)}/gift-cards"
    product = ids.show(ids.PRODUCT, ids.new())
    for address in (
        f"{theirs}/import",
        f"{theirs}/after-restore",
        f"{own}/gift-cards/{product}/void",
    ):
        assert (await browser.get(address)).status_code == 404
    answer = await browser.post(f"{theirs}/import", cards=csv_of(CODES))
    assert answer.status_code == 404
    assert await stock(business) == []
