"""Connections and the one place that commits. A write is a function of a connection, run here in
one transaction: it is repeated after a deadlock or a connection lost before COMMIT, never after a
COMMIT whose outcome is not known."""

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar, TypeVarTuple

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import PoolTimeout
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

from payviox import tracing
from payviox.db import announcing, session
from payviox.db.lending import RECONNECT_S, Outage, Pool, lent
from payviox.db.timelines import Timelines
from payviox.errors import (
    DatabaseAway,
    LockedTooLong,
    OutcomeUnknown,
    PayvioxError,
    ReadTooLong,
    Unauthorized,
)

logger = logging.getLogger(__name__)

Connection = AsyncConnection[tuple[object, ...]]
T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

LOST = (psycopg.OperationalError, PoolTimeout)
ENDED = (
    psycopg.errors.AdminShutdown,
    psycopg.errors.CrashShutdown,
    psycopg.errors.ConnectionFailure,
)
"""A server ends a session; so says a cluster's coordinator, too, of a node that it has lost or does
not reach, and its own session goes on."""
RETRY_S = 10.0
"""How long a work is repeated, in seconds."""
LEAVE_EVERY_S = 1.0
"""What leads to a former primary is closed once in so many seconds, whoever notices it."""

CALLERS = 2
"""Connections that look up who calls: a look-up by a key takes a fraction of a millisecond."""

CONFLICTS = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)

# Hot statements look up a few rows handed over as JSON by their keys. On a fresh or just loaded
# database, without statistics, the planner would scan instead, and a plan kept from when a table
# was empty would stay; these leave it nested loops over indexes, whatever the tables hold. So each
# is planned once a connection, for all parameters alike. What is off counts as very dear, so that a
# server with a compiler would compile each statement anew, for a hundred times as long as it runs.
INDEX_PLANS = (
    "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_bitmapscan=off"
    " -c enable_hashjoin=off -c enable_mergejoin=off -c enable_memoize=off -c enable_sort=off"
    " -c jit=off"
)


UNSURE = psycopg.errors.InternalError_
"""What a cluster's coordinator answers to a COMMIT where it has lost the only node that was written
to: that may have committed, or not (docs/decisions/0049)."""


class NotCommitted(Exception):
    """The connection was lost before COMMIT: nothing happened, the work may be repeated."""


