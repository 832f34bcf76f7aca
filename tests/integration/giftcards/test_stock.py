"""The stock of gift cards against real PostgreSQL: imports, binding, reveals, alerts."""

import io
import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID

import anyio
import pytest
import structlog

from payviox import ids
from payviox.db.pool import Database
from payviox.errors import NotFound
from payviox.giftcards import importing, service
from payviox.giftcards.csv_file import read_cards
from payviox.giftcards.importing import Imported
from payviox.giftcards.model import BadLine, Product
from payviox.giftcards.rail import StockRail
from payviox.giftcards.sealing import earlier_fingerprints
from payviox.giftcards.service import NothingToReveal
from payviox.keyring import DecryptionFailed, Keyring
from payviox.rails.orders import Invalid, Request
from support import lock_waits
from support.businesses import TestBusiness, open_business
from support.citus import one_server
from support.databases import Urls
from support.giftcards import (
    HEADER,
    WorkedStock,
    csv_of,
    import_text,
    insert_order,
    only_product,
    succeed,
)
from support.polling import eventually

pytestmark = pytest.mark.anyio

KEYRING = Keyring("the secret key of these tests, long enough")


@pytest.fixture
async def shop(database: Database) -> TestBusiness:
    return await open_business(database)


@pytest.fixture
def rail(database: Database) -> WorkedStock:
    return WorkedStock(database)


async def fill(shop: TestBusiness, count: int, prefix: str = "CODE") -> None:
    codes = [f"{prefix}-{number:04}" for number in range(count)]
    sums = await import_text(shop.database, KEYRING, shop.business_id, csv_of(codes))
    assert (sums.imported, sums.duplicates, sums.bad) == (count, 0, [])


def asking(shop: TestBusiness, product: object, **amount: int) -> Request:
    return Request(shop.business_id, "gift_card", {"product": product}, **amount)


async def test_the_same_file_again_imports_only_what_is_missing(shop: TestBusiness) -> None:
    await fill(shop, 3)
    text = csv_of(["CODE-0001", "code 0002", "new", "NEW"])
    sums = await import_text(shop.database, KEYRING, shop.business_id, text)
    assert (sums.imported, sums.duplicates) == (1, 3)


@pytest.mark.parametrize("code", ["CODE-1", "CODE.1"])
async def test_the_same_card_at_another_price_is_a_duplicate(shop: TestBusiness, code: str) -> None:
    for price, imported in ((2_500, 1), (2_400, 0)):
        text = csv_of([code], price=price, name="Shop card")
        sums = await import_text(shop.database, KEYRING, shop.business_id, text)
        assert (sums.imported, sums.duplicates) == (imported, 1 - imported)
    prices = await shop.rows("SELECT price FROM gift_card_products WHERE business_id = %s")
    assert prices == [(2_500,)], "a product without a card was made"


async def test_another_business_may_have_the_same_code(shop: TestBusiness) -> None:
    await fill(shop, 1)
    other = await open_business(shop.database)
    await fill(other, 1)


async def test_good_lines_are_imported_and_bad_ones_named_over_many_chunks(
    shop: TestBusiness,
) -> None:
    rows = csv_of([f"C{number}" for number in range(1_200)]).splitlines()
    rows[700] = "only,three,fields"
    rows[1_100] = rows[1_100].removesuffix(",") + ",2020-01-01"
    sums = await import_text(shop.database, KEYRING, shop.business_id, "\n".join(rows))
    assert sums.imported == 1_198
    assert sums.bad == [
        BadLine(701, "3 fields where the header has 9"),
        BadLine(1_101, "the card has expired"),
    ]


