"""Writes that several mails ask for at about the same time, in one transaction."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, TypeVarTuple

from payviox.db.pool import Connection, Database
from payviox.errors import DatabaseAway, OutcomeUnknown

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

_Asked = tuple[Callable[..., Awaitable[Any]], tuple[Any, ...], "asyncio.Future[Any]"]


class Together:
    """What is asked for while a transaction is under way shares the next one: one after another,
    and one commit. Where it fails each is tried alone: one's trouble is not the others'."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asked: list[_Asked] = []
        self._task: asyncio.Task[None] | None = None

    async def write(
        self,
        work: Callable[[Connection, *Arguments], Awaitable[T]],
        *arguments: *Arguments,
    ) -> T:
        """Answer and raise what `Database.write` does. Once it is asked for it is done, also where
        its caller is cancelled meanwhile."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._asked.append((work, arguments, done))
        if self._task is None:
            self._task = asyncio.create_task(self._write_all())
        return await asyncio.shield(done)

    async def rest(self, most_s: float) -> None:
        """Wait until all that was asked for is done, so many seconds at most."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=most_s)

    async def _write_all(self) -> None:
        try:
            while self._asked:
                await asyncio.sleep(0)  # whoever asks in the same turn of the loop comes along
                asked, self._asked = self._asked, []
                await self._write(asked)
        finally:
            self._task = None

    async def _write(self, asked: Sequence[_Asked]) -> None:
        async def all_of_them(connection: Connection) -> list[Any]:
            return [await work(connection, *arguments) for work, arguments, _ in asked]

        try:
            answers = await self._database.write(all_of_them)
        except (DatabaseAway, OutcomeUnknown) as error:
            _fail(asked, error)
        except Exception as error:  # noqa: BLE001  # whoever asked has it
            if len(asked) == 1:
                _fail(asked, error)
                return
            for each in asked:
                await self._write([each])
        except BaseException as ended:
            _fail(asked, ended)
            raise
        else:
            for (_, _, done), answer in zip(asked, answers, strict=True):
                done.set_result(answer)


def _fail(asked: Sequence[_Asked], error: BaseException) -> None:
    for _, _, done in asked:
        if isinstance(error, asyncio.CancelledError):
            done.cancel()
        else:
            done.set_exception(error)
            done.exception()  # its caller may be gone
