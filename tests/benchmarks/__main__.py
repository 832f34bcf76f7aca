"""Runs the benchmarks and prints a table; `bench-results.json` holds the figures.

make bench                     everything, ten minutes of load included (about 25 minutes)
make bench ARGS=--quick        without the large database and the long load
"""

import argparse
import asyncio
import json
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from uuid import UUID

import httpx
import msgspec
import psutil
import uvloop
from rich.console import Console
from rich.table import Table
from tests.benchmarks import database, load, order_tables, orders, rails, server

from payviox.allocations.batcher import Batcher
from payviox.allocations.model import Item
from payviox.db import migrate
from payviox.db.embedded import Cluster, embedded
from payviox.db.pool import Database
from payviox.keyring import Keyring

SMALL_USERS = 10_000
LARGE_USERS = 1_000_000
LARGE_TRANSFERS = 10_000_000
CONNECTIONS = (1, 16, 64, 256)
console = Console()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--quick", action="store_true", help="no large database, no long load")
    parser.add_argument("--seconds", type=int, default=8, help="of each measurement")
    parser.add_argument("--soak", type=int, default=600, help="seconds of the long load")
    options = parser.parse_args()
    results: dict[str, object] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores,"
        f" Python {platform.python_version()}"
    }
    with tempfile.TemporaryDirectory(prefix="payviox-bench-") as folder:
        Path(folder).chmod(0o755)
        home = Path(folder)
        with database_of("small", home) as urls:
            small = Bench(urls, home, options.seconds, "small", SMALL_USERS, 0)
            results |= small.everything()
            console.print("[dim]orders…[/]")
            results["orders"] = orders.measure(lambda name: database_of(name, home))
            console.print("[dim]rails…[/]")
            results["rails"] = rails.measure(lambda name: database_of(name, home), home)
            if not options.quick:
                half = results["half_load"]["wanted"]
                results["memory"] = small.soak(options.soak, half)
                results["large"] = compare_large(home, options.seconds)
    Path("bench-results.json").write_text(json.dumps(results, indent=2) + "\n")
    report(results)


def database_of(name: str, home: Path) -> AbstractContextManager[Cluster]:
    """A database of its own on the one embedded server."""
    return embedded(home, database=f"payviox_{name}")


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

    def everything(self) -> dict[str, object]:
        results: dict[str, object] = {}
        http, commits = {}, {}
        with self.web("product") as port:
            for connections in CONNECTIONS:
                console.print(f"[dim]{connections} connections…[/]")
                http[connections] = self.http(port, connections)
                rate, median = self.pgbench(connections)
                commits[connections] = {"rate": rate, "median_ms": median * 1e3}
            results["a_http"], results["b_pgbench"] = http, commits
            half = http[64]["rate"] / 2
            results["half_load"] = self.half_load(port, half) | {"wanted": half}
            results["e_batch"] = self.batch(port)
        with self.web("instant") as port:
            results["c_instant"] = {n: self.http(port, n) for n in (64,)}
        results["d_engine"] = {n: self.engine(n) for n in (64, 256)}
        return results

    def http(self, port: int, connections: int) -> dict[str, float]:
        run = uvloop.run(load.closed_loop(port, self.requests(), connections, self.seconds))
        return described(run)

    def half_load(self, port: int, rate: float) -> dict[str, float]:
        run = uvloop.run(load.open_loop(port, self.requests(), 64, rate, self.seconds))
        return described(run)

    def pgbench(self, connections: int) -> tuple[float, float]:
        return database.pgbench(
            self.owner_url, self.folder, self.business, self.users, connections, self.seconds
        )

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

    def soak(self, seconds: int, rate: float) -> dict[str, object]:
        """The web process's memory, sampled through a long load at this rate."""
        with self.web("product") as port:
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
        with socket.socket() as probe:
            probe.bind((load.HOST, 0))
            port = probe.getsockname()[1]
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


def compare_large(home: Path, seconds: int) -> dict[str, object]:
    """A small and a large database, both freshly loaded, measured in turn."""
    rates: dict[str, list[float]] = {"small": [], "large": []}
    with ExitStack() as stack:
        urls = [stack.enter_context(database_of(f"fresh_{name}", home)) for name in rates]
        small = Bench(urls[0], home, seconds, "fresh small", SMALL_USERS, 0)
        large = Bench(urls[1], home, seconds, "fresh large", LARGE_USERS, LARGE_TRANSFERS)
        small_port = stack.enter_context(small.web("product"))
        large_port = stack.enter_context(large.web("product"))
        for _ in range(3):
            rates["small"].append(small.http(small_port, 64)["rate"])
            rates["large"].append(large.http(large_port, 64)["rate"])
    return {
        "load_s": large.load_s,
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


def report(results: dict) -> None:
    """The figures as a table, each aim beside what was reached."""
    table = Table(title=f"Allocations ({results['machine']})")
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
        row("(a) POST /payout/create", connections, figures, connections)
    for connections, figures in plain.items():
        row("(b) pgbench, the same writes", connections, figures, connections)
    row("(c) HTTP, an engine that answers at once", 64, results["c_instant"][64], 64)
    for clients, figures in results["d_engine"].items():
        row("(d) the engine without HTTP", clients, figures, 64)
    row("(e) batch calls of 10,000 (rows)", 1, results["e_batch"], 64)
    row("(a) at half load", 64, results["half_load"], 64)
    console.print(table)

    base = plain[64]["rate"]
    a, c = results["a_http"][64]["rate"], results["c_instant"][64]["rate"]
    aims = [
        ("(a) / (b) at 64", a / base, "≥ 8"),
        ("(a) / (c) at 64", a / c, "≥ 0.6"),
        ("(d) / (b) at 64", results["d_engine"][64]["rate"] / base, "≥ 23"),
        ("(e) / (b) at 64", results["e_batch"]["rate"] / base, "≥ 40 (moonshot 65)"),
        (
            "p99 at half load / median commit",
            results["half_load"]["p99_ms"] / plain[1]["median_ms"],
            "≤ 10",
        ),
    ]
    if "memory" in results:
        memory = results["memory"]
        growth = memory["kib_last_quarter"] / memory["kib_second_quarter"]
        aims.append((f"memory, last / second quarter of {memory['seconds']} s", growth, "≈ 1"))
    if "large" in results:
        aims.append(
            ("1 M users, 10 M transfers / small, fresh", results["large"]["ratio"], "≥ 0.9")
        )
    order_tables.of_orders(console, results["orders"])
    order_tables.of_rails(console, results["rails"])
    goals = Table(title="Ratios")
    for column in ("ratio", "reached", "aim"):
        goals.add_column(column, justify="left" if column == "ratio" else "right")
    for name, reached, aim in aims:
        goals.add_row(name, f"{reached:.2f}", aim)
    console.print(goals)


if __name__ == "__main__":
    main()
