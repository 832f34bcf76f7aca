"""What sealing costs allocations: the same load at 64 connections alone and beside a process that
seals every second what was committed. Its memory is the section `ledger`."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvloop
from tests.benchmarks.allocations import Bench, Results, report_aims
from tests.benchmarks.server import SECRET_KEY

from payviox.db.pool import Connection, Database
from payviox.keyring import Keyring
from payviox.ledger import seals

ROUNDS = 5
CONNECTIONS = 64
EVERY_S = 1.0
"""The worker seals every five minutes: each second is as much work, and in the way more often."""


def measure(bench: Bench) -> Results:
    """Allocations a second alone and beside the sealing, in turn; and what it sealed and took."""
    rates: dict[str, list[float]] = {"alone": [], "beside": []}
    sealed = core_s = 0.0
    with bench.web("product") as port:
        bench.http(port, CONNECTIONS)  # connections are opened, and programs loaded, once
        for _ in range(ROUNDS):
            rates["alone"].append(bench.http(port, CONNECTIONS)["rate"])
            with _sealing(bench.url) as said:
                rates["beside"].append(bench.http(port, CONNECTIONS)["rate"])
            figures = json.loads(said[0])
            sealed += figures["rows"]
            core_s += figures["core_s"]
    ratios = [b / a for a, b in zip(rates["alone"], rates["beside"], strict=True)]
    core_us = core_s / max(sealed, 1) * 1e6
    return rates | {"ratio": statistics.median(ratios), "sealed": sealed, "core_us": core_us}


def report(results: Results) -> None:
    """The ratio, and what sealing took."""
    report_aims(
        [
            ("allocations beside sealing / alone", results["ratio"], "≥ 0.98"),
            ("transfers sealed beside them", results["sealed"], "> 0"),
            ("core µs of the sealing process for each", results["core_us"], ""),
        ]
    )


@contextmanager
def _sealing(url: str) -> Iterator[list[str]]:
    """A process that has sealed all there was and seals every second until the block has ended;
    what it sealed and took within the block is in the list then."""
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
        process.wait(60)


async def _seal() -> None:
    """The sealing process: says a line once all is sealed, and its figures at its end."""
    database, keyring = Database(os.environ["BENCH_DATABASE_URL"]), Keyring(SECRET_KEY)
    await database.open()
    try:
        await seals.make_all(database, keyring)
        before, core = await database.fetch(_until), time.process_time()
        sys.stdout.write("sealed\n")
        sys.stdout.flush()
        ended = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
        while not ended.done():
            await asyncio.wait([ended], timeout=EVERY_S)
            await seals.make_all(database, keyring)
        core_s = time.process_time() - core
        rows = await database.fetch(_until) - before
    finally:
        await database.close()
    sys.stdout.write(json.dumps({"rows": rows, "core_s": core_s}) + "\n")


async def _until(connection: Connection) -> int:
    """Up to which transfer all is sealed: the benchmark's business alone has any."""
    return sum(seal.until("transfers") for seal in await seals.list_newest(connection))


if __name__ == "__main__":
    uvloop.run(_seal())
