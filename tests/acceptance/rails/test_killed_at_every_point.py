"""A worker is killed at every point of a send, at every rail. Another goes on: the rail's own books
say that each order was paid once, and ours agree."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from payviox.db.pool import Database
from payviox.rails.evm import client
from support import dying, warm
from support.anvil import Node, anvil, anvil_node
from support.businesses import TestBusiness
from support.every_rail import CARD_PRICE, RAILS, EveryRail, RailNamed, every_rail
from support.machine import stretch
from support.simulator import Simulator, simulator

pytestmark = pytest.mark.anyio
__all__ = ["anvil", "anvil_node", "simulator"]

OF_ONE_RAIL = {
    "the rail is called, the vendor not": ("paypal", "tremendous"),
    "the vendor has answered": ("paypal", "tremendous"),
    "the sandbox has paid": ("sandbox",),
    "the nonce is taken": ("evm",),
    "the transaction is stored": ("evm",),
    "the transaction is broadcast": ("evm",),
}
CASES = [
    (rail, point)
    for point in dying.POINTS
    for rail in RAILS
    if rail in OF_ONE_RAIL.get(point, RAILS)
]


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    started = Simulator()
    try:
        yield started
    finally:
        started.close()


@pytest.fixture
async def connected(
    running: Simulator,
    anvil: Node,
    business: TestBusiness,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[EveryRail]:
    monkeypatch.setattr(client, "SHARED_S", 0.0)  # time passes in leaps here
    async with every_rail(running, anvil, business, tmp_path) as found:
        yield found


async def send_and_die(
    database: Database, business: TestBusiness, point: str, folder: Path
) -> None:
    """A sending process that must come to the point."""
    ended = await asyncio.to_thread(
        warm.run,
        [dying.__file__, database.url, str(business.business_id), point],
        environment={},
        folder=folder,
        timeout=stretch(60),
    )
    assert ended.returncode == -signal.SIGKILL, ended


@pytest.mark.parametrize(("rail", "point"), CASES)
async def test_killed_when(
    connected: EveryRail, rail: RailNamed, point: str, tmp_path: Path
) -> None:
    order = await connected.order(rail, CARD_PRICE)
    await send_and_die(connected.business.database, connected.business, point, tmp_path)
    await connected.desk.hurry(age_s=120)
    order = await connected.settle(order)
    assert order.status == "succeeded"
    assert await connected.times_paid(order) == 1
    books = await connected.business.ledger()
    assert books[f"settled:{rail}"] == order.net_amount
    assert books[f"in_transit:{rail}"] == 0
    events = await connected.desk.events(order)
    assert events == ["payout.created", "payout.processing", "payout.succeeded"]
