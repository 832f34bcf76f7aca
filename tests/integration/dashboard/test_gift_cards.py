"""The stock of gift cards on its page: counted by state, low and held stock said, no code shown."""

import html
import re

import pytest

from payviox.db.pool import Database
from payviox.giftcards import holds, restores, service
from payviox.keyring import Keyring
from payviox.rights.roles import ROLES, Role
from support.businesses import TestBusiness, open_business
from support.dashboard import Browser, base_of, heading, signed_in
from support.giftcards import WorkedStock, csv_of, import_text, insert_order, only_product

pytestmark = pytest.mark.anyio

KEYRING = Keyring("the secret key of these tests, long enough")


def rows(text: str) -> list[str]:
    """The texts of the rows of the table *Stock*."""
    body = text.partition(">Stock</caption>")[2].partition("<tbody>")[2].partition("</tbody>")[0]
    plain = [re.sub(r"<[^>]+>", " ", row) for row in body.split("</tr>")[:-1]]
    return [" ".join(html.unescape(row).split()) for row in plain]


@pytest.fixture
async def shop(database: Database) -> TestBusiness:
    """Four cards of one product, with an alert level of two."""
    business = await open_business(database)
    await business.set(low_stock=2)
    codes = [f"SECRET-{number}" for number in range(4)]
    await import_text(database, KEYRING, business.business_id, csv_of(codes))
    return business


async def take(shop: TestBusiness, to: str) -> None:
    """One card goes to an order; it is delivered, or only reserved so far."""
    product = await only_product(shop.database, shop.business_id)
    ready, _ = await insert_order(shop.database, shop.business_id, product)
    if to == "delivered":
        await WorkedStock(shop.database).submit(ready, f"ord_{ready.order_id}.1")
        return
    await shop.database.write(
        lambda db: db.execute(
            "UPDATE gift_cards SET status = 'reserved', reference = 'r', order_id = %s WHERE id ="
            " (SELECT id FROM gift_cards WHERE business_id = %s AND status = 'available' LIMIT 1)",
            [ready.order_id, shop.business_id],
        )
    )


async def test_cards_are_counted_by_state_and_no_code_is_shown(
    browser: Browser, database: Database, shop: TestBusiness
) -> None:
    base = await signed_in(browser, database, shop, "viewer")
    page = await browser.get(f"{base}/gift-cards")
    assert heading(page) == "Gift cards"
    assert rows(page.text) == ["Shop 25 Shop , US, 25.00 USD enough 4 0 0 0 0 $25.00"]
    assert "low or sold out" not in page.text
    assert "after-restore" not in page.text
    await take(shop, "delivered")
    await take(shop, "reserved")
    page = await browser.get(f"{base}/gift-cards")
    assert rows(page.text) == ["Shop 25 Shop , US, 25.00 USD enough 2 1 1 0 0 $25.00"]
    assert "SECRET" not in page.text


async def test_low_and_sold_out_products_are_said_here_and_at_home(
    browser: Browser, database: Database, shop: TestBusiness
) -> None:
    base = await signed_in(browser, database, shop)
    await shop.set(low_stock=5)
    page = await browser.get(f"{base}/gift-cards")
    assert "USD low 4 0" in rows(page.text)[0]
    assert "1 product is low or sold out. Import more cards." in page.text
    home = await browser.get(base)
    assert f'href="{base}/gift-cards">Import more cards.' in home.text
    product = await only_product(database, shop.business_id)
    await database.write(service.void_product, shop.business_id, product.id, "test")
    page = await browser.get(f"{base}/gift-cards")
    assert "USD sold out 0 0 0 0 4" in rows(page.text)[0]


async def test_a_stock_that_is_held_after_a_restore_leads_to_what_ends_it(
    browser: Browser, database: Database, shop: TestBusiness
) -> None:
    base = await signed_in(browser, database, shop)
    await database.write(restores.hold_after_restore, "test")
    page = await browser.get(f"{base}/gift-cards")
    assert "The stock is held: no card is delivered." in page.text
    assert f'href="{base}/gift-cards/after-restore"' in page.text
    await database.write(holds.release, shop.business_id, "test")
    page = await browser.get(f"{base}/gift-cards")
    assert "after-restore" not in page.text


@pytest.mark.parametrize("role", ROLES)
async def test_every_role_sees_the_stock_and_no_other_organization_does(
    browser: Browser, database: Database, shop: TestBusiness, role: Role
) -> None:
    other = await open_business(database)
    base = await signed_in(browser, database, other, role)
    page = await browser.get(f"{base}/gift-cards")
    assert "There are no gift cards." in page.text
    assert (await browser.get(f"{base_of(shop)}/gift-cards")).status_code == 404


async def test_what_a_file_called_a_product_is_shown_as_text(
    browser: Browser, database: Database, shop: TestBusiness
) -> None:
    base = await signed_in(browser, database, shop)
    text = csv_of(["SECRET-X"], name="<script>1</script>")
    await import_text(database, KEYRING, shop.business_id, text)
    page = await browser.get(f"{base}/gift-cards")
    assert "&lt;script&gt;1&lt;/script&gt;" in page.text
    assert "<script>1" not in page.text
