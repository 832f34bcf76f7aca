"""The SQL that finds out whether the database can write, without a table: what it writes is a
message in the write-ahead log that nobody reads, and a temporary file."""

from payviox.db.pool import Connection

SPILL = "SELECT count(*) FROM generate_series(1, 8000)"
"""Twice as much as its memory holds, so that the rest needs room on the disk."""


async def is_read_only(connection: Connection) -> bool:
    cursor = await connection.execute("SELECT current_setting('transaction_read_only') = 'on'")
    row = await cursor.fetchone()
    return bool(row and row[0])


async def write(connection: Connection) -> None:
    """Within a transaction. Raises the driver's error where the database cannot."""
    await connection.execute("SELECT pg_logical_emit_message(true, 'payviox', '')")
    await connection.execute("SET LOCAL work_mem = '64kB'")
    await connection.execute(SPILL)
