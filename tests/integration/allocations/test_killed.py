"""The web process dies by kill -9 at the worst moments: nothing acknowledged is lost, nothing is
paid twice, and a retry with the same key gets the first answer."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from support.citus import one_server
from support.databases import Urls
from support.machine import stretch
from support.polling import eventually

pytestmark = pytest.mark.anyio


@contextlib.contextmanager
def commits_wait(urls: Urls) -> Iterator[Any]:
    """Makes every COMMIT of a group wait, in PostgreSQL, until the lock is given back."""
    with urls.as_admin() as admin:
        admin.execute(
            "CREATE OR REPLACE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN PERFORM pg_advisory_xact_lock(4712); RETURN NULL; END'"
        )
        admin.execute(
            "CREATE CONSTRAINT TRIGGER wait_at_commit AFTER INSERT ON allocation_groups"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_at_commit()"
        )
        admin.execute("SELECT pg_advisory_lock(4712)")
        try:
            yield admin
        finally:
            admin.execute("SELECT pg_advisory_unlock_all()")
            admin.execute("DROP TRIGGER wait_at_commit ON allocation_groups")


def client(server: Any, business: Any) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {business.secret_key}"}
    return httpx.AsyncClient(base_url=server.url, headers=headers, timeout=stretch(30))


async def create(http: httpx.AsyncClient, email: str, key: str) -> httpx.Response:
    return await http.post(
        "/payout/create", json={"email": email, "amount": 5}, headers={"Idempotency-Key": key}
    )


@one_server
async def test_killed_between_commit_and_answer_the_retry_gets_the_first_answer(
    business, live_server, urls
) -> None:
    async with client(live_server, business) as http:
        with commits_wait(urls) as admin:
            first = asyncio.ensure_future(create(http, "a@x.com", "k"))
            await eventually(
                lambda: admin.execute(
                    "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                ).fetchone()
            )
            await asyncio.to_thread(live_server.kill)  # the COMMIT is under way; nobody hears of it
            with pytest.raises(httpx.TransportError):
                await first
        await asyncio.to_thread(live_server.start)
        again = await create(http, "a@x.com", "k")
        assert again.status_code == 201
        assert again.headers["idempotent-replayed"] == "true"
        assert (await create(http, "a@x.com", "k")).content == again.content
    assert (await business.ledger())["a@x.com"] == 5


async def test_killed_again_and_again_under_load_every_key_has_one_effect(
    business, live_server
) -> None:
    """Clients retry with the same key until they are answered."""
    acknowledged: dict[str, bytes] = {}
    stop = asyncio.Event()

    async def work(worker: int) -> None:
        number = 0
        async with client(live_server, business) as http:
            while not stop.is_set():
                key = f"{worker}.{number}"
                number += 1
                while key not in acknowledged:
                    try:
                        answer = await create(http, f"u{worker}@x.com", key)
                    except httpx.TransportError:
                        await asyncio.sleep(0.02)  # it is being started again
                        continue
                    assert answer.status_code == 201, answer.text
                    acknowledged[key] = answer.content

    workers = [asyncio.ensure_future(work(n)) for n in range(10)]
    for _ in range(3):
        so_far = len(acknowledged)
        await eventually(lambda so_far=so_far: len(acknowledged) > so_far + 40, 30, every_s=0.001)
        await asyncio.to_thread(live_server.kill)
        await asyncio.to_thread(live_server.start)
    stop.set()
    await asyncio.gather(*workers)
    books = await business.ledger()
    assert books.transfers["allocation"] == books.idempotency_keys == len(acknowledged)
    for worker in range(10):
        keys = [key for key in acknowledged if key.startswith(f"{worker}.")]
        assert books[f"u{worker}@x.com"] == 5 * len(keys)
        assert len({acknowledged[key] for key in keys}) == 1, "one payout user has one hash"


@one_server
async def test_ended_by_sigterm_it_answers_what_is_in_flight(business, live_server, urls) -> None:
    async with client(live_server, business) as http:
        with commits_wait(urls) as admin:
            tasks = [asyncio.ensure_future(create(http, f"u{n}@x.com", f"k{n}")) for n in range(5)]
            await eventually(
                lambda: admin.execute(
                    "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                ).fetchone()
            )
            live_server.process.terminate()
        answers = await asyncio.gather(*tasks)
        assert {answer.status_code for answer in answers} == {201}
    assert await asyncio.to_thread(live_server.process.wait, 30) == 0
    assert (await business.ledger()).transfers["allocation"] == 5