async def test_a_file_whose_long_codes_a_spreadsheet_rounded_is_no_stock(
    shop: TestBusiness,
) -> None:
    """A number of a spreadsheet has 15 digits: two cards of 16 may be one code now."""
    lost = [f"{number}0" for number in range(123_456_789_012_340, 123_456_789_012_345)]
    sums = await import_text(shop.database, KEYRING, shop.business_id, csv_of([*lost, "SHORT"]))
    assert (sums.imported, sums.duplicates) == (1, 0)
    assert {line.line for line in sums.bad} == {2, 3, 4, 5, 6}
    assert all("was rounded by a spreadsheet" in line.reason for line in sums.bad)
    many = [f"{number}0" for number in range(123_456_789_000_000, 123_456_789_000_501)]
    sums = await import_text(shop.database, KEYRING, shop.business_id, csv_of(many))
    assert (sums.imported, len(sums.bad)) == (0, 501), "the last is of another chunk"
    for sound in (lost[:4], [*lost, "1234567890123456"]):
        sums = await import_text(shop.database, KEYRING, shop.business_id, csv_of(sound))
        assert sums.bad == []


async def test_two_imports_of_one_file_at_once_store_each_card_once(shop: TestBusiness) -> None:
    codes = [f"C{number}" for number in range(600)]
    imported = []

    async def one(order: list[str]) -> None:
        sums = await import_text(shop.database, KEYRING, shop.business_id, csv_of(order))
        imported.append(sums.imported)

    async with anyio.create_task_group() as group:
        for order in (codes, codes[::-1], codes):
            group.start_soon(one, order)
    assert sum(imported) == 600
    assert (
        await shop.scalar(
            "SELECT count(*) FROM gift_cards WHERE business_id = %s", shop.business_id
        )
        == 600
    )


async def test_a_quote_is_the_price_and_nothing_else(shop: TestBusiness, rail: WorkedStock) -> None:
    await fill(shop, 1)
    product = await only_product(shop.database, shop.business_id)
    for wanted in ({"amount": 2_500}, {"net_amount": 2_500}):
        quote = await rail.quote(asking(shop, product.shown_id, **wanted))
        assert (quote.amount, quote.fees, quote.net_amount) == (2_500, 0, 2_500)
        assert quote.destination == {
            "product": product.shown_id,
            "brand": "Shop",
            "name": "Shop 25",
            "country": "US",
            "currency": "USD",
            "face_value": 2_500,
        }
    ready = await rail.validate(ids.new(), quote, asking(shop, product.shown_id, amount=1), "a@b.c")
    assert (ready.amount, ready.destination) == (2_500, quote.destination)


@pytest.mark.parametrize(
    ("product", "amount", "field"),
    [
        (None, {"amount": 1}, "gift_card.product"),
        (5, {"amount": 1}, "gift_card.product"),
        ("prd_x", {"amount": 1}, "gift_card.product"),
        (ids.show(ids.PRODUCT, UUID(int=7)), {"amount": 1}, "gift_card.product"),
        ("real", {"amount": 2_499}, "amount"),
        ("real", {"net_amount": 1}, "net_amount"),
    ],
)
async def test_what_is_no_product_or_not_its_price_is_invalid(
    shop: TestBusiness, rail: WorkedStock, product: object, amount: dict[str, int], field: str
) -> None:
    await fill(shop, 1)
    real = (await only_product(shop.database, shop.business_id)).shown_id
    with pytest.raises(Invalid) as refused:
        await rail.quote(asking(shop, real if product == "real" else product, **amount))
    assert list(refused.value.fields) == [field]


async def test_another_business_cannot_see_or_order_the_product(
    shop: TestBusiness, rail: WorkedStock
) -> None:
    await fill(shop, 1)
    product = await only_product(shop.database, shop.business_id)
    other = await open_business(shop.database)
    assert await shop.database.fetch(service.catalogue, other.business_id) == []
    with pytest.raises(Invalid):
        await rail.quote(asking(other, product.shown_id, amount=2_500))
    order, _ = await insert_order(shop.database, other.business_id, product)
    assert (await rail.submit(order, "r1")).state == "not_sent"


