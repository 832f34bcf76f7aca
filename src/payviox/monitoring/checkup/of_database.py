"""The database: whether it answers, keeps what is committed, and agrees with this machine's clock;
and the workers that were heard of in it."""

import time
from collections.abc import Sequence

from payviox.db import clock, schema
from payviox.db.pool import Connection
from payviox.monitoring import service
from payviox.monitoring.checkup.finding import Finding, ok
from payviox.monitoring.queries import durability, figures
from payviox.monitoring.write_probe import WriteProbe

SLOW_MS = 10.0
"""A round trip that takes longer makes everything slow: an allocation has several."""
ROUND_TRIPS = 5


async def check(connection: Connection) -> Sequence[Finding]:
    """Ask the database, and compare it with this machine."""
    return [
        await _database(connection),
        await _durability(connection),
        await _clock(connection),
        await _worker(connection),
    ]


async def _worker(connection: Connection) -> Finding:
    workers = await figures.workers(connection, service.HEARTBEAT_S)
    if workers.alive:
        return ok("worker", f"{workers.alive} heard of within the last minute")
    return Finding(
        "worker",
        "problem",
        f"no worker has been heard of for {service.HEARTBEAT_S:.0f} s: nothing is sent",
        "Start `payviox serve`, or `payviox worker` beside `payviox web`.",
    )


async def _database(connection: Connection) -> Finding:
    revision = await figures.schema_revision(connection)
    if revision != schema.newest():
        return Finding(
            "database",
            "problem",
            f"it is at schema {revision}, this version needs {schema.newest()}",
            "Run `payviox migrate`.",
        )
    refusal = await WriteProbe().refusal(connection)
    if refusal is not None:
        return Finding("database", "problem", refusal, "See the server's log and its disk.")
    took_ms = await _round_trip_ms(connection)
    if took_ms > SLOW_MS:
        return Finding(
            "database",
            "warning",
            f"one round trip took {took_ms:.1f} ms",
            "Bring this machine nearer to the database: an allocation waits for several.",
        )
    return ok("database", f"schema {revision}; it writes; one round trip took {took_ms:.1f} ms")


async def _round_trip_ms(connection: Connection) -> float:
    """The shortest of several: one that a busy machine held up says nothing of the way."""
    took = []
    for _ in range(ROUND_TRIPS):
        started = time.perf_counter()
        await connection.execute("SELECT 1")
        took.append((time.perf_counter() - started) * 1_000)
    return min(took)


async def _durability(connection: Connection) -> Finding:
    now = await durability.read(connection)
    if off := [name for name in ("fsync", "full_page_writes") if not getattr(now, name)]:
        return Finding(
            "durability",
            "problem",
            f"{' and '.join(off)} off: a power cut may destroy the database",
            "Set it on in the server's postgresql.conf.",
        )
    name = f"PostgreSQL {now.version // 10_000}.{now.version % 10_000}"
    if now.standbys and not now.names_synchronous_standbys:
        return Finding(
            "durability",
            "warning",
            f"{name}: its standby lags, so a failover may lose what was acknowledged",
            "Set synchronous_standby_names: see *Failover* in docs/operating.md.",
        )
    return ok("durability", f"{name}, fsync on, {now.standbys} standbys")


async def _clock(connection: Connection) -> Finding:
    ahead_s = await clock.ahead_s(connection)
    if abs(ahead_s) > clock.MOST_S:
        way = "ahead of" if ahead_s > 0 else "behind"
        return Finding(
            "clock",
            "problem",
            f"this machine's is {abs(ahead_s):,.0f} s {way} the database's",
            "Set both by NTP: webhooks' times would be refused, and logs mislead.",
        )
    return ok("clock", f"within {max(abs(ahead_s), 0.1):.1f} s of the database's")
