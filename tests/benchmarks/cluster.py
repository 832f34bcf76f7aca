"""Allocations where businesses stand on the nodes of a Citus cluster: on one server, on one worker
and on two, and what of the CPU the coordinator takes; and a business that gets a shard and a node
of its own while it is paid. All nodes are on this machine: shares say more than rates."""

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, LiteralString
from uuid import UUID

import msgspec
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
from payviox.errors import OutcomeUnknown, PayvioxError
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
STEP_S = 45
"""What moves a business is broken off after so many seconds."""
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
                results[f"{number} of its workers"] = _of(urls, seconds)
                if number == 1 < len(nodes._addresses):
                    results["move"] = uvloop.run(_move(urls, nodes._addresses[1]))
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
    if "move" in results:
        _report_move(results["move"])


def _report_move(move: Results) -> None:
    for name, step in move["steps"].items():
        took = step["seconds"]
        ended = f"not ended after {STEP_S} s" if took is None else f"{took:,.1f} s"
        console.print(f"{name}: {ended}, longest call meanwhile {step['longest_call_s']:,.2f} s")
    console.print(f"{move['paid']} paid, {move['refused']} refused, {move['unknown']} unknown")


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
        UUID(asyncio.run(database.make_business(urls.application, f"business {n}", deposits=1))[0])
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


class Step(msgspec.Struct):
    """One thing that was done with a shard while its business was paid; moments in seconds."""

    name: str
    began: float
    ended: float
    came_to_an_end: bool


class Calls(msgspec.Struct):
    """What the callers heard meanwhile: when each call that was paid began and how long it took, in
    seconds, and how many were refused, surely without effect or not."""

    paid: list[tuple[float, float]] = msgspec.field(default_factory=list)
    refused: int = 0
    unknown: int = 0

    def longest_s(self, step: Step) -> float:
        """The longest call that began during a step."""
        return max(
            (took for began, took in self.paid if step.began <= began < step.ended), default=0
        )


async def _move(urls: Urls, node: tuple[str, int]) -> Results:
    """Pay one business while it gets a shard of its own, which then goes to a node where nothing
    else is, and back. Raises SystemExit where something acknowledged is missing, or the ledger is
    not whole."""
    business = UUID((await database.make_business(urls.application, "moved", deposits=1))[0])
    calls, moved = Calls(), asyncio.Event()

    async def call(batcher: Batcher, number: int) -> None:
        while not moved.is_set():
            began = time.perf_counter()
            try:
                outcomes = await batcher.submit(business, [Item(f"u{number}@bench.test", 1)])
            except OutcomeUnknown:
                calls.unknown += 1
            except PayvioxError:
                calls.refused += 1
            else:
                assert _acknowledged(outcomes)
                calls.paid.append((began, time.perf_counter() - began))

    async with _batcher(urls.application) as batcher:
        paying = asyncio.gather(*(call(batcher, n) for n in range(CALLERS)))
        try:
            steps = await asyncio.to_thread(lambda: list(_steps(urls, business, node)))
        finally:
            moved.set()
            await paying
    await _require_whole(urls, business, calls)
    return {
        "steps": {
            step.name: {
                "seconds": step.ended - step.began if step.came_to_an_end else None,
                "longest_call_s": calls.longest_s(step),
            }
            for step in steps
        },
        "paid": len(calls.paid),
        "refused": calls.refused,
        "unknown": calls.unknown,
    }


def _steps(urls: Urls, business: UUID, node: tuple[str, int]) -> Iterator[Step]:
    """Take each step, as far as it ends within STEP_S."""
    with urls.as_admin() as admin:
        admin.execute("SELECT citus_set_node_property(%s, %s, 'shouldhaveshards', true)", node)
    with psycopg.connect(urls.owner, autocommit=True) as owner:  # whose rights new shards have
        owner.execute("SELECT set_config('statement_timeout', %s, false)", [f"{STEP_S}s"])
        _, *home = _placement(owner, business)
        yield _step(owner, "a shard of its own", ISOLATE, [business])
        shard, *_ = _placement(owner, business)
        yield _step(owner, "to a node of its own", MOVE, [shard, *home, *node])
        yield _step(owner, "back", MOVE, [shard, *node, *home])


ISOLATE: LiteralString = (
    "SELECT isolate_tenant_to_new_shard('accounts', %s, 'CASCADE',"
    " shard_transfer_mode => 'block_writes')"
)
MOVE: LiteralString = "SELECT citus_move_shard_placement(%s, %s, %s, %s, %s, 'force_logical')"


def _placement(owner: psycopg.Connection[Any], business: UUID) -> tuple[Any, ...]:
    """The shard of a business's accounts, beside which all else of it stands; its node and port."""
    [row] = owner.execute(
        "SELECT shardid, nodename, nodeport FROM pg_dist_shard_placement WHERE shardid"
        " = get_shard_id_for_distribution_column('accounts', %s)",
        [business],
    ).fetchall()
    return tuple(row)


def _step(
    owner: psycopg.Connection[Any],
    name: str,
    statement: LiteralString,
    parameters: Sequence[object],
) -> Step:
    began = time.perf_counter()
    try:
        owner.execute(statement, parameters)
    except psycopg.errors.QueryCanceled:
        return Step(name, began, time.perf_counter(), came_to_an_end=False)
    return Step(name, began, time.perf_counter(), came_to_an_end=True)


async def _require_whole(urls: Urls, business: UUID, calls: Calls) -> None:
    with urls.as_admin() as admin:
        row = admin.execute(
            "SELECT sum(balance)::bigint FROM accounts WHERE business_id = %s AND kind = 'user'",
            [business],
        ).fetchone()
    async with await psycopg.AsyncConnection.connect(urls.admin, autocommit=True) as connection:
        report = await verify.verify(connection, keyring=KEYS)
    allocated = int(str(row[0])) if row else 0
    if not 0 <= allocated - len(calls.paid) <= calls.unknown or not report.ok:
        raise SystemExit(
            f"{len(calls.paid)} were acknowledged, {calls.unknown} unknown, {allocated} are there:"
            f" {report.problems}"
        )


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
