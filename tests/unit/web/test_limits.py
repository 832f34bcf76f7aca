"""How many are inside at once."""

import asyncio

import pytest

from payviox.errors import Busy
from payviox.web.limits import Gate

pytestmark = pytest.mark.anyio


async def test_who_finds_a_gate_full_waits_for_a_place() -> None:
    gate, entered, leave = Gate(1, 60), asyncio.Event(), asyncio.Event()

    async def enter() -> None:
        async with gate.enter():
            entered.set()
            await leave.wait()

    first = asyncio.create_task(enter())
    await entered.wait()
    second = asyncio.create_task(enter())
    leave.set()
    await asyncio.gather(first, second)


@pytest.mark.parametrize("wait_s", [0.0, 0.01])
async def test_who_gets_no_place_in_time_is_refused_and_takes_none(wait_s: float) -> None:
    gate = Gate(1, wait_s)
    async with gate.enter():
        with pytest.raises(Busy):
            async with gate.enter():
                raise AssertionError
    async with gate.enter():
        pass
