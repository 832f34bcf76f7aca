"""An answer is shared by all who ask at once and for a moment after; a failure is not kept."""

import asyncio
import gc
import weakref

import pytest

from payviox.reporting.recent import Recent

pytestmark = pytest.mark.anyio


class Answer:
    """What somebody was told."""


class Source:
    """Answers when it is let, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.problem: Exception | None = None
        self.let = asyncio.Event()

    async def ask(self) -> Answer:
        self.asked += 1
        await self.let.wait()
        if self.problem is not None:
            raise self.problem
        return Answer()


@pytest.fixture
async def source() -> Source:
    return Source()


async def test_all_who_ask_at_once_and_a_moment_later_share_one_answer(source: Source) -> None:
    recent = Recent[Answer](600)
    asking = [asyncio.create_task(recent.get("key", source.ask)) for _ in range(5)]
    await asyncio.sleep(0)
    source.let.set()
    answers = {await one for one in asking}
    answers.add(await recent.get("key", source.ask))
    assert (len(answers), source.asked) == (1, 1)
    await recent.get("another key", source.ask)
    assert source.asked == 2


async def test_what_is_too_old_is_asked_anew(source: Source) -> None:
    recent = Recent[Answer](0)
    source.let.set()
    first = await recent.get("key", source.ask)
    assert await recent.get("key", source.ask) is not first
    assert source.asked == 2


async def test_a_failure_is_told_to_all_who_waited_and_to_nobody_later(source: Source) -> None:
    recent = Recent[Answer](600)
    source.problem = LookupError("away")
    asking = [asyncio.create_task(recent.get("key", source.ask)) for _ in range(3)]
    await asyncio.sleep(0)
    source.let.set()
    ends = await asyncio.gather(*asking, return_exceptions=True)
    assert ends == [source.problem] * 3
    source.problem = None
    assert isinstance(await recent.get("key", source.ask), Answer)
    assert source.asked == 2


async def test_one_who_gives_up_leaves_the_answer_to_the_others(source: Source) -> None:
    recent = Recent[Answer](600)
    first, second = (asyncio.create_task(recent.get("key", source.ask)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    source.let.set()
    assert isinstance(await second, Answer)
    assert source.asked == 1


async def test_old_answers_are_let_go(source: Source) -> None:
    recent = Recent[Answer](0)
    source.let.set()
    old = [weakref.ref(await recent.get(number, source.ask)) for number in range(10)]
    await recent.get("the latest", source.ask)
    gc.collect()
    assert [ref() for ref in old] == [None] * 10
