"""This host's clock against the database's. What decides about money asks the database's alone; a
host whose clock is far off still makes ids and log lines that mislead."""

import time

from payviox.db.pool import Connection

MOST_S = 60.0
"""A host and its database that differ by more are in trouble, in seconds."""

host_time = time.time


async def ahead_s(connection: Connection) -> float:
    """How many seconds this host's clock is ahead of the database's; negative where it is behind.
    Right to within the time that one statement takes."""
    before = host_time()
    cursor = await connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101  # a constant query
    return (before + host_time()) / 2 - float(str(row[0]))
