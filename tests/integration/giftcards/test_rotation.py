"""Gift cards under a changing secret key."""

import asyncio

import pytest

from payviox.db.pool import Database
from payviox.errors import SettingsError
from payviox.giftcards import service
from payviox.giftcards.rotation import CHUNK, reencrypt
from payviox.keyring import DecryptionFailed, Keyring
from support.businesses import TestBusiness, open_business
from support.databases import Urls
from support.giftcards import (
    WorkedStock,
    csv_of,
    import_text,
    insert_order,
    only_product,
    succeed,
)

pytestmark = pytest.mark.anyio

OLD = "the key that everything was written with"
NEW = "the key that comes after it, as long as"
BEFORE = Keyring(OLD)
ROTATING = Keyring(NEW, (OLD,))
AFTER = Keyring(NEW)
CODES = [f"CODE-{number:05}" for number in range(CHUNK + 100)]


@pytest.fixture
async def shop(fresh_urls: Urls) -> TestBusiness:
    database = Database(fresh_urls.application)
    await database.open()
    try:
        shop = await open_business(database)
        await import_text(database, BEFORE, shop.business_id, csv_of(CODES))
        yield shop
    finally:
        await database.close()


async def keys(shop: TestBusiness) -> dict[str, int]:
    found = await shop.scalar(
        "SELECT jsonb_object_agg(key_id, n) FROM"
        " (SELECT key_id, count(*) AS n FROM gift_cards GROUP BY key_id) AS counts"
    )
    return dict(found)


async def test_a_rotation_that_is_interrupted_is_resumed_and_nothing_is_lost(
    shop: TestBusiness,
) -> None:
    class StoppedError(Exception):
        pass

    def interrupt(done: int, total: int) -> None:
        assert (done, total) == (CHUNK, len(CODES))
        raise StoppedError

    with pytest.raises(StoppedError):
        await reencrypt(shop.database, ROTATING, interrupt)
    assert await keys(shop) == {AFTER.current.id: CHUNK, BEFORE.current.id: 100}

    sums = await import_text(shop.database, ROTATING, shop.business_id, csv_of(CODES))
    assert (sums.imported, sums.duplicates) == (0, len(CODES)), "while rotating"

    told: list[tuple[int, int]] = []
    assert await reencrypt(shop.database, ROTATING, lambda *sums: told.append(sums)) == 100
    assert told == [(100, 100)]
    assert await keys(shop) == {AFTER.current.id: len(CODES)}
    assert await reencrypt(shop.database, AFTER, lambda *_: None) == 0

    sums = await import_text(shop.database, AFTER, shop.business_id, csv_of([*CODES, "new"]))
    assert (sums.imported, sums.duplicates) == (1, len(CODES)), "after the old key is gone"
    product = await only_product(shop.database, shop.business_id)
    order, owner = await insert_order(shop.database, shop.business_id, product)
    await WorkedStock(shop.database).submit(order, "r")
    await succeed(shop.database, order)
    card = await shop.database.write(service.reveal, AFTER, shop.business_id, owner, order.order_id)
    assert (card.code, card.pin) == (CODES[0], f"pin of {CODES[0]}")


async def test_cards_are_sold_while_their_key_is_rotated(shop: TestBusiness) -> None:
    product = await only_product(shop.database, shop.business_id)
    rail = WorkedStock(shop.database)
    orders = [(await insert_order(shop.database, shop.business_id, product))[0] for _ in range(30)]
    rotating = asyncio.create_task(reencrypt(shop.database, ROTATING, lambda *_: None))
    outcomes = [await rail.submit(order, str(number)) for number, order in enumerate(orders)]
    assert {outcome.state for outcome in outcomes} == {"succeeded"}
    assert await rotating == len(CODES)
    assert await keys(shop) == {AFTER.current.id: len(CODES)}


async def test_a_card_imported_twice_under_two_keys_leaves_stock_when_they_meet(
    shop: TestBusiness,
) -> None:
    sums = await import_text(shop.database, AFTER, shop.business_id, csv_of(CODES[:2]))
    assert sums.imported == 2, "a process that does not know the old key cannot see them"
    await reencrypt(shop.database, ROTATING, lambda *_: None)
    (stock,) = await shop.database.fetch(service.stock, shop.business_id)
    assert (stock.available, stock.void) == (len(CODES), 2)


async def test_a_rotation_without_the_old_key_says_which_is_missing(shop: TestBusiness) -> None:
    with pytest.raises(SettingsError, match=BEFORE.current.id):
        await reencrypt(shop.database, AFTER, lambda *_: None)


async def test_a_code_that_was_changed_stops_the_rotation_and_is_named(
    shop: TestBusiness, fresh_urls: Urls
) -> None:
    with fresh_urls.as_admin() as admin:
        row = admin.execute(
            "UPDATE gift_cards SET code = set_byte(code, 20, get_byte(code, 20) # 1)"
            " WHERE id = (SELECT max(id::text)::uuid FROM gift_cards) RETURNING id"
        ).fetchone()
    assert row is not None
    with pytest.raises(DecryptionFailed, match=str(row[0])):
        await reencrypt(shop.database, ROTATING, lambda *_: None)
    assert await keys(shop) == {AFTER.current.id: CHUNK, BEFORE.current.id: 100}
