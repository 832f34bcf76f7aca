"""Waiting for what another task, process or thread does: polled, with a deadline."""

import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

T = TypeVar("T")


async def eventually(
    condition: Callable[[], T | Awaitable[T]], timeout_s: float = 10, *, every_s: float = 0.01
) -> T:
    """What `condition` (plain or async) answers once it is true; AssertionError after the timeout.
    An AssertionError of the condition's own counts as not yet."""
    until = time.monotonic() + timeout_s
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
        assert time.monotonic() < until, f"not within {timeout_s} s: {why}"
        await anyio.sleep(every_s)
