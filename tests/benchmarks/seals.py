"""What sealing costs allocations: the same load at 64 connections alone and beside a process that
seals every second what was committed; and that process's memory while it seals a large backlog."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import uvloop
from tests.benchmarks.allocations import Bench, Results, report_aims
from tests.benchmarks.server import SECRET_KEY

from payviox.db.pool import Database
from payviox.keyring import Keyring
from payviox.ledger import seals

BACKLOG = 50 * seals.ROWS
"""Transfers that are there at first: as many seals as show whether memory grows."""
ROUNDS = 5
CONNECTIONS = 64
EVERY_S = 1.0
"""The worker seals every five minutes: each second is as much work, and in the way more often."""


def measure(bench: Bench) -> Results:
    """Allocations a second alone and beside the sealing, in turn; what it sealed and took; its
    memory in KiB after each seal of what the database held at first."""
    with _sealing(bench.url) as first:
        pass
    backlog = json.loads(first[0])
    rates: dict[str, list[float]] = {"alone": [], "beside": []}
    sealed = core_s = 0.0
    with bench.web("product") as port:
        bench.http(port, CONNECTIONS)  # connections are opened, and programs loaded, once
        for _ in range(ROUNDS):
            rates["alone"].append(bench.http(port, CONNECTIONS)["rate"])
            with _sealing(bench.url):
                pass  # what was not sealed meanwhile is none of the next round's work
            with _sealing(bench.url) as said:
                rates["beside"].append(bench.http(port, CONNECTIONS)["rate"])
            round_ = json.loads(said[0])
            sealed += round_["rows"]
            core_s += round_["core_s"]
    ratios = [b / a for a, b in zip(rates["alone"], rates["beside"], strict=True)]
    kib = backlog["kib"]
    quarter = max(1, len(kib) // 4)
    return rates | {
        "ratio": statistics.median(ratios),
        "core_us": core_s / max(sealed, 1) * 1e6,
        "sealed": sealed,
        "backlog": backlog["rows"],
        "backlog_rate": backlog["rows"] / backlog["took_s"],
        "kib_second_quarter": statistics.median(kib[quarter : 2 * quarter]),
        "kib_last_quarter": statistics.median(kib[-quarter:]),
    }


def report(results: Results) -> None:
    """The ratio, and what sealing took."""
    growth = results["kib_last_quarter"] / results["kib_second_quarter"]
    report_aims(
        [
            ("allocations beside sealing / alone", results["ratio"], "≥ 0.98"),
            ("transfers sealed beside them", results["sealed"], "> 0"),
            ("core µs of the sealing process for each", results["core_us"], ""),
            (f"of {results['backlog']:,} at once, sealed a second", results["backlog_rate"], ""),
            ("memory meanwhile, last / second quarter", growth, "≈ 1"),
        ]
    )


@contextmanager
def _sealing(url: str) -> Iterator[list[str]]:
    """A process that seals all there is, then every second until the block has ended, then all that
    is left; what it says at its end is in the list then."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.seals"],
        env=os.environ | {"BENCH_DATABASE_URL": url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    said: list[str] = []
    try:
        process.stdout.readline()
        yield said
    finally:
        process.stdin.close()
        said.append(process.stdout.readline())
        process.wait(300)


async def _seal() -> None:
    """The sealing process: says a line once it has sealed all there is, another one at its end."""
    database = Database(os.environ["BENCH_DATABASE_URL"])
    await database.open()
    own, keyring = psutil.Process(), Keyring(SECRET_KEY)
    kib: list[int] = []
    make = seals._make

    async def noting(*arguments: object) -> seals.Seal | None:
        made = await make(*arguments)  # type: ignore[arg-type]  # its own
        kib.append(own.memory_info().rss // 1024)
        return made

    seals._make = noting  # type: ignore[assignment]  # as above
    ended = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
    rows = 0
    began, core = time.perf_counter(), time.process_time()
    try:
        rows += await _rows(database, keyring)
        took_s = time.perf_counter() - began
        sys.stdout.write("sealed\n")
        sys.stdout.flush()
        while not ended.done():
            await asyncio.wait([ended], timeout=EVERY_S)
            rows += await _rows(database, keyring)
    finally:
        await database.close()
    core_s = time.process_time() - core
    said = {"rows": rows, "took_s": took_s, "core_s": core_s, "kib": kib}
    sys.stdout.write(json.dumps(said) + "\n")


async def _rows(database: Database, keyring: Keyring) -> int:
    """Seal; answers how many transfers that were."""
    before = await database.fetch(_until)
    await seals.make_all(database, keyring)
    after = await database.fetch(_until)
    return sum(after.values()) - sum(before.get(business, 0) for business in after)


async def _until(connection: seals.Connection) -> dict[object, int]:
    newest = await seals.list_newest(connection)
    return {seal.business_id: seal.until("transfers") for seal in newest}


if __name__ == "__main__":
    uvloop.run(_seal())
