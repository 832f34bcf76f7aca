"""What is held after the database was restored, against real PostgreSQL, and how it is ended."""

import io
from uuid import UUID

import pytest

from payviox.access import password_resets
from payviox.auth import keys, operators, sessions
from payviox.db.pool import Connection, Database
from payviox.errors import NotFound
from payviox.giftcards import holds, restores
from payviox.giftcards.csv_file import read_cards
from payviox.giftcards.holds import NotHeld
from payviox.giftcards.model import HELD_AFTER_RESTORE, Product
from payviox.keyring import Keyring
from payviox.maintenance import after_restore
from support.businesses import TestBusiness, open_business
from support.giftcards import WorkedStock, csv_of, import_text, insert_order, only_product

pytestmark = pytest.mark.anyio

KEYRING = Keyring("the secret key of these tests, long enough")
FOLDER = "folder as it was"


async def restore(database: Database) -> None:
    """Make the database believe that it was elsewhere, which is what a restored one finds."""
    await database.write(restores.notice_restore, FOLDER)

    async def work(connection: Connection) -> None:
        await connection.execute("UPDATE installation SET origin = 'another server'")

    await database.write(work)


@pytest.fixture
async def shop(database: Database) -> TestBusiness:
    business = await open_business(database)
    await import_text(database, KEYRING, business.business_id, csv_of(["CARD-1", "CARD-2"]))
    return business


@pytest.fixture
async def product(shop: TestBusiness) -> Product:
    return await only_product(shop.database, shop.business_id)


@pytest.fixture
async def restored(shop: TestBusiness, product: Product) -> TestBusiness:
    await restore(shop.database)
    assert await shop.database.write(restores.notice_restore, FOLDER)
    return shop


async def order_a_card(shop: TestBusiness, product: Product) -> str:
    """Send one order and answer what came of it."""
    ready, _ = await insert_order(shop.database, shop.business_id, product)
    outcome = await WorkedStock(shop.database).submit(ready, f"ord_{ready.order_id}.1")
    return outcome.waiting or outcome.state


async def statuses(shop: TestBusiness) -> list[str]:
    async with shop.database.read() as connection:
        cursor = await connection.execute(
            "SELECT status FROM gift_cards WHERE business_id = %s ORDER BY id", [shop.business_id]
        )
        return [str(row[0]) for row in await cursor.fetchall()]


async def void(shop: TestBusiness, text: str) -> holds.Left:
    lines = list(read_cards(io.BytesIO(text.encode())))
    return await shop.database.write(holds.void_left_cards, KEYRING, shop.business_id, lines, "cli")


async def test_a_database_that_is_where_it_was_holds_nothing(
    shop: TestBusiness, product: Product
) -> None:
    await shop.database.write(restores.notice_restore, FOLDER)
    assert not await shop.database.write(restores.notice_restore, FOLDER)
    assert not await shop.database.write(restores.notice_restore, None)
    assert await order_a_card(shop, product) == "succeeded"


async def test_no_card_leaves_a_restored_database_before_somebody_says_which_left(
    restored: TestBusiness, product: Product
) -> None:
    assert await order_a_card(restored, product) == HELD_AFTER_RESTORE
    assert await statuses(restored) == ["available", "available"]

    held = await restored.database.fetch(holds.list_held)
    assert (restored.business_id, 2) in [(h.business_id, h.cards) for h in held]


async def test_a_database_restored_beneath_running_processes_is_noticed_at_the_next_card(
    shop: TestBusiness, product: Product
) -> None:
    await restore(shop.database)
    assert await order_a_card(shop, product) == HELD_AFTER_RESTORE


async def test_a_copied_data_folder_is_a_restored_one(shop: TestBusiness, product: Product) -> None:
    await shop.database.write(restores.notice_restore, FOLDER)
    assert await shop.database.write(restores.notice_restore, "the copy's folder")
    assert not await shop.database.write(restores.notice_restore, "the copy's folder")
    assert await order_a_card(shop, product) == HELD_AFTER_RESTORE


async def test_a_restore_is_known_by_its_mark_where_the_tables_know_nothing(
    shop: TestBusiness, product: Product
) -> None:
    """A backup of an earlier schema has no table that could tell."""
    await shop.database.write(restores.notice_restore, FOLDER)

    async def work(connection: Connection) -> bool:
        await connection.execute("SELECT set_config('payviox.restored', 'now', true)")
        return await restores.notice_restore(connection, FOLDER)

    assert await shop.database.write(work)
    assert await order_a_card(shop, product) == HELD_AFTER_RESTORE