async def test_200_orders_at_once_for_100_cards_get_each_card_once(
    shop: TestBusiness, rail: WorkedStock
) -> None:
    await fill(shop, 100)
    product = await only_product(shop.database, shop.business_id)
    orders = [(await insert_order(shop.database, shop.business_id, product))[0] for _ in range(200)]
    states: list[str] = []

    async def submit(number: int) -> None:
        outcome = await rail.submit(orders[number], f"r{number}")
        states.append(outcome.state)
        assert outcome.waiting == (None if outcome.state == "succeeded" else "out_of_stock")

    async with anyio.create_task_group() as group:
        for number in range(200):
            group.start_soon(submit, number)
    assert (states.count("succeeded"), states.count("not_sent")) == (100, 100)
    query = (
        "SELECT count(DISTINCT (id, order_id, reference)) FROM gift_cards"
        " WHERE business_id = %s AND status = 'delivered'"
    )
    assert await shop.scalar(query, shop.business_id) == 100
    product = await only_product(shop.database, shop.business_id)
    assert not product.available


async def test_one_order_asked_for_many_times_at_once_gets_one_card(
    shop: TestBusiness, rail: WorkedStock
) -> None:
    await fill(shop, 20)
    product = await only_product(shop.database, shop.business_id)
    order, _ = await insert_order(shop.database, shop.business_id, product)
    async with anyio.create_task_group() as group:
        for number in range(12):
            # The same attempt, and later ones of the same order.
            group.start_soon(rail.submit, order, f"{order.order_id}.{1 + number // 6}")
    delivered = "SELECT count(*) FROM gift_cards WHERE business_id = %s AND status <> 'available'"
    assert await shop.scalar(delivered, shop.business_id) == 1
    outcome = await rail.look_up(order, f"{order.order_id}.1")
    assert outcome.state == "succeeded"
    assert outcome.details == {
        "brand": "Shop",
        "country": "US",
        "currency": "USD",
        "face_value": 2_500,
    }
    assert (await rail.look_up(order, "another")).state == "succeeded"


async def test_a_reference_never_heard_of_is_not_found(
    shop: TestBusiness, rail: WorkedStock
) -> None:
    await fill(shop, 1)
    product = await only_product(shop.database, shop.business_id)
    order, _ = await insert_order(shop.database, shop.business_id, product)
    assert (await rail.look_up(order, "r")).state == "not_found"


async def test_a_card_held_by_a_transaction_that_fails_is_not_taken_for_sold(
    shop: TestBusiness, rail: WorkedStock
) -> None:
    await fill(shop, 1)
    product = await only_product(shop.database, shop.business_id)
    order, _ = await insert_order(shop.database, shop.business_id, product)
    outcomes = []

    async def submit() -> None:
        outcomes.append(await rail.submit(order, "r"))

    async with anyio.create_task_group() as group, shop.database.read() as holding:
        await holding.execute("BEGIN")
        await holding.execute(
            "SELECT FROM gift_cards WHERE business_id = %s FOR UPDATE", [shop.business_id]
        )
        group.start_soon(submit)
        await eventually(lambda: shop.database.fetch(lock_waits.waiting))
        await holding.execute("ROLLBACK")
    assert outcomes[0].state == "succeeded"


async def test_expired_cards_are_never_delivered_and_the_next_to_expire_goes_first(
    shop: TestBusiness, rail: WorkedStock, urls: Urls
) -> None:
    for code, expiry in (("never", ""), ("late", "2999-12-31"), ("soon", "2998-12-31")):
        text = csv_of([code], expiry=expiry)
        await import_text(shop.database, KEYRING, shop.business_id, text)
    text = csv_of(["gone"], expiry="2997-12-31")
    await import_text(shop.database, KEYRING, shop.business_id, text)
    with urls.as_admin() as admin:
        admin.execute(
            "UPDATE gift_cards SET expires_on = current_date - 1"
            " WHERE business_id = %s AND expires_on = '2997-12-31'",
            [shop.business_id],
        )
    product = await only_product(shop.database, shop.business_id)
    got = []
    for number in range(4):
        order, user_id = await insert_order(shop.database, shop.business_id, product)
        outcome = await rail.submit(order, f"r{number}")
        if outcome.state == "succeeded":
            await succeed(shop.database, order)
            card = await shop.database.write(
                lambda db, u=user_id, o=order: service.reveal(  # type: ignore[misc]
                    db, KEYRING, shop.business_id, u, o.order_id
                )
            )
            got.append(card.code)
    assert got == ["soon", "late", "never"]
    (stock,) = await shop.database.fetch(service.stock, shop.business_id)
    assert (stock.available, stock.expired, stock.delivered) == (0, 1, 3)


