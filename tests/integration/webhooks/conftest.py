"""Fixtures of the webhooks' tests: businesses with receivers, and what delivers to them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from payviox.db.pool import Database
from payviox.keyring import Keyring
from payviox.settings import Settings
from payviox.webhooks import settings as webhook_settings
from payviox.webhooks.delivery import Courier
from support.hooked import Hook, Hooked
from support.receiver import receiver


@pytest.fixture
def keyring(settings: Settings) -> Keyring:
    return Keyring(settings.secret_key)


@pytest.fixture
async def hook(make_business: Any, keyring: Keyring) -> AsyncIterator[Hook]:
    receivers = AsyncExitStack()

    async def make(**changes: Any) -> Hooked:
        one = await receivers.enter_async_context(receiver())
        business = await make_business()
        changes = {"url": one.url, "enabled": True} | changes
        _, token = await business.database.write(
            lambda connection: webhook_settings.change(
                connection, business.business_id, changes, keyring, "test", allow_private=True
            )
        )
        return Hooked(business, one, keyring, token)

    async with receivers:
        yield make


@pytest.fixture
async def courier(database: Database, keyring: Keyring) -> AsyncIterator[Courier]:
    one = Courier(database, keyring, allow_private=True)
    yield one
    await one.stop(grace_s=0)
