"""Rotating the secret key: everything is brought under the new one, from wherever it stopped."""

from collections.abc import AsyncIterator

import pytest

from payviox.actors import command
from payviox.audit import service as audit
from payviox.auth import secret_keys
from payviox.auth.secret_keys import Left
from payviox.db.pool import Database
from payviox.errors import SettingsError
from payviox.keyring import Keyring
from payviox.ledger import seals
from payviox.maintenance.secret_rotation import Progress, rotate
from payviox.webhooks import settings as webhooks
from support.businesses import TestBusiness, open_business
from support.databases import Urls
from support.giftcards import csv_of, import_text

pytestmark = pytest.mark.anyio

OLD = "the key that everything was written with"
NEW = "the key that comes after it and is as long"
BEFORE, ROTATING, AFTER = Keyring(OLD), Keyring(NEW, (OLD,)), Keyring(NEW)


@pytest.fixture
async def shop(fresh_urls: Urls) -> AsyncIterator[TestBusiness]:
    """A business with three gift cards and a webhook under the old key."""
    database = Database(fresh_urls.application)
    await database.open()
    try:
        await database.write(secret_keys.check, BEFORE)
        shop = await open_business(database)
        await import_text(database, BEFORE, shop.business_id, csv_of(["A-1", "B-2", "C-3"]))
        await database.write(
            lambda db: webhooks.change(
                db, shop.business_id, {"url": None}, BEFORE, command(), allow_private=False
            )
        )
        yield shop
    finally:
        await database.close()


async def entries(shop: TestBusiness) -> list[dict[str, object]]:
    """What the audit of the business says of rotations, newest first."""
    found = await shop.database.fetch(lambda db: audit.list_of_installation(db, 50))
    return [entry.detail for entry in found if entry.act == "secrets.rotate"]


async def test_a_rotation_tells_how_far_it_is_what_it_did_and_writes_down_who_did_it(
    shop: TestBusiness,
) -> None:
    told: list[Progress] = []
    await shop.database.write(secret_keys.check, ROTATING)
    done = await rotate(shop.database, ROTATING, "somebody", told.append)
    assert (done.gift_cards, done.webhooks, done.rail_accounts) == (3, 1, 0)
    assert (done.still_needed, done.forgotten) == ((), (BEFORE.current.id,))
    assert told == [Progress("gift_cards", 3, 3), Progress("webhooks", 1)]
    (entry,) = await entries(shop)
    assert (entry["key"], entry["gift_cards"]) == (AFTER.current.id, 3)
    assert OLD not in str(entry)
    await shop.database.write(secret_keys.check, AFTER)


async def test_the_new_key_has_sealed_before_the_old_one_may_go(shop: TestBusiness) -> None:
    await seals.make_all(shop.database, BEFORE)
    await shop.database.write(secret_keys.check, ROTATING)
    done = await rotate(shop.database, ROTATING, "somebody")
    assert (done.seals, done.nothing) == (2, False)
    assert (await entries(shop))[0]["seals"] == 2
    newest = await shop.database.fetch(seals.list_newest)
    assert {(each.number, each.key_id) for each in newest} == {(2, AFTER.current.id)}
    assert (await seals.make_all(shop.database, AFTER)).refused == {}


async def test_a_rotation_with_nothing_to_do_says_so_and_writes_nothing(
    shop: TestBusiness,
) -> None:
    assert (await rotate(shop.database, BEFORE, "somebody")).nothing
    assert await entries(shop) == []


async def test_a_rotation_that_was_stopped_goes_on_where_it_was(shop: TestBusiness) -> None:
    class StoppedError(Exception):
        pass

    def stop(_: Progress) -> None:
        raise StoppedError

    await shop.database.write(secret_keys.check, ROTATING)
    with pytest.raises(StoppedError):
        await rotate(shop.database, ROTATING, "somebody", stop)
    assert await entries(shop) == []
    done = await rotate(shop.database, ROTATING, "somebody")
    assert (done.gift_cards, done.webhooks) == (0, 1)
    assert done.forgotten == (BEFORE.current.id,)


async def test_a_key_that_hashes_come_from_is_still_needed_and_says_for_how_many(
    shop: TestBusiness,
) -> None:
    await shop.database.write(
        lambda db: db.execute(
            "INSERT INTO payout_users (business_id, id, email, hash_digest, hash_key_id)"
            " VALUES (%s, gen_random_uuid(), 'ada@example.com', '\\x01', %s)",
            [shop.business_id, BEFORE.current.id],
        )
    )
    await shop.database.write(secret_keys.check, ROTATING)
    done = await rotate(shop.database, ROTATING, "somebody")
    assert done.still_needed == (Left(BEFORE.current.id, 1),)
    assert not done.nothing
    with pytest.raises(SettingsError, match="the hashes of 1 payout users come from it"):
        await shop.database.write(secret_keys.check, AFTER)
    assert (await rotate(shop.database, ROTATING, "somebody")).nothing
