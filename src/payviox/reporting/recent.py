"""One answer for all who ask at once, and for a moment after: what pages show, never what is
decided by."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Asked(Generic[T]):
    at: float
    answer: asyncio.Task[T]


class Recent(Generic[T]):
    """Answers by keys. One serves everybody who asks before it is there or less than `keep_s`
    seconds after it was asked for; a failure is told to who waited for it, and not kept."""

    def __init__(self, keep_s: float) -> None:
        self._keep_s = keep_s
        self._asked: dict[Hashable, _Asked[T]] = {}
        """The oldest first."""

    async def get(self, key: Hashable, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What `ask` answers, or answered somebody else just now. Raises what it raises."""
        asked = self._asked.get(key)
        if asked is None or not self._is_good(asked):
            self._forget_old()
            self._asked.pop(key, None)
            asked = self._asked[key] = _Asked(time.monotonic(), asyncio.create_task(ask()))
            asked.answer.add_done_callback(_heard)
        return await asyncio.shield(asked.answer)  # one that gives up leaves it to the others

    def _is_good(self, asked: _Asked[T]) -> bool:
        if not asked.answer.done():
            return True
        has_failed = asked.answer.cancelled() or asked.answer.exception() is not None
        return not has_failed and time.monotonic() - asked.at < self._keep_s

    def _forget_old(self) -> None:
        while self._asked:
            oldest = next(iter(self._asked))
            if self._is_good(self._asked[oldest]):
                return
            del self._asked[oldest]


def _heard(answer: asyncio.Task[Any]) -> None:
    """A failure for which nobody waits any more is no news."""
    if not answer.cancelled():
        answer.exception()
