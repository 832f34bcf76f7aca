"""A whole installation under load: people are paid and withdraw, while web, worker and PostgreSQL
are killed in turn. Every call is repeated with its key until it is answered; afterwards each has
had one effect, each order its end, and the ledger is whole."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import psycopg
import pytest

from payviox import ids
from payviox.db.embedded import embedded, processes
from payviox.db.embedded.layout import Layout
from payviox.db.pool import Database
from support.ageing import bring_forward
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
    kills = [(lambda what=what: kill(serving, what)) for what in KILLS]
    await go_through(serving, kills, joined(installation))


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
    kills = [web, crashes[0], worker, *crashes[1:], web, crashes[0]]
    await go_through(serving, kills, nullcontext(fresh_urls.application))


def crash(url: str) -> None:
    """Kill one session of a server on this machine: all others end with it, and it recovers."""
    with psycopg.connect(url, autocommit=True) as connection:
        os.kill(connection.info.backend_pid, signal.SIGKILL)


@contextmanager
def joined(installation: Installation) -> Iterator[str]:
    """The URL of its embedded database, which goes on meanwhile."""
    with embedded(installation.home) as cluster:
        yield cluster.application_url


async def let_leases_run_out(url: str, business_id: str) -> None:
    """Let more than a minute go by for whatever is under way: what a killed worker held is looked
    up, and so is what the one that runs holds just now."""
    database = Database(url)
    await database.open()
    try:
        found = ids.parse(ids.BUSINESS, business_id)
        assert found is not None
        await bring_forward(database, found, 61.0)
    finally:
        await database.close()


async def go_through(
    serving: Serving, kills: Sequence[Callable[[], None]], database: AbstractContextManager[str]
) -> None:
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

        with database as url:
            await let_leases_run_out(url, business["business_id"])
        await eventually(caller.all_ended, timeout_s=120, every_s=0.2)
        await assert_nothing_lost_or_paid_twice(installation, business, caller, PEOPLE, ROUNDS)
    finally:
        serving.stop()
    assert until(lambda: not installation.left(), 15)
