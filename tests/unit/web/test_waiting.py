"""How long somebody waits for a client."""

import asyncio

import pytest

from payviox.web.waiting import Waiting

pytestmark = pytest.mark.anyio


async def test_what_comes_in_time_is_had() -> None:
    waiting = Waiting()

    async def coming() -> str:
        await asyncio.sleep(0)
        return "here"

    assert await waiting.within(60, coming()) == "here"


async def test_what_does_not_come_is_given_up_for_each_at_its_own_time() -> None:
    waiting = Waiting()
    never = asyncio.Event()

    async def one(seconds: float) -> str:
        try:
            await waiting.within(seconds, never.wait())
        except TimeoutError:
            return "given up"
        return "here"

    patient = asyncio.create_task(one(3600))
    assert await asyncio.gather(one(0.01), one(0.02)) == ["given up", "given up"]
    assert not patient.done()
    never.set()
    assert await patient == "here"


async def test_who_was_given_up_may_wait_again() -> None:
    waiting = Waiting()
    with pytest.raises(TimeoutError):
        await waiting.within(0, asyncio.Event().wait())
    with pytest.raises(TimeoutError):
        await waiting.within(0, asyncio.Event().wait())
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]  # this is one


async def test_who_is_told_to_end_ends_whatever_the_time_is() -> None:
    waiting = Waiting()
    begun = asyncio.Event()

    async def one() -> None:
        begun.set()
        await waiting.within(0, asyncio.Event().wait())

    task = asyncio.create_task(one())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
