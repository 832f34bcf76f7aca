"""Real worker processes and a real receiver: killed with -9, stopped, and started again."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support import live
from support.businesses import TestBusiness
from support.databases import Urls
from support.live import LiveServer
from support.polling import eventually
from support.receiver import Receiver

pytestmark = pytest.mark.anyio

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


async def test_killed_after_the_post_it_is_sent_again_by_the_next_worker_with_the_same_id(
    business: TestBusiness, receiving: Receiver, start_worker: StartWorker
) -> None:
    receiving.answer = lambda _: None
    client = business.client
    await client.put("/payout/webhook", json={"url": receiving.url})
    event_id = (
        await client.post("/payout/webhook/test", json={"type": "payout.succeeded"})
    ).json()["id"]
    first = start_worker()
    await eventually(lambda: receiving.ids == [event_id], 30)
    first.kill()
    receiving.answer = lambda _: 200
    await business.database.write(  # the dead worker's lease runs out
        lambda c: c.execute(
            "UPDATE deliveries SET due_at = now() WHERE business_id = %s", [business.business_id]
        )
    )
    start_worker()
    await eventually(lambda: receiving.ids == [event_id, event_id], 30)
    assert receiving.received[0].body == receiving.received[1].body

    async def status() -> bool:
        event = (await client.get(f"/payout/events/{event_id}")).json()
        return event["delivery"]["status"] == "delivered"

    await eventually(status)


async def test_told_to_stop_a_worker_is_gone_within_10_s_and_hands_back_what_it_holds(
    business: TestBusiness, receiving: Receiver, start_worker: StartWorker
) -> None:
    receiving.answer = lambda _: None
    await business.client.put("/payout/webhook", json={"url": receiving.url})
    await business.client.post("/payout/webhook/test", json={"type": "payout.succeeded"})
    worker = start_worker()
    await eventually(lambda: len(receiving.received) == 1, 30)
    assert await asyncio.to_thread(worker.stop, 10) == 0
    assert await business.scalar(
        "SELECT due_at <= now() AND status = 'pending' FROM deliveries WHERE business_id = %s",
        business.business_id,
    )
