"""The database's machine is lost under load: a primary dies by kill -9, its synchronous standby is
promoted, and the same web and worker go on."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from payviox.db.embedded import server
from support.callers import Caller, assert_nothing_lost_or_paid_twice, new_business
from support.installation import Installation
from support.live import SECRET_KEY
from support.polling import eventually
from support.replication import Pair, make_pair

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(150)]

PEOPLE = 16
ROUNDS = 12
CALLS = PEOPLE * ROUNDS * 3 // 2


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = make_pair(tmp_path)
    try:
        yield made
    finally:
        made.kill()


async def test_web_and_worker_go_on_with_the_promoted_standby_and_nothing_is_lost_or_paid_twice(
    pair: Pair, tmp_path: Path
) -> None:
    installation = Installation(
        tmp_path / "home",
        {
            "PAYVIOX_DATABASE_URL": pair.url(server.WEB, standby_first=True),
            "PAYVIOX_MIGRATION_URL": pair.url(server.OWNER, standby_first=True),
            "PAYVIOX_SECRET_KEY": SECRET_KEY,
        },
    )
    installation.home.mkdir()
    installation.done("migrate")
    installation.more["PAYVIOX_DATABASE_URL"] = pair.url(server.WEB)
    serving = installation.start()
    try:
        pids = serving.child("web"), serving.child("worker")
        business = new_business(installation)
        caller = Caller(installation.url, business)
        people = asyncio.gather(*(caller.person(number, ROUNDS) for number in range(PEOPLE)))

        await eventually(lambda: caller.answered >= CALLS // 3 or people.done())
        assert not people.done(), "it is not under load any more"
        await asyncio.to_thread(pair.primary.kill)
        assert pair.standby.ask("SELECT pg_promote(true, 30)") is True
        await eventually(lambda: caller.answered >= CALLS * 2 // 3 or people.done())

        # Nobody has fenced the former primary: it comes back, first in the URL, and takes writes.
        pair.primary.start()
        left = pair.primary.ask("SELECT count(*) FROM transfers")
        await people
        await eventually(caller.all_ended, timeout_s=180, every_s=0.2)
        assert pair.primary.ask("SELECT count(*) FROM transfers") == left

        assert (serving.child("web"), serving.child("worker")) == pids
        async with httpx.AsyncClient(base_url=installation.url) as anybody:

            async def is_heard_of() -> bool:
                ready = await anybody.get("/health/ready")
                return bool(ready.json()["checks"]["worker"] == "ok")

            await eventually(is_heard_of)
        pair.primary.kill()  # a new process would take it for the primary
        await assert_nothing_lost_or_paid_twice(installation, business, caller, PEOPLE, ROUNDS)
    finally:
        serving.stop()
