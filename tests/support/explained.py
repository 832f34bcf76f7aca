"""What PostgreSQL would do, in place of doing it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from psycopg import sql

from payviox.db.pool import Connection


class Explained:
    """A connection that plans each statement in place of running it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.plan: list[str] = []

    @asynccontextmanager
    async def cursor(self, **_: Any) -> AsyncIterator["Explained"]:
        yield self

    async def execute(self, query: Any, given: Any) -> None:
        explained = sql.SQL("EXPLAIN ") + (sql.SQL(query) if isinstance(query, str) else query)
        cursor = await self._connection.execute(explained, given)
        self.plan += [str(row[0]) for row in await cursor.fetchall()]

    async def fetchall(self) -> list[Any]:
        return []

    async def fetchone(self) -> Any:
        return None
