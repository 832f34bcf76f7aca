"""The second half of ten thousand random orders: see support/random_orders."""

import pytest

from payviox.db.pool import Database
from support.anvil import anvil, anvil_node
from support.every_rail import EveryRail
from support.faulty_node import Way
from support.random_orders import check_random_orders, running, way, worlds

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900)]
__all__ = ["anvil", "anvil_node", "running", "way", "worlds"]


@pytest.fixture(scope="module")
def seed() -> int:
    return 20_261_128


async def test_five_thousand_more_random_orders_end_as_the_rails_books_say(
    worlds: list[EveryRail],
    way: Way,
    database: Database,
    seed: int,
) -> None:
    await check_random_orders(seed, worlds, way, database)
