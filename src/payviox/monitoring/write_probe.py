"""Whether the database can write: a full disk or a standby answers every read."""

import time

import psycopg

from payviox.db.pool import ENDED, Connection
from payviox.monitoring.queries import probe

EVERY_S = 5.0
"""For so long an answer holds, whoever asks: readiness is open to everybody, and this costs the
disk."""
AGAIN_S = 1.0
"""For so long one holds that says no."""


class WriteProbe:
    """The last answer of one process."""

    def __init__(self) -> None:
        self._refusal: str | None = None
        self._until = 0.0

    async def refusal(self, connection: Connection) -> str | None:
        """Why the database cannot write, None where it can. Raises the driver's error where the
        connection is lost."""
        if time.monotonic() >= self._until:
            # Whoever asks meanwhile gets the answer before.
            self._until = time.monotonic() + EVERY_S
            try:
                self._refusal = await _try(connection)
            except BaseException:
                self._until = 0.0
                raise
            self._until = time.monotonic() + (AGAIN_S if self._refusal else EVERY_S)
        return self._refusal


async def _try(connection: Connection) -> str | None:
    try:
        async with connection.transaction():
            if await probe.is_read_only(connection):
                return "the database cannot write: it is read-only"
            await probe.write(connection)
    except psycopg.errors.DiskFull:
        return "the database cannot write: its disk is full"
    except psycopg.Error as error:
        if connection.broken or isinstance(error, ENDED):
            raise
        return "the database cannot write"
    return None
