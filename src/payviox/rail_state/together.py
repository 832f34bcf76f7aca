"""What many calls ask of the database at the same time, done together: while one group is under
way, whatever is asked meanwhile is the next."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from payviox.errors import DatabaseAway, OutcomeUnknown

K = TypeVar("K", bound=Hashable)
Q = TypeVar("Q")
A = TypeVar("A")

MOST = 100
"""Questions in one group."""
ALONE = 4
"""Questions of broken groups that are tried at once: what one waits for may take long."""


class Together(Generic[K, Q, A]):
    """Asks `work` for many at once. It gets a group's key and its questions, and answers each, with
    an exception where that is the answer. What it raises is raised by all of the group, after each
    was tried alone where the trouble may be another's; the next group does not wait for that.

    One is a group of one. A group begins after its questions were asked, and ends also where those
    who asked are gone; what nobody waits for any more is left out.
    """

    def __init__(
        self, work: Callable[[K, Sequence[Q]], Awaitable[Sequence[A | Exception]]]
    ) -> None:
        self._work = work
        self._waiting: dict[K, list[tuple[Q, asyncio.Future[A]]]] = {}
        self._running: dict[K, asyncio.Task[None]] = {}
        self._alone: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(ALONE)

    async def ask(self, key: K, question: Q) -> A:
        """The answer to one; raises it where it is an exception."""
        future: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append((question, future))
        if key not in self._running:
            # In a context of its own: its work is not that of whoever came first.
            self._running[key] = asyncio.create_task(self._run(key), context=Context())
        return await future

    async def _run(self, key: K) -> None:
        try:
            while waiting := self._waiting.pop(key, None):
                if waiting[MOST:]:
                    self._waiting[key] = waiting[MOST:]
                await self._answer(key, waiting[:MOST])
        finally:
            del self._running[key]

    async def _try_alone(self, key: K, asked: tuple[Q, asyncio.Future[A]]) -> None:
        async with self._room:
            await self._answer(key, [asked])

    async def _answer(self, key: K, asked: Sequence[tuple[Q, asyncio.Future[A]]]) -> None:
        asked = [(question, future) for question, future in asked if not future.done()]
        if not asked:
            return
        answers: Sequence[A | Exception]
        try:
            answers = await self._work(key, [question for question, _ in asked])
        except (DatabaseAway, OutcomeUnknown) as error:
            answers = [error] * len(asked)
        except Exception as error:  # noqa: BLE001  # whoever asked raises it
            if len(asked) > 1:
                for each in asked:
                    task = asyncio.create_task(self._try_alone(key, each), context=Context())
                    self._alone.add(task)
                    task.add_done_callback(self._alone.discard)
                return
            answers = [error]
        for (_, future), answer in zip(asked, answers, strict=True):
            if future.done():  # whoever asked is gone
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
