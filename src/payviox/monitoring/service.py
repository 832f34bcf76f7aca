"""Whether the installation can do its work, and the figures that its operator watches."""

import asyncio
import functools
from dataclasses import dataclass

import psycopg
from psycopg_pool import PoolTimeout

from payviox.db import migrate
from payviox.db.pool import Database
from payviox.monitoring import queries
from payviox.monitoring.queries import Counted, Due, Workers

HEARTBEAT_S = 60.0
"""A worker whose last heartbeat is older counts as gone."""

TIMEOUT_S = 3.0
"""A database that takes longer to answer counts as away."""

OK = "ok"


@dataclass(frozen=True, slots=True)
class Readiness:
    """What was checked, each `ok` or what is wrong, in a sentence."""

    database: str
    schema: str
    worker: str

    @property
    def ready(self) -> bool:
        return self.database == self.schema == self.worker == OK


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that is read from the database for the operator's metrics."""

    workers: Workers
    due: Due
    open_orders: list[Counted]
    balances: list[Counted]
    low_stock: list[Counted]


async def readiness(database: Database) -> Readiness:
    """Ask the database, once and not for long."""
    try:
        async with asyncio.timeout(TIMEOUT_S), database.read() as connection:
            found = await queries.schema_revision(connection)
            if found != _known_revision():
                message = (
                    f"the database is at schema {found}, this version needs {_known_revision()}"
                )
                return Readiness(OK, message, "not checked")
            workers = await queries.workers(connection, HEARTBEAT_S)
    except (psycopg.Error, PoolTimeout, TimeoutError):
        return Readiness("the database does not answer", "not checked", "not checked")
    if workers.alive:
        return Readiness(OK, OK, OK)
    return Readiness(OK, OK, f"no worker has been heard of for {HEARTBEAT_S:.0f} s")


async def figures(database: Database) -> Figures | None:
    """The figures, None where the database does not answer."""
    try:
        async with asyncio.timeout(TIMEOUT_S), database.read() as connection:
            return Figures(
                await queries.workers(connection, HEARTBEAT_S),
                await queries.due(connection),
                await queries.open_orders(connection),
                await queries.balances(connection),
                await queries.low_stock(connection),
            )
    except (psycopg.Error, PoolTimeout, TimeoutError):
        return None


@functools.cache
def _known_revision() -> str:
    return migrate.newest_revision()
