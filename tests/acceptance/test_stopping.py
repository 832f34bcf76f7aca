"""SIGTERM while an allocation is held up in the database: all are answered, and it ends well."""

import asyncio
from typing import Any

import httpx
import pytest

from payviox.db.pool import Connection
from payviox.ledger import service as ledger
from payviox.ledger.model import PAYOUT
from support.businesses import TestBusiness
from support.live import LiveServer
from support.machine import stretch
from support.polling import eventually

pytestmark = pytest.mark.anyio


async def test_a_group_held_up_by_somebody_else_is_answered_and_the_process_ends_in_order(
    business: TestBusiness, live_server: LiveServer
) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def hold(connection: Connection) -> None:
        await ledger.lock(connection, business.business_id, [PAYOUT])
        entered.set()
        await leave.wait()

    async def held_up() -> bool:
        waiting = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(await business.scalar(waiting)) == 1

    def pay() -> "asyncio.Task[httpx.Response]":
        body: Any = {"email": "a@x.com", "amount": 1}
        return asyncio.create_task(client.post("/payout/create", json=body))

    before = await business.ledger()
    holding = asyncio.create_task(business.database.write(hold))
    await entered.wait()
    headers = {"Authorization": f"Bearer {business.secret_key}"}
    async with httpx.AsyncClient(
        base_url=live_server.url, headers=headers, timeout=stretch(30)
    ) as client:
        in_flight = pay()
        await eventually(held_up)
        waiting = [pay() for _ in range(3)]
        async with httpx.AsyncClient(base_url=live_server.url) as other:
            # Answered after those above are read: they came in first.
            await other.post("/payout/create", json={})
        status = await asyncio.to_thread(live_server.stop)
        answers = [await task for task in (in_flight, *waiting)]
    leave.set()
    await holding

    assert status == 0
    assert [answer.status_code for answer in answers] == [503, 500, 500, 500]
    assert await business.ledger() == before
