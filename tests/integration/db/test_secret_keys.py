"""Which secret keys a database is opened with, and how one is left behind."""

from collections.abc import AsyncIterator

import pytest

from payviox.auth import secret_keys
from payviox.db.pool import Connection, Database
from payviox.errors import SettingsError
from payviox.keyring import Keyring
from support.businesses import open_business
from support.databases import Urls

pytestmark = pytest.mark.anyio

FLAWED = "Zq7,pW2x9Lm4Rt8Yv3Bn6Kd1Hs5Gf0Jc,Ue4Ai8Oo2Px6\n"
SOUND = "the key that comes after it; as long as"


@pytest.fixture
async def database(fresh_urls: Urls) -> AsyncIterator[Database]:
    opened = Database(fresh_urls.application)
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()


async def test_a_key_that_could_not_be_rotated_is_refused_before_anything_is_written_with_it(
    database: Database,
) -> None:
    with pytest.raises(SettingsError, match="Nothing was written with it yet"):
        await database.write(secret_keys.check, Keyring(FLAWED))
    await database.write(secret_keys.check, Keyring(SOUND))


async def test_an_installation_that_has_such_a_key_goes_on_and_can_leave_it_behind(
    database: Database,
) -> None:
    await remember(database, Keyring(FLAWED).current.id)
    await database.write(secret_keys.check, Keyring(FLAWED))
    await database.write(secret_keys.check, Keyring(SOUND, (FLAWED,)))
    assert not await database.write(secret_keys.forget_unused, Keyring(SOUND, (FLAWED,)))
    await database.write(secret_keys.check, Keyring(SOUND))


async def test_a_previous_key_that_hashes_still_come_from_is_named_with_their_number(
    database: Database,
) -> None:
    old, new = Keyring("the key of the first hashes there were"), Keyring(SOUND)
    business = await open_business(database)
    await database.write(secret_keys.check, old)

    async def add_user(connection: Connection) -> None:
        await connection.execute(
            "INSERT INTO payout_users (business_id, id, email, hash_key_id, hash_digest)"
            " VALUES (%s, gen_random_uuid(), 'a@x.test', %s, '\\x01')",
            [business.business_id, old.current.id],
        )

    await database.write(add_user)
    await database.write(secret_keys.check, Keyring(SOUND, (old.current.secret,)))
    with pytest.raises(
        SettingsError, match=rf"{old.current.id} is still needed: the hashes of 1 payout"
    ):
        await database.write(secret_keys.check, new)


async def remember(database: Database, key_id: str) -> None:
    async def work(connection: Connection) -> None:
        await connection.execute("INSERT INTO secret_keys (key_id) VALUES (%s)", [key_id])

    await database.write(work)
