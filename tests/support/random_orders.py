"""Random orders at every rail, while vendors, nodes and workers fail at random: in the end the
rails' own books say that nobody was paid twice, and our books say the same to the cent. Import the
fixtures `running`, `way` and `worlds`, and those of support.anvil."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

import pytest

from conftest import MakeBusiness
from payviox import wiring
from payviox.db.pool import Connection, Database
from payviox.keyring import Keyring
from payviox.order_states import Status
from payviox.rails import http
from payviox.rails.paypal import lookup as paypal_lookup
from payviox.rails.paypal import rate_limit, statement
from payviox.rails.tremendous import client
from payviox.rails.tremendous import lookup as tremendous_lookup
from payviox.reconciliation import service
from payviox.withdrawals.sending.processor import process_due
from support import live
from support.anvil import Node
from support.every_rail import CARD_PRICE, EveryRail, RailNamed, every_rail
from support.faulty_node import Way, faulty_way
from support.machine import stretch
from support.simulator import Simulator

ORDERS = 10_000
"""Of both test files, one for each test process."""
HALF = ORDERS // 2
BUSINESSES = 2
TOGETHER = 25
"""Orders of a payout user that are made in one transaction."""
ANSWER_S = stretch(1.0)
"""For a vendor's answer: what takes longer is a fault, and none is a slow machine's."""

COURSES: dict[RailNamed, dict[str, int]] = {
    "paypal": {
        "success": 60, "slow": 8, "failed": 4, "denied": 3, "batch-denied": 3, "unclaimed": 4,
        "claimed": 3, "returned": 3, "refunded": 4, "reversed": 3, "failed-then-paid": 2,
        "held-then-paid": 2, "strange": 1,
    },
    "tremendous": {
        "executed": 70, "open": 8, "approved-later": 4, "failed": 4, "failed-later": 3,
        "rejected": 3, "canceled": 3, "failed-then-executed": 2, "delivery-pending": 2,
        "strange": 1,
    },
    "evm": {"success": 1},
    "stock": {"success": 1},
    "sandbox": {"success": 1},
}  # fmt: skip
WEIGHTS: dict[RailNamed, int] = {
    "paypal": 30,
    "tremendous": 25,
    "evm": 15,
    "stock": 5,
    "sandbox": 25,
}

FAULTS: list[dict[str, Any]] = [
    {"route": route, "fault": fault, "when": when, "rate": rate, **more}
    for route in ("paypal.payouts.*", "tremendous.orders.*")
    for when in ("before", "after")
    for fault, rate, more in (
        ("drop", 0.006, {}),
        ("error", 0.006, {"status": 500}),
        ("error", 0.006, {"status": 503}),
        ("garbage", 0.006, {}),
        ("truncated", 0.006, {}),
        ("hang", 0.002, {"seconds": 2 * ANSWER_S}),  # each is waited for
    )
] + [
    {"route": "*", "fault": "rate_limit", "when": "before", "rate": 0.005},
    {"route": "paypal.token", "fault": "error", "status": 500, "rate": 0.05},
    {"route": "*.create", "fault": "late", "seconds": 1.5 * ANSWER_S, "rate": 0.004},
]

STORM_TURNS, TURN_S = 8, 300.0
CLEARING_DAYS = (0.1, 1.1, 1.1, 1.1, 1.1, 8, 32, 1.1, 1.1)
"""After the storm, at every rail whatever still moves comes to its end."""

OPEN = ("created", "review", "queued", "sending", "sent", "unknown")
NAMED = {"person", "unclaimed", "taking_back"}
"""What an order may still wait for in the end."""


@dataclass(frozen=True)
class VendorsClock:
    """What tells look-ups how old a payment is, by the vendors' own time: else none would ever get
    so old that it is not looked at once more."""

    simulator: Simulator

    def now(self, zone: tzinfo) -> datetime:
        return datetime.now(zone) + self.simulator.ahead


@pytest.fixture(scope="module")
def running(seed: int) -> Iterator[Simulator]:
    """`seed` is the test file's own."""
    started = Simulator(seed=seed)
    try:
        yield started
    finally:
        started.close()


@pytest.fixture
async def way(anvil: Node, seed: int) -> AsyncIterator[Way]:
    async with faulty_way(anvil.url, seed) as found:
        yield found


