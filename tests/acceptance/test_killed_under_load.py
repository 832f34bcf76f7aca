"""A whole installation under load: people are paid and withdraw, while web, worker and PostgreSQL
are killed in turn. Every call is repeated with its key until it is answered; afterwards each has
had one effect, each order its end, and the ledger is whole."""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg
import pytest

from payviox.db.embedded import processes
from payviox.db.embedded.layout import Layout
from support.callers import Caller, assert_nothing_lost_or_paid_twice, new_business
from support.citus import CLUSTER, nodes_of
from support.databases import Urls
from support.installation import Installation, Serving, until
from support.live import SECRET_KEY
from support.polling import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]

PEOPLE = 24
ROUNDS = 12
KILLS = ("web", "postgres", "worker", "web", "worker", "postgres")


def kill(serving: Serving, what: str) -> None:
    if what != "postgres":
        os.kill(serving.child(what), signal.SIGKILL)
        return
    layout = Layout(serving.installation.home)
    secrets = layout.read_secrets()
    assert secrets is not None
    name = layout.cluster_name(secrets.name)
    for pid, is_postmaster in processes.server_processes(name).items():
        if is_postmaster:
            os.kill(pid, signal.SIGKILL)


async def test_whatever_is_killed_every_key_has_one_effect_and_every_order_its_end(
    tmp_path: Path, made_home: Path
) -> None:
    installation = Installation.copied(made_home, tmp_path / "home")
    serving = installation.start()
    await go_through(serving, [(lambda what=what: kill(serving, what)) for what in KILLS])


@pytest.mark.skipif(CLUSTER not in os.environ, reason=f"{CLUSTER} names no cluster")
async def test_whatever_of_a_cluster_is_killed_it_is_the_same(
    fresh_urls: Urls, tmp_path: Path
) -> None:
    given = {
        "PAYVIOX_DATABASE_URL": fresh_urls.application,
        "PAYVIOX_MIGRATION_URL": fresh_urls.owner,
        "PAYVIOX_SECRET_KEY": SECRET_KEY,
    }
    serving = Installation(tmp_path / "home", given).start()
    coordinator, *nodes = nodes_of(fresh_urls)
    web, worker = (lambda: kill(serving, "web")), (lambda: kill(serving, "worker"))
    crashes = [(lambda url=url: crash(url)) for url in (coordinator, *nodes)]
    await go_through(serving, [web, crashes[0], worker, *crashes[1:], web, crashes[0]])


def crash(url: str) -> None:
    """Kill one session of a server on this machine: all others end with it, and it recovers."""
    with psycopg.connect(url, autocommit=True) as connection:
        os.kill(connection.info.backend_pid, signal.SIGKILL)


async def go_through(serving: Serving, kills: Sequence[Callable[[], None]]) -> None:
    """Pay people under load, who withdraw, with all these in between, and look at the books."""
    installation = serving.installation
    try:
        business = new_business(installation)
        caller = Caller(installation.url, business)
        people = asyncio.gather(*(caller.person(number, ROUNDS) for number in range(PEOPLE)))
        steps = PEOPLE * ROUNDS * 3 // 2 // (len(kills) + 1)
        for number, one in enumerate(kills, 1):
            wanted = number * steps
            await eventually(lambda n=wanted: caller.answered >= n or people.done(), 60)
            await asyncio.to_thread(one)
        await people

        # A killed worker's orders are looked up when its lease of 60 s has run out.
        await eventually(caller.all_ended, timeout_s=120, every_s=0.2)
        await assert_nothing_lost_or_paid_twice(installation, business, caller, PEOPLE, ROUNDS)
    finally:
        serving.stop()
    assert until(lambda: not installation.left(), 15)
