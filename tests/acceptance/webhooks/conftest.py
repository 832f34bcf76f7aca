"""Fixtures of the webhooks' acceptance tests: a receiver, and what delivers to it."""

from collections.abc import AsyncIterator

import pytest

from payviox.web.context import Services
from payviox.webhooks.delivery import Courier
from support.receiver import Receiver, receiver


@pytest.fixture
async def courier(services: Services) -> AsyncIterator[Courier]:
    one = Courier(services.database, services.keyring, allow_private=True)
    yield one
    await one.stop(grace_s=0)


@pytest.fixture
async def receiving() -> AsyncIterator[Receiver]:
    async with receiver() as one:
        yield one
