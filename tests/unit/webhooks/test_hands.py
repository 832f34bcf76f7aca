"""How often a courier claims, without a database: for many at once, and not again and again."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from payviox.webhooks.delivery import Courier
from support.machine import stretch

pytestmark = pytest.mark.anyio


class NothingDue:
    """A database that takes a moment to say that no delivery is due."""

    def __init__(self) -> None:
        self.asked = 0

    async def write(self, *_: Any) -> list[Any]:
        self.asked += 1
        for _turn in range(5):
            await asyncio.sleep(0)
        return []


@pytest.mark.parametrize(("businesses", "overall"), [(3, 12), (50, 400)])
async def test_businesses_woken_again_and_again_come_to_rest(businesses: int, overall: int) -> None:
    database = NothingDue()
    courier = Courier(database, None, allow_private=True, overall=overall)  # type: ignore[arg-type]
    for business in [uuid4() for _ in range(businesses)]:
        for _ in range(4):
            courier.wake(business)
    async with asyncio.timeout(stretch(30)):
        await courier.idle()
    assert database.asked == 1
