"""How many allocations a second one web process takes, beside what PostgreSQL alone does; its
memory through a long load; and the same with a million payout users."""

import asyncio
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec
import psutil
import psycopg
import uvloop
from rich.console import Console
from rich.table import Table
from tests.benchmarks import database, ledger, load, reads, server
from tests.benchmarks.orders import Databases

from payviox.allocations.batcher import Batcher
from payviox.allocations.model import Item
from payviox.db import migrate
from payviox.db.embedded import Cluster
from payviox.db.pool import Database
from payviox.keyring import Keyring

SMALL_USERS = 10_000
SMALL_TRANSFERS = 100_000
LARGE_USERS = 1_000_000
LARGE_TRANSFERS = 10_000_000
CONNECTIONS = (1, 16, 64, 256)

HTTP = "(a) POST /payout/create"
PLAIN = "(b) pgbench, the same writes"
INSTANT = "(c) HTTP, an engine that answers at once"
ENGINE = "(d) the engine without HTTP"
BATCH = "(e) batch calls of 10,000 (rows)"
HALF = "(a) at half load"

Results = dict[Any, Any]
"""Figures by their names, as `bench-results.json` has them."""

console = Console()


def say(what: str, connections: int, figures: dict[str, float]) -> dict[str, float]:
    """Print one measurement and answer it."""
    console.print(f"[dim]{what}, {connections} connections: {figures['rate']:,.0f} /s[/]")
    return figures