class Database:
    """The pools of one process: writes, which may wait for a row; the allocation engine's groups,
    with the plans they need; reads, which wait for nobody and so have a pool that nobody's locks
    can empty; and look-ups of who calls, which nobody's long reads keep waiting.

    A statement of a read may take `read_limit_s` seconds, None for any time. Each pool keeps at
    least `at_least` connections; that for writes keeps one in any case.
    """

    def __init__(
        self,
        url: str,
        *,
        size: int = 12,
        engine_size: int = 8,
        readers: int = 6,
        read_limit_s: float | None = None,
        at_least: int = 1,
    ) -> None:
        self.url = url
        limit = "" if read_limit_s is None else f"-c statement_timeout={round(read_limit_s * 1000)}"
        self._timelines = Timelines(url)
        self._left_at = -LEAVE_EVERY_S
        self._pool = self._make_pool(1, size, "")
        self._engine = self._make_pool(at_least, engine_size, INDEX_PLANS, prepare_threshold=None)
        self._readers = self._make_pool(at_least, readers, limit)
        self._callers = self._make_pool(at_least, CALLERS, "")

    def _make_pool(
        self, least: int, most: int, options: str, *, prepare_threshold: int | None = 5
    ) -> Pool:
        """`prepare_threshold` as psycopg has it: None leaves preparing to round_trip.py, whose
        statements psycopg would drop with its own after a rollback."""
        return Pool(
            self.primary_url,
            configure=self._check_engine if options == INDEX_PLANS else self.check_server,
            min_size=least,
            max_size=most,
            timeout=5,
            open=False,
            reconnect_timeout=RECONNECT_S,
            reconnect_failed=Outage().try_again,
            kwargs={
                "autocommit": True,
                "options": f"{SESSION} {options}",
                "prepare_threshold": prepare_threshold,
                "application_name": "payviox",
                **session.LINK,
            },
        )

    @property
    def _pools(self) -> tuple[Pool, ...]:
        return self._pool, self._engine, self._readers, self._callers

    async def open(self) -> None:
        """Connect; waits up to 30 s for the first connection of each pool."""
        for pool in self._pools:
            await pool.open(wait=True, timeout=30)

    async def close(self) -> None:
        for pool in self._pools:
            await pool.close()

    @asynccontextmanager
    async def engine(self) -> AsyncIterator[Connection]:
        """A connection of the allocation engine's pool. The engine ends its transactions itself, in
        the round trip of their last statements: the one COMMIT outside this module."""
        async with self._writing(self._engine) as connection:
            yield connection

    @asynccontextmanager
    async def _writing(self, pool: Pool) -> AsyncIterator[Connection]:
        """A connection for writing. Raises NotCommitted where its server takes no writes any more:
        it was demoted, and another is the primary."""
        async with lent(pool) as connection:
            try:
                yield connection
            except psycopg.errors.ReadOnlySqlTransaction as error:
                await connection.close()
                if time.monotonic() - self._left_at >= LEAVE_EVERY_S:  # many are refused at once
                    await self._leave_server("the server takes no writes any more")
                raise NotCommitted from error

    async def primary_url(self) -> str:
        """The URL to make a connection by that `check_server` then looks at."""
        return await self._timelines.url()

    async def check_server(self, connection: Connection) -> None:
        """Look where a new connection leads. Raises OperationalError where that is a standby, or a
        former primary that somebody has not stopped; where it is a new primary, all connections to
        the one before are closed."""
        try:
            is_newer = await self._timelines.look(connection)
        except psycopg.Error:
            await connection.close()
            raise
        if is_newer:
            await self._leave_server("there is a new primary")

    async def _check_engine(self, connection: Connection) -> None:
        """Of the engine's connections. Citus plans nothing for parameters that it does not know."""
        await self.check_server(connection)
        await connection.execute(
            "SELECT set_config('plan_cache_mode', 'auto', false) FROM pg_extension"
            " WHERE extname = 'citus'"
        )

    async def _leave_server(self, why: str) -> None:
        """Close every connection; those that are lent, when they come back."""
        self._left_at = time.monotonic()
        logger.warning("%s: all connections are made anew", why)
        for pool in self._pools:
            if not pool.closed:
                await pool.drain()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """A connection for reading; each statement sees what is committed when it starts."""
        async with lent(self._readers) as connection:
            yield connection

    async def fetch(
        self, work: Callable[[Connection, *Arguments], Awaitable[T]], *arguments: *Arguments
    ) -> T:
        """Run a reading function, again on a fresh connection where the first was stale. Raises
        ReadTooLong where one of its statements takes too long, and DatabaseAway."""
        return await _fetch(self._readers, work, *arguments)

    async def fetch_caller(
        self, work: Callable[[Connection, *Arguments], Awaitable[T]], *arguments: *Arguments
    ) -> T:
        """Read as `fetch` does, on connections that only look up who calls."""
        return await _fetch(self._callers, work, *arguments)

    async def write(
        self,
        work: Callable[[Connection, *Arguments], Awaitable[T]],
        *arguments: *Arguments,
        keyed: bool = False,
    ) -> T:
        """Run `work` with its arguments in one transaction and commit it.

        `keyed` says that the work finds its own first effect by an idempotency key, so that it may
        be repeated even when the connection was lost at COMMIT. Otherwise that raises
        OutcomeUnknown. Any error of `work` rolls everything back. Raises LockedTooLong where
        somebody held a row for longer than `lock_timeout`, and DatabaseAway.

        Once an attempt ended unknown, only what a later one did or refused for a caller's reason is
        an answer; whatever else ends it says that the outcome is unknown.
        """
        repeat: tuple[type[BaseException], ...] = (*CONFLICTS, NotCommitted, PoolTimeout)
        if keyed:
            repeat = (*repeat, OutcomeUnknown)
        unknown: OutcomeUnknown | None = None

        async def once() -> T:
            nonlocal unknown
            try:
                with tracing.child("transaction"):
                    return await self._once(work, *arguments)
            except OutcomeUnknown as error:
                unknown = error
                raise

        try:
            return await _tried(once, repeat)
        except Exception as error:
            # A credential that stopped meanwhile says nothing of the first attempt either.
            if unknown is None or (
                isinstance(error, PayvioxError)
                and error.status < 500
                and not isinstance(error, Unauthorized)
            ):
                if isinstance(error, NotCommitted | PoolTimeout):
                    raise DatabaseAway from error
                raise
            raise unknown from error

    async def _once(
        self, work: Callable[[Connection, *Arguments], Awaitable[T]], *arguments: *Arguments
    ) -> T:
        async with self._writing(self._pool) as connection:
            announcing.forget(connection)
            try:
                await connection.execute("BEGIN")
                result = await work(connection, *arguments)
            except psycopg.errors.LockNotAvailable as error:
                await roll_back(connection)
                raise LockedTooLong from error
            except psycopg.OperationalError as error:
                await roll_back(connection)
                if _lost(connection, error) and not isinstance(error, CONFLICTS):
                    raise NotCommitted from error
                raise
            except BaseException:
                await roll_back(connection)
                raise
            try:
                with tracing.child("commit"):
                    status = await _commit(connection)
            except (psycopg.OperationalError, UNSURE) as error:
                if isinstance(error, UNSURE) or _lost(connection, error):
                    logger.warning("connection lost at COMMIT")
                    raise OutcomeUnknown from error
                raise
            if status != "COMMIT":  # a failed transaction's COMMIT rolls back
                raise psycopg.errors.InFailedSqlTransaction("nobody heeded a statement that failed")
            return result


