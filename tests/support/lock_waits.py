"""Which of the database's sessions wait for a lock."""

from payviox.db.pool import Connection

_ON_A_CLUSTER = """
SELECT a.pid FROM pg_stat_activity a
JOIN citus_lock_waits w ON w.waiting_gpid = citus_calculate_gpid(w.waiting_nodeid, a.pid)
WHERE a.datname = current_database()
"""
"""On a cluster rows are locked where they stand: the session here waits for that node's answer."""


async def pids(connection: Connection) -> list[int]:
    """Their pids."""
    row = await (await connection.execute("SELECT to_regclass('citus_lock_waits')")).fetchone()
    statement = (
        "SELECT pid FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    cursor = await connection.execute(_ON_A_CLUSTER if row and row[0] else statement)
    return [int(str(found[0])) for found in await cursor.fetchall()]
