"""Allocations where businesses stand on the nodes of a Citus cluster: on one server, on one worker
and on two, and what of the CPU the coordinator takes; then a business that gets a shard and a node
of its own while it is paid. All nodes are on this machine: shares say more than rates."""

import asyncio
import itertools
import os
import statistics
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any
from uuid import UUID

import psutil
import psycopg
import uvloop
from rich.table import Table
from tests.benchmarks import database
from tests.benchmarks.allocations import Results, console
from tests.benchmarks.server import SECRET_KEY

from payviox.allocations.batcher import Batcher
from payviox.allocations.model import Allocated, Item
from payviox.db import citus, migrate
from payviox.db.pool import Database
from payviox.keyring import Keyring
from payviox.ledger import verify
from support.citus import CLUSTER, Cluster, cluster, nodes_of
from support.databases import Server, Urls

BUSINESSES = 32
CALLERS = 8
USERS = 200
"""Payout users of each business."""
SIZES = (1, 50)
"""Allocations of one call, which is a group of its own: the callers seldom meet at a business."""
KEYS = Keyring(SECRET_KEY)


def measure(seconds: int) -> Results:
    """Allocations a second and milliseconds of a core for each, node by node; and the move."""
    url = os.environ.get(CLUSTER)
    if url is None:
        raise SystemExit(f"{CLUSTER} names no cluster")
    results: Results = {}
    with cluster(url) as nodes:
        with Server(nodes._maintenance).fresh() as urls:
            results["one server"] = _of(urls, seconds)
        for number in range(1, len(nodes._addresses) + 1):
            with _distributed(nodes, number) as urls:
                results[f"{number} workers"] = _of(urls, seconds)
                if number > 1:
                    results["move"] = uvloop.run(_move(urls))
    return results


def report(results: Results) -> None:
    """The tables."""
    table = Table(title=f"Allocations on a cluster, {CALLERS} callers, {BUSINESSES} businesses")
    for name in ("businesses on", "a group", "rate /s", "core ms each", "coordinator's share"):
        table.add_column(name, justify="left" if name == "businesses on" else "right")
    for where, by_size in results.items():
        if where == "move":
            continue
        for size, figures in by_size.items():
            core = figures["core_ms"]
            share = core["coordinator"] / sum(core.values())
            rate, each = f"{figures['rate']:,.0f}", f"{sum(core.values()):.3f}"
            table.add_row(where, str(size), rate, each, f"{share:.0%}")
    console.print(table)
    for name, value in results.get("move", {}).items():
        console.print(f"{name}: {value:,.2f}")


@contextmanager
def _distributed(nodes: Cluster, number: int) -> Iterator[Urls]:
    """A database whose businesses stand on so many workers."""
    with nodes.fresh(migrated=False) as urls:
        with urls.as_admin() as admin:
            for address in nodes._addresses[number:]:
                admin.execute(
                    "SELECT citus_set_node_property(%s, %s, 'shouldhaveshards', false)", address
                )
        migrate.migrate(urls.owner, urls.application)
        citus.distribute(urls.owner)
        yield urls


def _of(urls: Urls, seconds: int) -> dict[int, dict[str, Any]]:
    every = [
        UUID(asyncio.run(database.make_business(urls.application, f"business {n}"))[0])
        for n in range(BUSINESSES)
    ]
    postmasters = _postmasters(urls)
    figures: dict[int, dict[str, Any]] = {}
    for size in SIZES:
        uvloop.run(_allocate(urls.application, every, size, min(3, seconds)))  # people, plans
        before = {name: _cpu_s(each) for name, each in postmasters.items()}
        number = uvloop.run(_allocate(urls.application, every, size, seconds))
        took = {name: _cpu_s(each) - before[name] for name, each in postmasters.items()}
        core_ms = {name: s / max(number, 1) * 1e3 for name, s in took.items()}
        figures[size] = {"rate": number / seconds, "core_ms": core_ms}
        console.print(f"[dim]{size} a group: {number / seconds:,.0f} /s, core ms {core_ms}[/]")
    return figures