async def _commit(connection: Connection) -> str | None:
    """Commit, telling open pages in the same message what changed; answers what COMMIT did."""
    told = announcing.statements(connection)
    if not told:
        return (await connection.execute("COMMIT")).statusmessage
    cursor = await connection.execute(f"{told}COMMIT", prepare=False)
    while cursor.nextset():
        pass
    return cursor.statusmessage


async def roll_back(connection: Connection) -> bool:
    """Undo what was not committed; False where the connection is lost, so that its end does it. A
    server that ends a session says so before it hangs up: then the connection still looks alive,
    but cannot roll back. Raises nothing: what ended the work, a cancellation too, is what its
    caller raises."""
    if connection.broken:
        return False
    try:
        await connection.rollback()
    except psycopg.Error:
        await connection.close()
        return False
    return True


async def _fetch(
    pool: Pool,
    work: Callable[[Connection, *Arguments], Awaitable[T]],
    *arguments: *Arguments,
) -> T:
    async def once() -> T:
        with tracing.child("read"):
            async with lent(pool) as connection:
                try:
                    return await work(connection, *arguments)
                except psycopg.errors.LockNotAvailable as error:
                    raise LockedTooLong from error
                except psycopg.errors.QueryCanceled as error:
                    raise ReadTooLong from error

    try:
        return await _tried(once, LOST)
    except (PoolTimeout, *ENDED) as error:
        raise DatabaseAway from error


def _lost(connection: Connection, error: psycopg.OperationalError) -> bool:
    """A server that ends a session says so before it hangs up."""
    return connection.broken or isinstance(error, ENDED)


# A process that dies with its machine leaves no session behind that holds a row for hours. What is
# given here goes before what the database or the role would set: whose tables are meant, and that a
# commit is on the disk when it is answered.
SESSION = (
    f"{session.READ_ALIKE} -c synchronous_commit=on -c default_transaction_read_only=off"
    " -c default_transaction_isolation=read\\ committed"
    " -c lock_timeout=30s -c idle_in_transaction_session_timeout=60s"
    " -c statement_timeout=0 -c idle_session_timeout=0"
    " -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
)


async def _tried(once: Callable[[], Awaitable[T]], errors: tuple[type[BaseException], ...]) -> T:
    """Run it, and where it fails by one of these errors again and again, not for long."""
    try:
        return await once()
    except errors:
        # Made only here: making it takes longer than many a read.
        again = AsyncRetrying(
            retry=retry_if_exception_type(errors),
            wait=wait_random_exponential(multiplier=0.02, max=1),
            stop=stop_after_attempt(40) | stop_after_delay(RETRY_S),
            reraise=True,
        )
    return await again(once)