async def test_a_card_that_soon_expires_is_not_delivered_and_counts_as_expired(
    shop: TestBusiness, rail: WorkedStock
) -> None:
    today = datetime.now(UTC).date()
    for days in (0, 6, 7):
        text = csv_of([f"in {days} days"], expiry=str(today + timedelta(days=days)))
        await import_text(shop.database, KEYRING, shop.business_id, text)
    product = await only_product(shop.database, shop.business_id)
    states = []
    for reference in ("r1", "r2"):
        order, _ = await insert_order(shop.database, shop.business_id, product)
        states.append((await rail.submit(order, reference)).state)
    assert states == ["succeeded", "not_sent"]
    (stock,) = await shop.database.fetch(service.stock, shop.business_id)
    assert (stock.available, stock.expired, stock.delivered) == (0, 2, 1)


@pytest.mark.parametrize("status", ["queued", "canceled", "unknown"])
async def test_a_late_call_delivers_nothing_to_an_order_that_is_not_being_sent(
    shop: TestBusiness, status: str
) -> None:
    await fill(shop, 1)
    product = await only_product(shop.database, shop.business_id)
    order, _ = await insert_order(shop.database, shop.business_id, product, status=status)
    late = await StockRail(shop.database).submit(order, f"ord_{order.order_id}.1")
    assert late.state == "unknown"
    product = await only_product(shop.database, shop.business_id)
    assert product.available


async def test_a_call_under_another_attempts_reference_delivers_nothing(
    shop: TestBusiness, rail: WorkedStock
) -> None:
    product = await _sold_out(shop)
    order, _ = await insert_order(shop.database, shop.business_id, product)
    assert (await rail.submit(order, "second")).state == "not_sent"
    await fill(shop, 1, "NEW")
    assert (await StockRail(shop.database).submit(order, "first")).state == "unknown"
    assert (await StockRail(shop.database).submit(order, "second")).state == "succeeded"


async def _sold_out(shop: TestBusiness) -> Product:
    await fill(shop, 1)
    product = await only_product(shop.database, shop.business_id)
    await shop.database.write(service.void_product, shop.business_id, product.id, "op")
    return product


async def test_only_the_owner_of_a_succeeded_order_sees_the_code_and_each_reveal_is_recorded(
    shop: TestBusiness, rail: WorkedStock
) -> None:
    await fill(shop, 2)
    product = await only_product(shop.database, shop.business_id)
    order, owner = await insert_order(shop.database, shop.business_id, product)
    waiting, _ = await insert_order(shop.database, shop.business_id, product, user_id=owner)
    _, stranger = await insert_order(shop.database, shop.business_id, product)
    await rail.submit(order, "r1")
    await succeed(shop.database, order)
    await rail.submit(waiting, "r2")

    async def reveal(user_id: object, order_id: object, business: TestBusiness = shop) -> object:
        return await shop.database.write(
            service.reveal,
            KEYRING,
            business.business_id,
            user_id,
            order_id,  # type: ignore[arg-type]
        )

    card = await reveal(owner, order.order_id)
    assert (card.code, card.pin) == ("CODE-0000", "pin of CODE-0000")  # type: ignore[attr-defined]
    assert "CODE" not in repr(card)
    await reveal(owner, order.order_id)
    with pytest.raises(NotFound):
        await reveal(stranger, order.order_id)
    with pytest.raises(NotFound):
        await reveal(owner, order.order_id, await open_business(shop.database))
    with pytest.raises(NothingToReveal):
        await reveal(owner, waiting.order_id)

    reveals = (
        "SELECT array_agg(r.gift_card_id = c.id) FROM gift_card_reveals r"
        " LEFT JOIN gift_cards c USING (business_id, order_id)"
        " WHERE r.business_id = %s AND r.order_id = %s"
    )
    assert await shop.scalar(reveals, shop.business_id, order.order_id) == [True, True]
    assert await shop.scalar(reveals, shop.business_id, waiting.order_id) is None