async def test_cards_that_left_are_void_and_the_rest_goes_on_when_released(
    restored: TestBusiness, product: Product
) -> None:
    left = await void(restored, csv_of(["card 1"]))
    assert (left.voided, left.known, left.bad) == (1, 0, [])
    assert (await void(restored, csv_of(["CARD-1"]))).known == 1
    assert await statuses(restored) == ["void", "available"]

    await restored.database.write(after_restore.release_stock, restored.business_id, "cli")
    assert await order_a_card(restored, product) == "succeeded"
    assert await order_a_card(restored, product) == "out_of_stock"
    with pytest.raises(NotHeld):
        await restored.database.write(after_restore.release_stock, restored.business_id, "cli")
    with pytest.raises(NotHeld):
        await void(restored, csv_of(["CARD-2"]))


async def test_codes_alone_are_found_and_those_of_no_card_named(restored: TestBusiness) -> None:
    left = await restored.database.write(
        holds.void_left_codes,
        KEYRING,
        restored.business_id,
        ["", "card-2", "CARD-9"],
        "cli",
    )
    assert (left.voided, [line.line for line in left.bad]) == (1, [3])
    assert await statuses(restored) == ["available", "void"]


async def test_a_card_imported_and_delivered_after_the_backup_is_not_sold_when_imported_again(
    restored: TestBusiness,
) -> None:
    left = await void(restored, csv_of(["LATER-1"]))
    assert left.voided == 1
    sums = await import_text(
        restored.database, KEYRING, restored.business_id, csv_of(["LATER-1", "LATER-2"])
    )
    assert (sums.imported, sums.duplicates) == (1, 1)


async def test_what_was_stopped_since_the_backup_is_named_and_stopped_in_one_step(
    restored: TestBusiness, product: Product
) -> None:
    _, user_id = await insert_order(restored.database, restored.business_id, product)
    report = await restored.database.fetch(after_restore.report)
    assert {k.kind for k in report.keys if k.business_id == restored.business_id} == {
        "secret",
        "public",
    }
    assert [h.count for h in report.hashes if h.business_id == restored.business_id] == [1]
    before = await digest(restored, user_id)

    revoked = await after_restore.revoke(
        restored.database, KEYRING, frozenset(("keys", "hashes", "webhooks")), "cli"
    )
    assert revoked.keys >= 2
    assert await digest(restored, user_id) != before
    async with restored.database.read() as connection:
        assert await keys.find_business(connection, restored.secret_key) is None
    again = await after_restore.revoke(restored.database, KEYRING, frozenset(("keys",)), "cli")
    assert again.keys == 0


async def test_a_session_that_was_ended_and_a_link_that_was_used_since_are_stopped(
    restored: TestBusiness,
) -> None:
    database = restored.database
    email = f"{restored.business_id}@example.com"

    async def sign_in(connection: Connection) -> str:
        operator_id = await operators.create(
            connection, email, "a long enough password 7Q", "cli", is_admin=False
        )
        signed_in = await sessions.open_session(
            connection, operator_id, "password", sessions.Client()
        )
        link = await password_resets.make_link(connection, KEYRING, email, "cli")
        return f"{signed_in.token} {link}"

    session, link = (await database.write(sign_in)).split()
    assert (await database.fetch(after_restore.report)).sessions >= 1

    what = frozenset(("sessions",))
    assert (await after_restore.revoke(database, KEYRING, what, "cli")).sessions >= 1
    assert await sessions.find(database, session) is None
    with pytest.raises(NotFound):
        await database.fetch(password_resets.look_at, link)
    assert (await database.fetch(after_restore.report)).sessions == 0


async def digest(shop: TestBusiness, user_id: UUID) -> object:
    async with shop.database.read() as connection:
        cursor = await connection.execute(
            "SELECT hash_digest FROM payout_users WHERE business_id = %s AND id = %s",
            [shop.business_id, user_id],
        )
        return await cursor.fetchone()


async def test_a_business_opened_after_the_restore_is_not_held(restored: TestBusiness) -> None:
    other = await open_business(restored.database)
    await import_text(restored.database, KEYRING, other.business_id, csv_of(["CARD-1"]))
    assert (
        await order_a_card(other, await only_product(restored.database, other.business_id))
        == "succeeded"
    )
