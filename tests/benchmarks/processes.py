"""Allocations over HTTP by one web process and by two on one port, in turn: for one hot business,
whose balance is one row, and for many businesses at once."""

import asyncio
import os
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

import msgspec
import psutil
import uvloop
from rich.table import Table
from tests.benchmarks import database, load, server
from tests.benchmarks.allocations import Bench, Results, console, free_port, report_aims, wait_for

CONNECTIONS = 64
BUSINESSES = 16
USERS = 200
"""Payout users of each of the many businesses."""
ROUNDS = 3
NUMBERS = (1, 2)
"""How many web processes are compared."""
ONE, MANY = "one business", f"{BUSINESSES} businesses"


def measure(bench: Bench) -> Results:
    """The rates of each round, in which all cases take turns, and the time of cores that the web
    processes took for each allocation, in milliseconds."""
    requests = {ONE: bench.requests(), MANY: _of_many(bench)}
    results: Results = {
        case: {n: {"rates": [], "cpu_ms": []} for n in NUMBERS} for case in requests
    }
    for _ in range(ROUNDS):
        for number in NUMBERS:
            with _web(bench, number) as (port, parent):
                for case, sent in requests.items():
                    before = _cpu_s(parent)
                    run = uvloop.run(load.closed_loop(port, sent, CONNECTIONS, bench.seconds))
                    cpu_ms = (_cpu_s(parent) - before) / max(len(run.latencies), 1) * 1e3
                    results[case][number]["rates"].append(run.rate)
                    results[case][number]["cpu_ms"].append(cpu_ms)
                    console.print(
                        f"[dim]{case}, {number} processes: {run.rate:,.0f} /s,"
                        f" {cpu_ms:.2f} ms of a core each[/]"
                    )
    return results


def report(results: Results) -> None:
    """The medians, and the ratio of two processes to one."""
    table = Table(title=f"Web processes, {CONNECTIONS} connections")
    for column in ("for", "processes", "rate /s", "core ms each"):
        table.add_column(column, justify="left" if column == "for" else "right")
    ratios = []
    for case, by_number in results.items():
        for number, figures in by_number.items():
            rate, cpu = (statistics.median(figures[name]) for name in ("rates", "cpu_ms"))
            table.add_row(case, str(number), f"{rate:,.0f}", f"{cpu:.2f}")
        one, two = (by_number[number]["rates"] for number in NUMBERS)
        ratio = statistics.median(b / a for a, b in zip(one, two, strict=True))
        ratios.append((f"two processes / one, {case}", ratio, "≥ 1"))
    console.print(table)
    report_aims(ratios)


def _of_many(bench: Bench) -> list[bytes]:
    """Requests of many businesses, in turn."""
    every = []
    for number in range(BUSINESSES):
        business, key = asyncio.run(database.make_business(bench.url, f"many {number}"))
        database.fill(bench.owner_url, business, bench.keyring.current.id, USERS, 0)
        bodies = (
            msgspec.json.encode({"email": f"u{1 + n}@bench.test", "amount": 1})
            for n in range(USERS)
        )
        every.append([load.request("/payout/create", key, body) for body in bodies])
    return list(chain.from_iterable(zip(*every, strict=True)))


@contextmanager
def _web(bench: Bench, number: int) -> Iterator[tuple[int, psutil.Process]]:
    """`payviox web` of so many processes, on a free port; and the one that was started."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "payviox", "web"],
        env=os.environ
        | {
            "PAYVIOX_HOME": str(bench.folder / "web"),
            "PAYVIOX_DATABASE_URL": bench.url,
            "PAYVIOX_SECRET_KEY": server.SECRET_KEY,
            "PAYVIOX_PORT": str(port),
            "PAYVIOX_WEB_PROCESSES": str(number),
            "PAYVIOX_LOG_LEVEL": "error",
        },
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()  # it is ready
        wait_for(port, process)
        yield port, psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)


def _all(parent: psutil.Process) -> Sequence[psutil.Process]:
    return [parent, *parent.children()]


def _cpu_s(parent: psutil.Process) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in _all(parent))
