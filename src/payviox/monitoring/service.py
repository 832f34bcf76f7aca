"""Whether the installation can do its work, and the figures that its operator watches."""

import asyncio
import functools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import psycopg

from payviox import ids
from payviox.db import schema
from payviox.db.pool import Connection, Database
from payviox.errors import DatabaseAway
from payviox.giftcards import holds
from payviox.monitoring import archive
from payviox.monitoring.archive import FolderWatch, Place, State
from payviox.monitoring.queries import figures as queries
from payviox.monitoring.queries import reconciliation
from payviox.monitoring.queries.figures import Counted, Due, Waiting, Workers
from payviox.monitoring.queries.reconciliation import Compared
from payviox.monitoring.write_probe import WriteProbe
from payviox.rails.failures import FAILURES, UNEXPLAINED
from payviox.rails.reviews import REVIEWS
from payviox.rails.waiting import WAITING
from payviox.reporting import attention
from payviox.reporting.attention import Matter

HEARTBEAT_S = 60.0
"""A worker whose last heartbeat is older counts as gone."""

UNKNOWN_FOR = timedelta(days=7)
"""Orders made before then are not looked at for a failure that nobody explains."""

BROKEN_FOR_S = 7 * 3600.0
"""The worker checks the ledger every six hours, and says anew what is still broken."""

TIMEOUT_S = 3.0
"""A database that takes longer to answer counts as away."""

OK = "ok"
BACKUPS_UNWELL = "the backups are not well: see `payviox database show`"
"""Whoever asks for readiness hears of no folder's name."""


class Readiness(msgspec.Struct, frozen=True):
    """What was checked, each `ok` or what is wrong, in a sentence."""

    database: str
    schema: str
    worker: str
    stock: str
    """Whether gift cards leave; the installation is ready all the same where they are held."""
    backup: str
    """Whether what is committed is archived and backed up, where that was begun; as above."""

    @property
    def ready(self) -> bool:
        return self.works and self.worker == OK

    @property
    def works(self) -> bool:
        """Whether a web process can do its work: workers are others' business."""
        return self.database == self.schema == OK

    @property
    def reason(self) -> str:
        """Why it cannot."""
        return self.schema if self.database == OK else self.database


class Figures(msgspec.Struct, frozen=True):
    """Everything that is read from the database for the operator's metrics."""

    workers: Workers
    due: Due
    open_orders: list[Counted]
    waiting_orders: list[Waiting]
    unknown_reasons: list[Counted]
    balances: list[Counted]
    broken_ledgers: list[Counted]
    low_stock: list[Matter]
    unexplained: list[Matter]
    compared: list[Compared]
    archive: State
    place: Place | None


async def readiness(
    database: Database, probe: WriteProbe, watch: FolderWatch, home: Path | None
) -> Readiness:
    """Ask the database, not for long. A pooled connection that has gone stale is no outage. `home`
    is that of an embedded one."""
    place = await watch.place(home) if home else None
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await database.fetch(_readiness, probe, place)
    except (psycopg.Error, DatabaseAway, TimeoutError):
        return Readiness("the database does not answer", *["not checked"] * 4)


async def _readiness(connection: Connection, probe: WriteProbe, place: Place | None) -> Readiness:
    revision = await queries.schema_revision(connection)
    if revision != _known_revision():
        message = f"the database is at schema {revision}, this version needs {_known_revision()}"
        return Readiness(OK, message, *["not checked"] * 3)
    refusal = await probe.refusal(connection)
    if refusal is not None:
        return Readiness(refusal, OK, *["not checked"] * 3)
    workers = await queries.workers(connection, HEARTBEAT_S)
    held = await holds.count_held(connection)
    stock = f"held after a restore: {held}" if held else OK
    state = await archive.state(connection)
    backup = archive.complaint(state) or (BACKUPS_UNWELL if archive.complaint(state, place) else OK)
    worker = OK if workers.alive else f"no worker has been heard of for {HEARTBEAT_S:.0f} s"
    return Readiness(OK, OK, worker, stock, backup)


async def figures(
    database: Database, watch: FolderWatch | None = None, home: Path | None = None
) -> Figures | None:
    """The figures, None where the database does not answer. `home` is that of an embedded one."""
    place = await watch.place(home) if watch and home else None
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await database.fetch(_figures, place)
    except (psycopg.Error, DatabaseAway, TimeoutError):
        return None


async def _figures(connection: Connection, place: Place | None) -> Figures:
    return Figures(
        await queries.workers(connection, HEARTBEAT_S),
        await queries.due(connection),
        await queries.open_orders(connection),
        await queries.waiting_orders(connection),
        await _unknown_reasons(connection),
        await queries.balances(connection),
        await queries.broken_ledgers(connection, BROKEN_FOR_S),
        await attention.low_stock(connection),
        await attention.unexplained(connection),
        await reconciliation.compared(connection),
        await archive.state(connection),
        place,
    )


async def _unknown_reasons(connection: Connection) -> list[Counted]:
    first = ids.first_at(datetime.now(UTC) - UNKNOWN_FOR)
    words = [reason.recipient for reason in FAILURES.values()]
    unexplained = [FAILURES[name].recipient for name in UNEXPLAINED]
    return await queries.unknown_reasons(
        connection, list(WAITING), list(REVIEWS), words, unexplained, first
    )


@functools.cache
def _known_revision() -> str:
    return schema.newest()
