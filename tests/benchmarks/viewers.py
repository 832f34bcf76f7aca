"""What an open dashboard costs allocations: the same load alone and beside viewers who have *Home*
open, follow it live and read it again when they are told, as its script does."""

import asyncio
import hashlib
import os
import random
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import uvloop
from tests.benchmarks import load
from tests.benchmarks.allocations import Bench, Results, report_aims

from payviox import ids
from payviox.auth import operators
from payviox.auth.queries import sessions
from payviox.db.pool import Database

VIEWERS = 50
SESSIONS = 5
"""The viewers are so many people: one may have 20 pages open."""
ROUNDS = 3
CONNECTIONS = 64
TOKEN = "the token of a viewer of the benchmarks alone"


def measure(bench: Bench) -> Results:
    """Allocations a second alone and beside the viewers, in turn; and how often these read."""
    asyncio.run(_let_in(bench.url))
    rates: dict[str, list[float]] = {"alone": [], "beside": []}
    reads = 0
    with bench.web("product") as port:
        bench.http(port, CONNECTIONS)  # connections are opened, and programs loaded, once
        for _ in range(ROUNDS):
            rates["alone"].append(bench.http(port, CONNECTIONS)["rate"])
            with _looking(port, bench.business) as process:
                rates["beside"].append(bench.http(port, CONNECTIONS)["rate"])
            reads += int((process.stdout or sys.stdin).read())
    ratios = [b / a for a, b in zip(rates["alone"], rates["beside"], strict=True)]
    return rates | {"ratio": statistics.median(ratios), "reads": reads}


def report(results: Results) -> None:
    """The ratio, and what the viewers did meanwhile."""
    report_aims(
        [
            (f"allocations beside {VIEWERS} viewers / alone", results["ratio"], "≥ 0.95"),
            ("pages that they read again, a round", results["reads"] / ROUNDS, "> 0"),
        ]
    )


@contextmanager
def _looking(port: int, business: str) -> Iterator["subprocess.Popen[str]"]:
    """The viewers in a process of their own, all of them connected; they end with the block, and
    say how often they read a page."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.viewers", str(port), business],
        env=os.environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if process.stdout.readline() != "ready\n":
            raise SystemExit("the viewers were not let in")
        yield process
    finally:
        process.stdin.close()
        process.wait(60)


async def _let_in(url: str) -> None:
    """Sessions of admins."""

    async def work(connection: Any) -> None:
        for number in range(SESSIONS):
            operator = await operators.create(
                connection,
                f"{uuid4().hex}@bench.test",
                "correct horse battery",
                "bench",
                is_admin=True,
            )
            digest = hashlib.sha256(f"{TOKEN} {number}".encode()).digest()
            await sessions.insert_session(
                connection, ids.new(), digest, operator, "password", None, None
            )

    database = Database(url)
    await database.open()
    try:
        await database.write(work)
    finally:
        await database.close()


class Viewer:
    """A page that is open: its stream, and what it reads again."""

    def __init__(self, port: int, business: str, number: int) -> None:
        self._port = port
        self._home = f"/dashboard/{ids.show(ids.BUSINESS, UUID(business))}"
        self._cookie = f"session={TOKEN} {number % SESSIONS}"
        self.reads = 0

    async def follow(self, ready: asyncio.Semaphore) -> None:
        """Read the page again some time after each change, all changes meanwhile at once."""
        reader, _ = await self._ask(f"{self._home}/live?kinds=orders,money,items")
        status = await reader.readline()
        if b" 200 " not in status:
            raise SystemExit(f"a stream was refused: {status.decode()}")
        ready.release()
        reading: asyncio.Task[None] | None = None
        while line := await reader.readline():
            if line.startswith(b"data: ") and (reading is None or reading.done()):
                reading = asyncio.create_task(self._read_within(int(line[6:]) / 1000))

    async def _read_within(self, seconds: float) -> None:
        await asyncio.sleep(random.random() * seconds)
        reader, writer = await self._ask(self._home, "Payviox-Live: 1\r\nHX-Request: true\r\n")
        await reader.read()
        writer.close()
        self.reads += 1

    async def _ask(
        self, path: str, more: str = "Accept: text/event-stream\r\n"
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(load.HOST, self._port)
        close = "" if path.endswith("items") else "Connection: close\r\n"
        head = f"Host: {load.HOST}:{self._port}\r\nCookie: {self._cookie}\r\n{close}{more}"
        writer.write(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
        return reader, writer


async def _look(port: int, business: str) -> None:
    """Look until standard input ends."""
    ready = asyncio.Semaphore(0)
    viewers = [Viewer(port, business, number) for number in range(VIEWERS)]
    following = [asyncio.create_task(viewer.follow(ready)) for viewer in viewers]
    for _ in viewers:
        await ready.acquire()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    for task in following:
        task.cancel()
    sys.stdout.write(str(sum(viewer.reads for viewer in viewers)))


if __name__ == "__main__":
    uvloop.run(_look(int(sys.argv[1]), sys.argv[2]))
