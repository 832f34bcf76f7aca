"""The allocation engine without HTTP: its queue, and a lock that keeps requests waiting in it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from payviox.allocations.batcher import Batcher
from payviox.allocations.model import Item, Outcome
from payviox.db.pool import Connection, Database
from payviox.keyring import Keyring
from payviox.ledger import service as ledger
from payviox.ledger.model import PAYOUT
from support import lock_waits
from support.businesses import TestBusiness, open_business
from support.live import SECRET_KEY
from support.polling import eventually


class Engine:
    """A business and an allocation queue of its own on a database."""

    def __init__(self, business: TestBusiness, batcher: Batcher) -> None:
        self.business = business
        self.batcher = batcher

    @property
    def database(self) -> Database:
        return self.business.database

    def submit(self, *items: Item, **options: Any) -> "asyncio.Task[list[Outcome]]":
        return asyncio.ensure_future(
            self.batcher.submit(self.business.business_id, items, **options)
        )

    def pay(self, email: str, amount: int, **more: Any) -> "asyncio.Task[list[Outcome]]":
        return self.submit(Item(email, amount, **more))

    async def queued(self, items: int) -> None:
        """Wait until so many items wait for the group in flight."""
        await eventually(lambda: self.batcher.queued == items)

    async def groups(self) -> int:
        """How many groups were committed."""
        return await self.business.scalar(
            "SELECT count(*) FROM allocation_groups WHERE business_id = %s",
            self.business.business_id,
        )

    @contextlib.asynccontextmanager
    async def locked(
        self, change: Callable[[Connection], Awaitable[Any]] | None = None
    ) -> AsyncIterator[None]:
        """Hold the payout account's lock; at the end run `change` under it and commit."""
        entered, leave = asyncio.Event(), asyncio.Event()

        async def work(connection: Connection) -> None:
            await ledger.lock(connection, self.business.business_id, [PAYOUT])
            entered.set()
            await leave.wait()
            if change is not None:
                await change(connection)

        holding = asyncio.ensure_future(self.database.write(work))
        await entered.wait()
        try:
            yield
        finally:
            leave.set()
            await holding

    async def waiting_for_a_lock(self, count: int = 1) -> list[int]:
        """Wait until so many of the database's sessions wait for a lock; answers their pids."""

        async def enough() -> list[int] | None:
            pids = list(await self.database.fetch(lock_waits.waiting))
            return pids if len(pids) >= count else None

        found = await eventually(enough)
        assert found is not None
        return found


@pytest.fixture
def keyring() -> Keyring:
    return Keyring(SECRET_KEY)


@pytest.fixture
async def make_engine(
    database: Database, keyring: Keyring
) -> AsyncIterator[Callable[..., Awaitable[Engine]]]:
    """Call it with funds and capacity=… and await it. Its ledger is checked at the end."""
    made: list[Engine] = []

    async def make(funds: int = 1_000_000, *, capacity: int = 10_000) -> Engine:
        business = await open_business(database, funds=funds)
        made.append(Engine(business, Batcher(database, keyring, capacity=capacity)))
        return made[-1]

    yield make
    for engine in made:
        await engine.batcher.drain()
        await engine.business.ledger()


@pytest.fixture
async def engine(make_engine: Callable[..., Awaitable[Engine]]) -> Engine:
    return await make_engine()
