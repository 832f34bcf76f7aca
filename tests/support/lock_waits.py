"""Which of the database's sessions wait for a lock, wherever that is: on a cluster rows are locked
where they stand, and the session here waits for that node's answer."""

import psycopg

from payviox.db.pool import Connection

_HERE = """
SELECT pid, query FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
_ON_NODES = f"""
{_HERE} UNION SELECT a.pid, a.query FROM pg_stat_activity a
JOIN citus_lock_waits w ON w.waiting_gpid = citus_calculate_gpid(w.waiting_nodeid, a.pid)
WHERE a.datname = current_database()
"""  # constants
_IS_CLUSTER = "SELECT FROM pg_extension WHERE extname = 'citus'"


async def waiting(connection: Connection) -> dict[int, str]:
    """What each of them is doing, by its pid."""
    is_cluster = await (await connection.execute(_IS_CLUSTER)).fetchone() is not None
    cursor = await connection.execute(_ON_NODES if is_cluster else _HERE)
    return {int(str(pid)): str(query) for pid, query in await cursor.fetchall()}


def count(admin: psycopg.Connection[tuple[object, ...]]) -> int:
    """How many wait."""
    is_cluster = admin.execute(_IS_CLUSTER).fetchone() is not None
    return len(admin.execute(_ON_NODES if is_cluster else _HERE).fetchall())