@pytest.fixture
async def worlds(
    running: Simulator,
    anvil: Node,
    way: Way,
    make_business: MakeBusiness,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[list[EveryRail]]:
    """Businesses of a kind, without waiting for the vendors' rate limits; time passes in leaps."""
    monkeypatch.setattr(http, "ANSWER_S", ANSWER_S)
    monkeypatch.setattr(rate_limit, "POSTS_PER_MINUTE", 10**7)
    monkeypatch.setattr(statement, "PER_SECOND", 10**6)
    monkeypatch.setattr(client, "INTERVAL_S", 0.0001)
    for lookups in (paypal_lookup, tremendous_lookup):
        monkeypatch.setattr(lookups, "datetime", VendorsClock(running))
    running.forget(recording=False)
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(BUSINESSES):
            business = await make_business(funds=10**10)
            found.append(
                await stack.enter_async_context(
                    every_rail(running, anvil, business, tmp_path, node_url=way.url, cards=400)
                )
            )
        yield found


async def make_orders(world: EveryRail, chance: random.Random, count: int) -> None:
    """Random orders of a few payout users, each of whom takes one course; some of each in one
    transaction, and some transactions at once."""
    wanted: defaultdict[tuple[RailNamed, str], list[tuple[int, str]]] = defaultdict(list)
    for _ in range(count):
        rail = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        course = chance.choices(list(COURSES[rail]), list(COURSES[rail].values()))[0]
        # Below the amounts for which the sandbox has other endings.
        amount = CARD_PRICE if rail == "stock" else chance.randint(100, 6_500)
        wanted[rail, course].append((amount, chance.choice(("USDT", "USDC"))))
    gate = asyncio.Semaphore(8)

    async def some(rail: RailNamed, course: str, orders: list[tuple[int, str]]) -> None:
        email = f"{course}@{rail}.example.com"
        user_id = await world.desk.user(10**8, email)
        for begin in range(0, len(orders), TOGETHER):
            async with gate:
                await world.orders_of(user_id, email, rail, orders[begin : begin + TOGETHER])

    await asyncio.gather(*(some(*user, orders) for user, orders in wanted.items()))


async def work(database: Database, chance: random.Random, *, killed: bool) -> None:
    """Two workers at once, of which one may be stopped in the middle of its work."""
    first, second = (wiring.rails(database, Keyring(live.SECRET_KEY)) for _ in range(2))
    try:
        tasks = [asyncio.create_task(process_due(database, rails)) for rails in (first, second)]
        if killed:
            await asyncio.wait(tasks, timeout=chance.uniform(0.2, 2.0))
            tasks[0].cancel()
        done, _ = await asyncio.wait(tasks)
        for task in done:
            if not task.cancelled():
                task.result()
    finally:
        await first.close()
        await second.close()


async def pass_time(worlds: list[EveryRail], seconds: float) -> None:
    """Here, at the vendors and on the chain."""
    worlds[0].node.mine(2)
    worlds[0].simulator.advance(seconds=seconds)
    for world in worlds:
        await world.get_older(seconds)


async def still_open(worlds: list[EveryRail]) -> Counter[tuple[str, str, str | None]]:
    found: Counter[tuple[str, str, str | None]] = Counter()
    for world in worlds:
        for status in OPEN:
            for order in await world.list(status):
                found[order.rail, order.status, order.waiting] += 1
    return found


async def check_random_orders(
    seed: int, worlds: list[EveryRail], way: Way, database: Database
) -> None:
    """Make half of them, let everything fail and time pass, and compare all books."""
    chance = random.Random(seed)
    simulator, node = worlds[0].simulator, worlds[0].node
    for world in worlds:
        await make_orders(world, chance, HALF // BUSINESSES)
    simulator.script(*FAULTS)
    way.rate = 0.004
    for turn in range(STORM_TURNS):
        await work(database, chance, killed=turn < STORM_TURNS // 2)
        if turn == 2:
            node.drop_all()
        await pass_time(worlds, TURN_S)
    simulator.reset()
    way.rate = 0.0
    for days in CLEARING_DAYS:
        await work(database, chance, killed=False)
        await pass_time(worlds, days * 86_400)
    assert all(key[2] in NAMED for key in await still_open(worlds))

    assert all(payment.times_paid <= 1 for payment in simulator.books().payments)
    for world in worlds:
        assert await compare(world) == HALF // BUSINESSES
        await reconcile(world)


async def compare(world: EveryRail) -> int:
    """What each order's state promises is what its rail did, and so are the sums of each rail's
    accounts. Answers how many orders there are."""
    paid = await world.paid()
    orders = [order for status in get_args(Status) for order in await world.list(status)]
    after_all = await paid_after_all(world)
    settled: Counter[str] = Counter()
    in_transit: Counter[str] = Counter()
    for order in orders:
        times = paid[order.id]
        told = f"{order.rail} {order.email} {order.status} {order.waiting} {order.id}"
        if order.status in OPEN:
            in_transit[order.rail] += order.amount
            assert times <= 1, told
        else:
            # What was called failed and was paid after all is told, and in suspense.
            assert times == (order.status == "succeeded" or order.id in after_all), told
            settled[order.rail] += times * order.net_amount
    books = await world.business.ledger()
    for rail in WEIGHTS:
        assert books[f"settled:{rail}"] == settled[rail]
        assert books[f"in_transit:{rail}"] == in_transit[rail]
    return len(orders)


async def paid_after_all(world: EveryRail) -> dict[UUID, str]:
    """Orders that failed and whose payment was booked nevertheless, with their rails."""

    async def read(db: Connection) -> dict[UUID, str]:
        cursor = await db.execute(
            "SELECT o.id, o.rail FROM transfers t JOIN orders o"
            " ON o.business_id = t.business_id AND o.id = t.order_id"
            " WHERE t.business_id = %s AND t.kind = 'paid_after_all'",
            [world.business.business_id],
        )
        return {row[0]: str(row[1]) for row in await cursor.fetchall()}

    return await world.business.database.fetch(read)


async def reconcile(world: EveryRail) -> None:
    """The product itself finds every cent, and nothing to explain but what was paid after all."""
    after_all = Counter((await paid_after_all(world)).values())
    for rail in WEIGHTS:
        report = await service.reconcile_rail(
            world.business.database,
            world.rails,
            world.business.business_id,
            rail,
            since=datetime.now(UTC) - timedelta(days=365),
            young_s=0.0,
        )
        assert report.not_compared is None
        assert report.ours.difference == report.theirs.difference == 0
        found = {item.cause: item.number for item in report.items}
        assert found == ({"paid_after_all": after_all[rail]} if after_all[rail] else {})