@pytest.mark.parametrize(
    "change",
    [
        "code = set_byte(code, 20, get_byte(code, 20) # 1)",
        "code = (SELECT o.code FROM gift_cards o WHERE o.id <> c.id LIMIT 1)",
        "pin = code",
        "code = ''",
    ],
)
@one_server
async def test_a_code_changed_or_moved_in_the_database_is_not_shown(
    shop: TestBusiness, rail: WorkedStock, urls: Urls, change: str
) -> None:
    await fill(shop, 2)
    product = await only_product(shop.database, shop.business_id)
    order, owner = await insert_order(shop.database, shop.business_id, product)
    await rail.submit(order, "r")
    await succeed(shop.database, order)
    with urls.as_admin() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(f"UPDATE gift_cards c SET {change} WHERE order_id = %s", [order.order_id])
    with pytest.raises(DecryptionFailed):
        await shop.database.write(service.reveal, KEYRING, shop.business_id, owner, order.order_id)


async def test_low_stock_and_sold_out_are_each_told_once(
    shop: TestBusiness, rail: WorkedStock
) -> None:
    await shop.set(low_stock=3)
    await fill(shop, 4)
    product = await only_product(shop.database, shop.business_id)

    async def submit() -> None:
        order, _ = await insert_order(shop.database, shop.business_id, product)
        await rail.submit(order, str(order.order_id))

    async def alerts() -> list[str]:
        audit = (
            "SELECT coalesce(array_agg(act ORDER BY id), '{}') FROM audit_entries"
            " WHERE business_id = %s AND kind = 'alert'"
        )
        found: list[str] = await shop.scalar(audit, shop.business_id)
        return found

    async def low() -> bool:
        (stock,) = await shop.database.fetch(service.stock, shop.business_id)
        return stock.low

    with structlog.testing.capture_logs() as logged:
        await submit()
        assert not await low()
        assert await alerts() == []
        for _ in range(5):
            await submit()
        assert await alerts() == ["gift_cards.low", "gift_cards.sold_out"]
        assert await low()
        await fill(shop, 5, "MORE")
        assert not await low()
        for _ in range(3):
            await submit()
    assert await alerts() == ["gift_cards.low", "gift_cards.sold_out", "gift_cards.low"]
    assert [line["event"] for line in logged if line["log_level"] == "warning"] == [
        "gift cards are running low",
        "gift cards are sold out",
        "gift cards are running low",
    ]


async def test_voided_cards_are_never_delivered_and_delivered_ones_are_left_alone(
    shop: TestBusiness, rail: WorkedStock
) -> None:
    await fill(shop, 3)
    product = await only_product(shop.database, shop.business_id)
    order, _ = await insert_order(shop.database, shop.business_id, product)
    await rail.submit(order, "r1")
    lines = read_cards(io.BytesIO(csv_of(["CODE-0000", "CODE-0001", "unknown"]).encode()))
    count, bad = await importing.void_cards(shop.database, KEYRING, shop.business_id, lines, "test")
    assert (count, bad) == (1, [])
    (stock,) = await shop.database.fetch(service.stock, shop.business_id)
    assert (stock.available, stock.delivered, stock.void) == (1, 1, 1)
    await shop.database.write(service.void_product, shop.business_id, product.id, "test")
    order, _ = await insert_order(shop.database, shop.business_id, product)
    assert (await rail.submit(order, "r2")).state == "not_sent"


