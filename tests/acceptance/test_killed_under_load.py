"""A whole installation under load: people are paid and withdraw, while web, worker and PostgreSQL
are killed in turn. Every call is repeated with its key until it is answered; afterwards each has
had one effect, each order its end, and the ledger is whole."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from payviox.db.embedded import processes
from payviox.db.embedded.layout import Layout
from support.callers import Caller, assert_nothing_lost_or_paid_twice, new_business
from support.installation import Installation, Serving, until
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
    try:
        business = new_business(installation)
        caller = Caller(installation.url, business)
        people = asyncio.gather(*(caller.person(number, ROUNDS) for number in range(PEOPLE)))
        steps = PEOPLE * ROUNDS * 3 // 2 // (len(KILLS) + 1)
        for number, what in enumerate(KILLS, 1):
            wanted = number * steps
            await eventually(lambda n=wanted: caller.answered >= n or people.done(), 60)
            await asyncio.to_thread(kill, serving, what)
        await people

        # A killed worker's orders are looked up when its lease of 60 s has run out.
        await eventually(caller.all_ended, timeout_s=120, every_s=0.2)
        await assert_nothing_lost_or_paid_twice(installation, business, caller, PEOPLE, ROUNDS)
    finally:
        serving.stop()
    assert until(lambda: not installation.left(), 15)
