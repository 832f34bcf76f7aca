"""Several web processes on one port under one `serve`: killed, reloaded under load, counted."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.installation import Installation, Serving
from support.machine import stretch
from support.polling import eventually, until

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("two web processes")]

PAUSE_S = 0.04
"""Of a caller between two calls: processes that start meanwhile are left some of the cores."""


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, made_home: Path) -> Iterator[Serving]:
    home = tmp_path_factory.mktemp("processes") / "home"
    installation = Installation.copied(made_home, home, PAYVIOX_WEB_PROCESSES="2")
    started = installation.start()
    yield started
    assert started.stop() < 10
    assert until(lambda: not installation.left())


@pytest.fixture(scope="module")
def business(serving: Serving) -> Any:
    """A test business that can pay out 1,000,000 cents."""
    installation = serving.installation
    made = installation.told("business", "create", "Acme")["test"]
    installation.done("business", "deposit", made["business_id"], "1000000", "-r", "first")
    installation.done("business", "fund", made["business_id"], "1000000")
    installation.done("business", "enable-payouts", made["business_id"])
    return made


@dataclass
class Callers:
    """Clients that pay again and again, over kept connections and new ones."""

    statuses: Counter[int] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    """Calls that got no answer."""
    pause_s: float = PAUSE_S


@asynccontextmanager
async def paying(serving: Serving, business: Any) -> AsyncIterator[Callers]:
    """Six callers within the block; every other one opens a connection for each call."""
    callers, stop = Callers(), asyncio.Event()
    options: Any = {
        "base_url": serving.installation.url,
        "headers": {"Authorization": f"Bearer {business['secret_key']}"},
        "timeout": stretch(30),
    }

    async def call(client: httpx.AsyncClient, number: int) -> None:
        body = {"email": f"u{number}@example.com", "amount": 1}
        try:
            answer = await client.post("/payout/create", json=body)
        except (httpx.TransportError, AttributeError) as error:
            # The latter is anyio's, where a connection is reset in the moment in which it is made.
            callers.broken.append(repr(error))
        else:
            callers.statuses[answer.status_code] += 1

    async def caller(number: int) -> None:
        kept = httpx.Limits(max_keepalive_connections=number % 2)
        async with httpx.AsyncClient(**options, limits=kept) as client:
            while not stop.is_set():
                await call(client, number)
                await asyncio.sleep(callers.pause_s)

    tasks = [asyncio.create_task(caller(number)) for number in range(6)]
    try:
        await eventually(lambda: callers.statuses[201] > 20)
        yield callers
    finally:
        stop.set()
        await asyncio.gather(*tasks)


def paid(installation: Installation, business: Any) -> int:
    shown = installation.told("business", "show", business["business_id"])
    return 1_000_000 - int(shown["payout_balance"])


async def test_a_reload_under_load_refuses_and_loses_nothing(
    serving: Serving, business: Any
) -> None:
    installation = serving.installation
    web, worker = serving.children("web"), serving.child("worker")
    before = paid(installation, business)
    async with paying(serving, business) as callers:
        said = await asyncio.to_thread(installation.done, "reload")
        already = callers.statuses[201]
        await eventually(lambda: callers.statuses[201] > already + 20)

    assert said == "Reloaded."
    assert callers.broken == []
    assert set(callers.statuses) == {201}
    assert paid(installation, business) - before == callers.statuses[201]
    assert len(web) == len(serving.children("web")) == 2
    assert not set(web) & set(serving.children("web"))
    assert serving.child("worker") != worker
    assert installation.told("ledger", "verify")["ok"] is True


async def test_a_killed_process_is_replaced_while_the_other_serves_on(
    serving: Serving, business: Any
) -> None:
    victim, other = serving.children("web")
    before = paid(serving.installation, business)
    async with paying(serving, business) as callers:
        callers.pause_s, already = 0.0, callers.statuses[201]  # it shall have calls under way
        await eventually(lambda: callers.statuses[201] > already + 20)
        os.kill(victim, signal.SIGKILL)
        callers.pause_s, already = PAUSE_S, callers.statuses[201]
        await eventually(lambda: callers.statuses[201] > already + 20)
        await eventually(lambda: len(serving.children("web")) == 2)

    assert other in serving.children("web")
    assert set(callers.statuses) == {201}, "nobody is refused; what it worked on has no answer"
    # Each caller's call in flight, and a connection that was made before the death was noticed.
    assert len(callers.broken) <= 12
    lost = paid(serving.installation, business) - before - callers.statuses[201]
    assert 0 <= lost <= len(callers.broken)


async def test_new_calls_do_not_wait_for_a_process_that_hangs(
    serving: Serving, business: Any
) -> None:
    """Once it is missed; where it goes on, another one takes its place."""
    url, victim = serving.installation.url, serving.children("web")[0]

    async def ask() -> bool:
        try:
            async with httpx.AsyncClient(timeout=stretch(1)) as client:
                return (await client.get(f"{url}/health/live")).status_code == 200
        except (httpx.TransportError, AttributeError):  # as above
            return False

    async def all_answer() -> bool:
        return all(await asyncio.gather(*(ask() for _ in range(12))))

    os.kill(victim, signal.SIGSTOP)
    try:
        assert not await all_answer()
        await eventually(all_answer)
        before = paid(serving.installation, business)
        async with paying(serving, business) as callers:
            pass
        assert callers.broken == []
    finally:
        os.kill(victim, signal.SIGCONT)
    await eventually(
        lambda: victim not in (web := serving.children("web")) and len(web) == 2,
    )
    await eventually(all_answer)
    assert paid(serving.installation, business) - before == callers.statuses[201]


async def test_each_process_shows_what_all_have_counted(serving: Serving, business: Any) -> None:
    """Also what those have counted that are gone: no count goes back."""

    def page() -> dict[str, list[Any]]:
        """The samples of one process's page; which one is chance."""
        text = httpx.get(f"{serving.installation.url}/metrics", timeout=stretch(30)).text
        return {family.name: family.samples for family in text_string_to_metric_families(text)}

    def counted() -> float:
        samples = page()["payviox_http_requests"]
        labels = {"method": "POST", "route": "/payout/create", "status": "201"}
        return sum(sample.value for sample in samples if sample.labels == labels)

    async def counted_after(before: float) -> float:
        """What is shown once people were paid; an answer is counted just after it was given."""
        async with paying(serving, business) as callers:
            pass
        after = before + callers.statuses[201]
        await eventually(lambda: counted() == after)
        return after

    before = await counted_after(counted())
    victim = serving.children("web")[0]
    os.kill(victim, signal.SIGKILL)
    await eventually(lambda: victim not in (web := serving.children("web")) and len(web) == 2)
    after = await counted_after(before)
    assert {counted() for _ in range(20)} == {after}

    def shown() -> list[str]:
        return sorted(each.labels["process"] for each in page()["process_resident_memory_bytes"])

    # One that a test before has ended may still be starting.
    await eventually(lambda: len(set(shown())) == len(shown()) == 2)
    [queue] = page()["payviox_allocation_queue_items"]
    assert (queue.labels, queue.value) == ({}, 0)