class Bench:
    """One database with one business, and every measurement on it."""

    def __init__(
        self, urls: Cluster, folder: Path, seconds: int, name: str, users: int, transfers: int
    ) -> None:
        self.folder, self.seconds, self.users = folder, seconds, users
        self.url, self.owner_url = urls.application_url, urls.owner_url
        migrate.migrate(self.owner_url, self.url)
        self.keyring = Keyring(server.SECRET_KEY)
        self.business, self.key = asyncio.run(database.make_business(self.url, name))
        console.print(f"[dim]loading {users:,} payout users, {transfers:,} transfers…[/]")
        self.load_s = database.fill(
            self.owner_url, self.business, self.keyring.current.id, users, transfers
        )

    def everything(self) -> Results:
        """Every measurement of allocations, each said as it ends."""
        http: Results = {}
        commits: Results = {}
        with self.web("product") as port:
            for connections in CONNECTIONS:
                http[connections] = say(HTTP, connections, self.http(port, connections))
                commits[connections] = say(PLAIN, connections, self.pgbench(connections))
            half = http[64]["rate"] / 2
            half_load = say(HALF, 64, self.half_load(port, half))
            batch = say(BATCH, 1, self.batch(port))
        with self.web("instant") as port:
            instant = {64: say(INSTANT, 64, self.http(port, 64))}
        engine = {n: say(ENGINE, n, self.engine(n)) for n in (64, 256)}
        return {
            "a_http": http,
            "b_pgbench": commits,
            "half_load": half_load | {"wanted": half},
            "e_batch": batch,
            "c_instant": instant,
            "d_engine": engine,
        }

    def http(self, port: int, connections: int) -> dict[str, float]:
        run = uvloop.run(load.closed_loop(port, self.requests(), connections, self.seconds))
        return described(run)

    def half_load(self, port: int, rate: float) -> dict[str, float]:
        run = uvloop.run(load.open_loop(port, self.requests(), 64, rate, self.seconds))
        return described(run)

    def pgbench(self, connections: int) -> dict[str, float]:
        rate, median = database.pgbench(
            self.owner_url, self.folder, self.business, self.users, connections, self.seconds
        )
        return {"rate": rate, "median_ms": median * 1e3}

    def requests(self, number: int = 5_000) -> list[bytes]:
        step = max(1, self.users // number)
        return [
            load.request(
                "/payout/create",
                self.key,
                msgspec.json.encode({"email": f"u{1 + n * step}@bench.test", "amount": 1}),
            )
            for n in range(min(number, self.users))
        ]

    def batch(self, port: int) -> dict[str, float]:
        """Calls of 10,000 items, one after another; rows a second."""
        items = [{"email": f"u{1 + n}@bench.test", "amount": 1} for n in range(10_000)]
        body = msgspec.json.encode({"items": items})
        times = []
        with httpx.Client(base_url=f"http://{load.HOST}:{port}", timeout=120) as client:
            stop = time.perf_counter() + self.seconds
            while time.perf_counter() < stop:
                started = time.perf_counter()
                answer = client.post(
                    "/payout/batch",
                    content=body,
                    headers={
                        "Authorization": f"Bearer {self.key}",
                        "Content-Type": "application/json",
                    },
                )
                answer.raise_for_status()
                times.append(time.perf_counter() - started)
        return {"rate": 10_000 / statistics.median(times), "calls": len(times)}

    def engine(self, clients: int) -> dict[str, float]:
        """The allocation queue itself, without HTTP."""

        async def measure() -> float:
            db = Database(self.url)
            await db.open()
            batcher = Batcher(db, self.keyring)
            business = UUID(self.business)
            items = [Item(f"u{1 + n}@bench.test", 1) for n in range(min(self.users, 5_000))]
            stop = time.perf_counter() + self.seconds

            async def client(number: int) -> int:
                done = 0
                while time.perf_counter() < stop:
                    await batcher.submit(business, [items[(number * 997 + done) % len(items)]])
                    done += 1
                return done

            try:
                return sum(await asyncio.gather(*(client(n) for n in range(clients))))
            finally:
                await db.close()

        return {"rate": uvloop.run(measure()) / self.seconds}

    def soak(self, seconds: int) -> Results:
        """The web process's memory, sampled through a long load at half of what it can."""
        with self.web("product") as port:
            rate = self.http(port, 64)["rate"] / 2
            web = psutil.Process(self.web_pid)
            samples = []

            async def sample() -> None:
                while True:
                    samples.append(web.memory_info().rss // 1024)
                    await asyncio.sleep(max(1, seconds / 60))

            async def run() -> load.Load:
                sampler = asyncio.create_task(sample())
                result = await load.open_loop(port, self.requests(), 64, rate, seconds)
                sampler.cancel()
                return result

            result = uvloop.run(run())
        quarter = max(1, len(samples) // 4)
        return {
            "seconds": seconds,
            "requests": len(result.latencies),
            "refused": result.refused,
            "kib_second_quarter": statistics.median(samples[quarter : 2 * quarter]),
            "kib_last_quarter": statistics.median(samples[-quarter:]),
            "kib_samples": samples,
        }

    @contextmanager
    def web(self, kind: str) -> Iterator[int]:
        """A web process on a free port."""
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.server", str(port), kind],
            env=os.environ | {"BENCH_DATABASE_URL": self.url},
        )
        self.web_pid = process.pid
        try:
            wait_for(port, process)
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(15)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((load.HOST, 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while True:
        if process.poll() is not None:
            raise SystemExit("the web process ended before it was ready")
        try:
            socket.create_connection((load.HOST, port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def compare_large(databases: Databases, home: Path, seconds: int) -> Results:
    """A small and a large database, both freshly loaded, measured in turn; then sealing the large
    one, checking it, and its size."""
    rates: dict[str, list[float]] = {"small": [], "large": []}
    with ExitStack() as stack:
        urls = [stack.enter_context(databases(f"fresh_{name}")) for name in rates]
        small = Bench(urls[0], home, seconds, "fresh small", SMALL_USERS, SMALL_TRANSFERS)
        large = Bench(urls[1], home, seconds, "fresh large", LARGE_USERS, LARGE_TRANSFERS)
        with psycopg.connect(large.owner_url) as connection:
            row = connection.execute("SELECT pg_total_relation_size('transfers')").fetchone()
            size = row[0]
        small_port = stack.enter_context(small.web("product"))
        large_port = stack.enter_context(large.web("product"))
        for _ in range(3):
            rates["small"].append(small.http(small_port, 64)["rate"])
            rates["large"].append(large.http(large_port, 64)["rate"])
        read = reads.compare(
            {
                "small": reads.Reader(small.owner_url, small.business, small.key, small_port),
                "large": reads.Reader(large.owner_url, large.business, large.key, large_port),
            }
        )
        database.put_hashes(large.owner_url, large.business, large.keyring.current)
        over_all = ledger.of(urls[1], home)
    return {
        "load_s": large.load_s,
        "bytes": size / LARGE_TRANSFERS,
        "ledger": over_all,
        "reads": read,
        "small": rates["small"],
        "large": rates["large"],
        "ratio": statistics.median(
            big / little for big, little in zip(rates["large"], rates["small"], strict=True)
        ),
    }


def described(run: load.Load) -> dict[str, float]:
    return {
        "rate": run.rate,
        "p50_ms": run.quantile(0.5) * 1e3,
        "p99_ms": run.quantile(0.99) * 1e3,
        "refused": run.refused,
    }


def report(results: Results, machine: str) -> None:
    """The figures as a table, each aim beside what was reached."""
    table = Table(title=f"Allocations ({machine})")
    for column in ("what", "connections", "rate /s", "p50 ms", "p99 ms", "× pgbench"):  # noqa: RUF001  # a factor
        table.add_column(column, justify="left" if column == "what" else "right")
    plain = results["b_pgbench"]

    def row(what: str, connections: int, figures: dict, base: int) -> None:
        table.add_row(
            what,
            str(connections),
            f"{figures['rate']:,.0f}",
            f"{figures.get('p50_ms', float('nan')):.2f}",
            f"{figures.get('p99_ms', float('nan')):.2f}",
            f"{figures['rate'] / plain[base]['rate']:.1f}",
        )

    for connections, figures in results["a_http"].items():
        row(HTTP, connections, figures, connections)
    for connections, figures in plain.items():
        row(PLAIN, connections, figures, connections)
    row(INSTANT, 64, results["c_instant"][64], 64)
    for clients, figures in results["d_engine"].items():
        row(ENGINE, clients, figures, 64)
    row(BATCH, 1, results["e_batch"], 64)
    row(HALF, 64, results["half_load"], 64)
    console.print(table)

    http = results["a_http"]
    base, instant = plain[64]["rate"], results["c_instant"][64]["rate"]
    late_ms = results["half_load"]["p99_ms"] - 8
    report_aims(
        [
            *(
                (f"(a) / (b) at {n}", http[n]["rate"] / plain[n]["rate"], f"≥ {aim}")
                for n, aim in ((1, 0.7), (16, 3), (64, 12))
            ),
            ("(a) / (c) at 64", http[64]["rate"] / instant, "≥ 0.65"),
            ("(d) / (b) at 64", results["d_engine"][64]["rate"] / base, "≥ 25"),
            ("(e) / (b) at 64", results["e_batch"]["rate"] / base, "≥ 60"),
            (
                "p99 at half load, over 8 ms / median commit",
                late_ms / plain[1]["median_ms"],
                "≤ 10",
            ),
        ]
    )


def report_memory(memory: Results) -> None:
    """How the web process grew."""
    growth = memory["kib_last_quarter"] / memory["kib_second_quarter"]
    report_aims([(f"memory, last / second quarter of {memory['seconds']} s", growth, "≈ 1")])


def report_large(large: Results) -> None:
    """What a large database costs."""
    report_aims([("1 M users, 10 M transfers / small, fresh", large["ratio"], "≥ 0.9")])
    console.print(f"{large['bytes']:.0f} bytes a transfer, with indexes")
    reads.report(large["reads"])
    ledger.report({str(LARGE_TRANSFERS): large["ledger"]})


def report_aims(aims: list[tuple[str, float, str]]) -> None:
    goals = Table(title="Ratios")
    for column in ("ratio", "reached", "aim"):
        goals.add_column(column, justify="left" if column == "ratio" else "right")
    for name, reached, aim in aims:
        goals.add_row(name, f"{reached:.2f}", aim)
    console.print(goals)
