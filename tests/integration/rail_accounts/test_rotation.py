"""Rail accounts under a changing secret key."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from payviox.auth import secret_keys
from payviox.db.pool import Database
from payviox.errors import SettingsError
from payviox.keyring import DecryptionFailed, Keyring
from payviox.rail_accounts import service
from payviox.rail_accounts.directory import Directory
from support.accounts import SECRETS, connect
from support.businesses import open_business
from support.databases import Urls

pytestmark = pytest.mark.anyio

OLD = "the key that everything was written with"
NEW = "the key that comes after it; as long as"
BEFORE = Keyring(OLD)
ROTATING = Keyring(NEW, (OLD,))
AFTER = Keyring(NEW)
COUNT = 5


@pytest.fixture
async def database(fresh_urls: Urls) -> AsyncIterator[Database]:
    """A database for one test alone: keys are counted across businesses."""
    opened = Database(fresh_urls.application)
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
async def owners(database: Database) -> list[UUID]:
    """Businesses with an account each, sealed with the old key."""
    found = []
    for _ in range(COUNT):
        business = await open_business(database)
        await connect(database, BEFORE, business.business_id, "paypal")
        found.append(business.business_id)
    await database.write(secret_keys.check, BEFORE)
    return found


async def left(database: Database) -> list[str]:
    """The previous keys that are still needed."""
    await database.write(secret_keys.check, ROTATING)
    return [key.key_id for key in await database.write(_forget)]


async def _forget(db: object) -> list[secret_keys.Left]:
    return await secret_keys.forget_unused(db, ROTATING)  # type: ignore[arg-type]  # a connection


async def test_a_rotation_may_be_interrupted_anywhere_and_is_resumed(
    database: Database, owners: list[UUID]
) -> None:
    class KilledError(Exception):
        pass

    assert await database.write(service.reencrypt, ROTATING, 2) == 2

    async def killed(db: object) -> None:
        await service.reencrypt(db, ROTATING, 2)  # type: ignore[arg-type]  # a connection
        raise KilledError

    with pytest.raises(KilledError):
        await database.write(killed)
    assert await left(database) == [BEFORE.current.id], "three are under the old key"
    for business_id in owners:
        found = await Directory(database, ROTATING).find(business_id, "paypal")
        assert found is not None
        assert dict(found.credentials) == SECRETS["paypal"]

    done = []
    while count := await database.write(service.reencrypt, ROTATING, 2):
        done.append(count)
    assert done == [2, 1]
    assert await left(database) == []
    for business_id in owners:
        found = await Directory(database, AFTER).find(business_id, "paypal")
        assert found is not None, "the new key alone is enough"
        assert dict(found.credentials) == SECRETS["paypal"]


async def test_what_is_connected_meanwhile_is_sealed_with_the_new_key_already(
    database: Database, owners: list[UUID]
) -> None:
    await connect(database, ROTATING, owners[0], "paypal")
    assert await database.write(service.reencrypt, ROTATING) == COUNT - 1


async def test_a_rotation_without_the_old_key_or_over_changed_credentials_stops_and_says_so(
    database: Database, owners: list[UUID]
) -> None:
    with pytest.raises(SettingsError, match=BEFORE.current.id):
        await database.write(service.reencrypt, AFTER)
    await database.write(
        lambda db: db.execute(
            "UPDATE rail_accounts SET credentials = 'x' WHERE business_id = %s", [owners[0]]
        )
    )
    with pytest.raises(DecryptionFailed, match=f"rail_accounts:{owners[0]}:paypal"):
        await database.write(service.reencrypt, ROTATING)


async def test_a_process_that_lacks_the_key_of_an_account_does_not_start(
    database: Database, owners: list[UUID]
) -> None:
    assert owners
    with pytest.raises(SettingsError, match=BEFORE.current.id):
        await database.write(secret_keys.check, AFTER)