async def _allocate(url: str, businesses: Sequence[UUID], size: int, seconds: float) -> int:
    """How many were made in so long, without HTTP."""
    async with _batcher(url) as batcher:
        turns = itertools.count()
        stop = time.perf_counter() + seconds

        async def call() -> int:
            made = 0
            while time.perf_counter() < stop:
                turn = next(turns)
                business = businesses[turn % len(businesses)]
                first = turn // len(businesses) * size
                items = [Item(f"u{(first + n) % USERS}@bench.test", 1) for n in range(size)]
                made += _acknowledged(await batcher.submit(business, items))
            return made

        return sum(await asyncio.gather(*(call() for _ in range(CALLERS))))


def _acknowledged(outcomes: Sequence[object]) -> int:
    return sum(isinstance(outcome, Allocated) for outcome in outcomes)


@asynccontextmanager
async def _batcher(url: str) -> AsyncIterator[Batcher]:
    opened = Database(url)
    await opened.open()
    try:
        yield Batcher(opened, KEYS)
    finally:
        await opened.close()


async def _move(urls: Urls) -> Mapping[str, float]:
    """Pay one business while it gets a shard of its own, which then goes to another node and back.
    Raises SystemExit where something acknowledged is missing, or the ledger is not whole."""
    business = UUID((await database.make_business(urls.application, "moved"))[0])
    calls: list[float] = []
    acknowledged = 0
    moved = asyncio.Event()

    async def call(batcher: Batcher, number: int) -> None:
        nonlocal acknowledged
        while not moved.is_set():
            started = time.perf_counter()
            outcomes = await batcher.submit(business, [Item(f"u{number}@bench.test", 1)])
            acknowledged += _acknowledged(outcomes)
            calls.append(time.perf_counter() - started)

    async with _batcher(urls.application) as batcher:
        paying = asyncio.gather(*(call(batcher, n) for n in range(CALLERS)))
        started = time.perf_counter()
        await asyncio.to_thread(_isolate_and_move, urls, business)
        took = time.perf_counter() - started
        moved.set()
        await paying
    await _require_whole(urls, business, acknowledged)
    return {
        "seconds of the moves": took,
        "allocations meanwhile": acknowledged,
        "longest call, s": max(calls),
        "median call, s": statistics.median(calls),
    }


def _isolate_and_move(urls: Urls, business: UUID) -> None:
    with urls.as_admin() as admin:
        row = admin.execute(
            "SELECT isolate_tenant_to_new_shard('accounts', %s, 'CASCADE',"
            " shard_transfer_mode => 'force_logical')",
            [business],
        ).fetchone()
        assert row is not None
        (shard,) = row
        here, there = admin.execute(
            "SELECT n.nodename, n.nodeport FROM pg_dist_node n"
            " LEFT JOIN pg_dist_placement p ON p.groupid = n.groupid AND p.shardid = %s"
            " WHERE n.shouldhaveshards ORDER BY p.shardid LIMIT 2",  # where it stands comes first
            [shard],
        ).fetchall()
        for old, new in ((here, there), (there, here)):
            admin.execute(
                "SELECT citus_move_shard_placement(%s, %s, %s, %s, %s, 'force_logical')",
                [shard, *old, *new],
            )


async def _require_whole(urls: Urls, business: UUID, acknowledged: int) -> None:
    with urls.as_admin() as admin:
        row = admin.execute(
            "SELECT sum(balance) FROM accounts WHERE business_id = %s AND kind = 'user'", [business]
        ).fetchone()
    async with await psycopg.AsyncConnection.connect(urls.admin, autocommit=True) as connection:
        report = await verify.verify(connection, keyring=KEYS)
    if row is None or row[0] != acknowledged or not report.ok:
        raise SystemExit(f"{acknowledged} were acknowledged, {row} are there: {report.problems}")


def _postmasters(urls: Urls) -> dict[str, psutil.Process]:
    """Each node's server on this machine, by its name."""
    every = nodes_of(urls) if citus.is_distributed(urls.owner) else [urls.admin]
    found = {}
    for number, url in enumerate(every):
        with psycopg.connect(url) as connection:
            session = psutil.Process(connection.info.backend_pid)
            found[f"worker {number}" if number else "coordinator"] = psutil.Process(session.ppid())
    return found


def _cpu_s(postmaster: psutil.Process) -> float:
    """Seconds of a core that a server and its sessions, ended ones too, have taken until now."""
    taken = sum(postmaster.cpu_times()[:4])
    for child in postmaster.children():
        with suppress(psutil.NoSuchProcess):
            taken += sum(child.cpu_times()[:2])
    return taken
