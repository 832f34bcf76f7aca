"""A web process that is told to stop: all that it has taken are answered, and it ends well."""

import asyncio
import http.client
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from payviox.db.pool import Connection
from payviox.ledger import service as ledger
from payviox.ledger.model import PAYOUT
from payviox.web import listening
from payviox.web.processes import WebProcess
from support import live, lock_waits
from support.businesses import TestBusiness
from support.databases import Urls
from support.live import LiveServer
from support.machine import stretch
from support.polling import eventually, until

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
        return len(await business.database.fetch(lock_waits.waiting)) == 1

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


def test_one_that_is_replaced_closes_what_it_has_and_leaves_new_connections_to_the_others(
    urls: Urls, tmp_path: Path
) -> None:
    """They wait in the socket that its parent holds, with what was sent already."""
    with listening.bind("127.0.0.1", 0) as listener:
        listening.listen(listener)
        own = WebProcess(together=2, listener=listener.fileno())
        process = subprocess.Popen(
            [live.PAYVIOX, "web", "--process", own.write()],
            env=live.environment(tmp_path / "home", urls.application),
            pass_fds=own.descriptors,
        )
        host, port = listener.getsockname()
        kept = http.client.HTTPConnection(host, port, timeout=stretch(90))

        def says_close() -> bool:
            kept.request("GET", "/health/live")
            answer = kept.getresponse()
            assert answer.read() == b'{"status":"live"}'
            return answer.getheader("Connection") == "close"

        try:
            assert not says_close()
            process.send_signal(signal.SIGUSR1)
            until(says_close)
            with socket.create_connection((host, port)) as new:
                new.sendall(b"GET / HTTP/1.1")
                assert process.wait(stretch(30)) == 0
                accepted, peer = listener.accept()
                with accepted:
                    assert peer == new.getsockname()
                    assert accepted.recv(100) == b"GET / HTTP/1.1"
        finally:
            kept.close()
            process.kill()
            process.wait()
