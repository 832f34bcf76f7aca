"""The seals read lines of COPY by themselves: what ends it early leaves the connection whole."""

import asyncio

import psycopg
import pytest

from payviox.db.pool import Connection, Database
from payviox.ledger.queries import seals

pytestmark = pytest.mark.anyio

FAILING = "SELECT n / (50000 - n) FROM generate_series(1, 60000) n"
ENDLESS = "SELECT generate_series(1, 1000000000000)"


async def read(connection: Connection, query: str, begun: asyncio.Event) -> int:
    def take(line: memoryview) -> None:
        assert bytes(line).endswith(b"\n")
        begun.set()

    async with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT"):  # type: ignore[arg-type]  # a test's own text
        return await connection.wait(seals._read_lines(connection.pgconn, take))


async def whole(connection: Connection) -> bool:
    cursor = await connection.execute("SELECT 1")
    return await cursor.fetchone() == (1,)


async def test_an_error_in_the_middle_is_raised(database: Database) -> None:
    async with database.read() as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            await read(connection, FAILING, asyncio.Event())
        assert await whole(connection)


async def test_whoever_is_cancelled_has_it_ended(database: Database) -> None:
    begun = asyncio.Event()
    async with database.read() as connection:
        reading = asyncio.create_task(read(connection, ENDLESS, begun))
        await begun.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert connection.closed or await whole(connection)  # psycopg waits 5 s for the server


async def test_a_lost_connection_is_an_error(database: Database) -> None:
    begun = asyncio.Event()
    async with database.read() as connection:
        reading = asyncio.create_task(read(connection, ENDLESS, begun))
        await begun.wait()
        async with await psycopg.AsyncConnection.connect(database.url, autocommit=True) as other:
            await other.execute("SELECT pg_terminate_backend(%s)", [connection.pgconn.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            await reading
