"""Lanes: one runner a business, none waiting for another."""

import asyncio
from uuid import UUID

import pytest

from payviox.lanes import Lanes
from support.polling import eventually

pytestmark = pytest.mark.anyio

SLOW, QUICK = UUID(int=1), UUID(int=2)


async def test_a_slow_business_does_not_hold_up_another() -> None:
    released, served = asyncio.Event(), []

    async def work(business_id: UUID) -> None:
        if business_id == SLOW:
            await released.wait()
        served.append(business_id)

    lanes = Lanes(work)
    lanes.wake(SLOW)
    lanes.wake(QUICK)
    await eventually(lambda: served == [QUICK])
    released.set()
    await eventually(lambda: served == [QUICK, SLOW])


async def test_a_business_woken_while_it_is_served_is_served_once_more_and_not_twice_at_once() -> (
    None
):
    running = most = runs = 0
    gate = asyncio.Event()

    async def work(_: UUID) -> None:
        nonlocal running, most, runs
        running += 1
        most = max(most, running)
        await gate.wait()
        runs += 1
        running -= 1

    lanes = Lanes(work)
    for _ in range(10):
        lanes.wake(SLOW)
    await eventually(lambda: running == 1)
    lanes.wake(SLOW)
    lanes.wake(SLOW)
    gate.set()
    await eventually(lambda: runs == 2 and running == 0)
    assert most == 1


async def test_work_that_breaks_off_leaves_the_lane_open_for_the_next_waking() -> None:
    runs = 0

    async def work(_: UUID) -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise ValueError

    lanes = Lanes(work)
    lanes.wake(SLOW)
    await eventually(lambda: runs == 1)
    lanes.wake(SLOW)
    await eventually(lambda: runs == 2)


async def test_stopping_interrupts_what_runs_and_starts_nothing_more() -> None:
    started, interrupted = asyncio.Event(), asyncio.Event()

    async def work(_: UUID) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            interrupted.set()
            raise

    lanes = Lanes(work)
    lanes.wake(SLOW)
    await started.wait()
    await lanes.stop()
    assert interrupted.is_set()
    started.clear()
    lanes.wake(QUICK)
    await asyncio.sleep(0)
    assert not started.is_set()
