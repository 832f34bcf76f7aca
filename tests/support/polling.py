"""Waiting for what another task, process or thread does: polled, with a deadline that stretches
with the machine."""

import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from support.machine import stretch

T = TypeVar("T")


async def eventually(
    condition: Callable[[], T | Awaitable[T]],
    timeout_s: float = 30,
    *,
    every_s: float | None = None,
) -> T:
    """What `condition` (plain or async) answers once it is true; AssertionError after the timeout.
    An AssertionError of the condition's own counts as not yet. Unless it is told how often to ask,
    it asks ever more seldom: long waits would be most of a core."""
    pause = 0.01 if every_s is None else every_s
    until = time.monotonic() + stretch(timeout_s)
    while True:
        try:
            answer = condition()
            if inspect.isawaitable(answer):
                answer = await answer
            if answer:
                return answer
            why = f"last answer {answer!r}"
        except AssertionError as error:
            why = str(error)
        assert time.monotonic() < until, f"not within {timeout_s} s of a quick machine: {why}"
        await anyio.sleep(pause)
        pause = min(1.2 * pause, 0.05) if every_s is None else every_s


def until(condition: Callable[[], T], within_s: float = 30, *, every_s: float = 0.05) -> T:
    """As `eventually`, where nothing is asynchronous; what the condition raises is raised."""
    deadline = time.monotonic() + stretch(within_s)
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {within_s} s of a quick machine"
        time.sleep(every_s)
    return answer