async def test_no_code_is_anywhere_in_the_database_or_the_log(
    shop: TestBusiness, rail: WorkedStock, urls: Urls, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    code, pin = "PLAINLY-SEEN-4711", "PINNED-0815"
    text = f"{HEADER}\nP,B,US,{code},{pin},1,USD,100,\nP,B,US,{code} \0,{pin},1,USD,100,\n"
    text += f"{code},P,B,US,{pin},1,USD,100,\n"
    with structlog.testing.capture_logs() as logged:
        sums = await import_text(shop.database, KEYRING, shop.business_id, text)
        assert (sums.imported, len(sums.bad)) == (1, 2)
        product = await only_product(shop.database, shop.business_id)
        order, owner = await insert_order(shop.database, shop.business_id, product)
        outcome = await rail.submit(order, "r")
        await succeed(shop.database, order)
        await rail.submit(
            (await insert_order(shop.database, shop.business_id, product))[0], "another"
        )
        await shop.database.write(service.reveal, KEYRING, shop.business_id, owner, order.order_id)
    told = f"{sums} {outcome} {logged} {caplog.text} {product}"
    with urls.as_admin() as admin:
        tables = admin.execute(
            "SELECT format('%I', relname) FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        ).fetchall()
        for (table,) in tables:
            told += str(admin.execute(f"SELECT t::text FROM {table} t").fetchall())  # type: ignore[arg-type]
    for secret in (code, pin):
        for form in (secret, secret.replace("-", "").lower(), secret.encode().hex()):
            assert form.lower() not in told.lower()


@pytest.mark.parametrize("before", [True, False])
async def test_a_code_with_another_pin_is_no_duplicate_and_neither_is_trusted(
    shop: TestBusiness, before: bool
) -> None:
    """Two cards whose numbers a spreadsheet rounded to one: in one file both are refused, and what
    was in stock before stays."""
    at = (shop.database, KEYRING, shop.business_id)
    first, second, other = (
        f"Shop 25,Shop,US,{code},{pin},25.00,USD,2500,"
        for code, pin in (("1234567890123450", "11"), ("1234-5678-9012-3450", "22"), ("Z-9", "1"))
    )
    files = [[first], [second, other]] if before else [[first, second, other]]
    sums = [await import_text(*at, "\n".join([HEADER, *lines, ""])) for lines in files]
    last = sums[-1]
    assert [line.line for line in last.bad] == ([2] if before else [2, 3])
    assert all("another PIN" in line.reason for line in last.bad)
    assert (last.imported, last.duplicates) == (1, 0)
    [stock] = await shop.database.fetch(service.stock, shop.business_id)
    assert stock.available == (2 if before else 1)


async def test_the_same_file_again_is_duplicates_however_its_codes_are_written(
    shop: TestBusiness,
) -> None:
    at = (shop.database, KEYRING, shop.business_id)
    await import_text(*at, csv_of(["ABCD-1111"]))
    text = csv_of(["ABCD-1111"])
    for written in (
        "ABCD\u200b-1111",
        "\ufeffABCD-1111",
        "ABCD\u22121111",
        "abcd_1111",
        "ABCD.1111",
    ):
        again = text.replace("US,ABCD-1111", f"US,{written}")
        assert await import_text(*at, again) == Imported(0, 1, [])


async def test_a_card_kept_by_the_earlier_rule_of_comparing_is_found(shop: TestBusiness) -> None:
    at = (shop.database, KEYRING, shop.business_id)
    kind = ("Shop", "US", "USD", 2_500)
    await import_text(*at, csv_of(["AB_CD.12"]))
    earlier, *_ = earlier_fingerprints(KEYRING, shop.business_id, kind, "AB_CD.12")
    await shop.database.write(
        lambda db: db.execute(
            "UPDATE gift_cards SET fingerprint = %s WHERE business_id = %s",
            [earlier, shop.business_id],
        )
    )
    assert await import_text(*at, csv_of(["AB_CD.12"])) == Imported(0, 1, [])
