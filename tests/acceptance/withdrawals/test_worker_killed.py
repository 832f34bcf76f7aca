"""Real workers on a backlog of orders, killed with -9 again and again: every order ends, none is
paid twice, every cent is in its place."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support import live
from support.businesses import TestBusiness
from support.databases import Urls
from support.live import LiveServer
from support.polling import eventually
from support.withdrawals import Desk

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

ORDERS = 300
StartWorker = Callable[[], LiveServer]


@pytest.fixture
def start_worker(urls: Urls, tmp_path: Path) -> Iterator[StartWorker]:
    workers: list[LiveServer] = []
    given = live.environment(tmp_path / "home", urls.application)

    def start() -> LiveServer:
        workers.append(LiveServer(given, tmp_path, "worker"))
        workers[-1].spawn()
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()


async def test_workers_killed_on_a_backlog_lose_nothing_and_pay_nothing_twice(
    business: TestBusiness, start_worker: StartWorker
) -> None:
    desk = Desk.of(business)
    user = await desk.user(ORDERS * 100)
    orders = [await desk.withdraw(user, 100) for _ in range(ORDERS)]

    async def count(*statuses: str) -> int:
        found = await business.scalar(
            "SELECT count(*) FROM orders WHERE business_id = %s AND status = ANY(%s)",
            business.business_id,
            list(statuses),
        )
        return int(found)

    async def begun(least: int) -> bool:
        return await count("succeeded", "sending") >= least

    for least in (1, ORDERS // 2):
        worker = start_worker()
        await eventually(lambda least=least: begun(least), 30, every_s=0)
        worker.kill()
        await business.ledger()
    start_worker()

    async def done() -> bool:
        await desk.hurry()  # the dead workers' leases run out
        return await count("succeeded") == ORDERS

    await eventually(done, 60, every_s=0.5)
    books = await business.ledger()
    assert books["settled:sandbox"] == ORDERS * 100
    assert books["in_transit:sandbox"] == 0
    assert books.transfers["settle"] == ORDERS
    paid = await business.scalar(
        "SELECT count(*) FROM sandbox_payments WHERE business_id = %s", business.business_id
    )
    assert paid == ORDERS, "one payment for each order"
    assert await desk.events(orders[0]) == [
        "payout.created",
        "payout.processing",
        "payout.succeeded",
    ]
