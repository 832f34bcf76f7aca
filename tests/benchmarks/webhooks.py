"""How many webhooks a second one worker delivers to receivers that answer at once: of one business,
of many, and of many of whom every third has a receiver that hangs; how long after it happened an
event arrives at half of that rate; and what the same HTTP client does without a database."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any
from uuid import UUID

import psutil
import psycopg
import uvloop
from rich.table import Table
from tests.benchmarks.allocations import Results, console, report_aims
from tests.benchmarks.load import HOST
from tests.benchmarks.orders import running
from tests.benchmarks.server import SECRET_KEY

from payviox import ids
from payviox.db import migrate
from payviox.db.embedded import Cluster
from payviox.db.pool import Database
from payviox.keyring import Keyring
from payviox.treasury import service as treasury
from payviox.webhooks import outbox, sender, settings
from payviox.webhooks.delivery import MOST_AT_ONCE
from payviox.webhooks.events import body
from payviox.webhooks.samples import sample
from payviox.webhooks.signing import new_token, sign
from payviox.webhooks.targets import parse_target

EVENTS = 6_000
BUSINESSES = 60
HANGS = 3
"""Every so many-th business's receiver hangs."""
TOGETHER = 10
"""Events that one transaction writes where they happen one after another."""
WARM_UP = 200
SECONDS = 10
WORKER = "rails_worker"

ALONE = "the HTTP client alone"
ONE = "one business"
MANY = f"{BUSINESSES} businesses"
HANGING = f"{BUSINESSES} businesses, every third receiver hangs"
ONE_HALF, HANGING_HALF = f"{ONE}, at half of that", f"{HANGING}, at half of that"


def measure(cluster: Cluster) -> Results:
    """For each case what arrived a second and the worker's time of a core for each delivery, in ms;
    at half load the seconds from an event to its arrival. What hangs is not counted."""
    migrate.migrate(cluster.owner_url, cluster.application_url)
    results: Results = {}
    with receiving() as receiver, psycopg.connect(cluster.owner_url, autocommit=True) as admin:
        results[ALONE] = uvloop.run(alone(receiver))
        businesses = asyncio.run(make_businesses(cluster.application_url, receiver.port))
        with running(cluster.application_url, WORKER) as (worker, _):
            bench = Bench(cluster.application_url, admin, receiver, worker)
            bench.deliver(businesses[:1], WARM_UP)
            results[ONE] = bench.deliver(businesses[:1], EVENTS)
            results[ONE_HALF] = bench.follow(businesses[:1], results[ONE]["rate"] / 2)
            results[MANY] = bench.deliver(businesses, EVENTS)
            hanging = businesses[::HANGS]
            bench.hang(hanging)
            prompt = [business for business in businesses if business not in hanging]
            results[HANGING] = bench.deliver(prompt, EVENTS, hanging)
            results[HANGING_HALF] = bench.follow(prompt, results[HANGING]["rate"] / 2, hanging)
    return results


def report(results: Results) -> None:
    """The figures, and how near they come to the HTTP client alone."""
    table = Table(title="Webhooks that one worker delivers")
    for column in ("case", "rate /s", "× alone", "core ms each", "p50 ms", "p99 ms"):  # noqa: RUF001  # a factor
        table.add_column(column, justify="left" if column == "case" else "right")
    for case, figures in results.items():
        table.add_row(
            case,
            f"{figures['rate']:,.0f}",
            f"{figures['rate'] / results[ALONE]['rate']:.2f}",
            f"{figures['core_ms']:.2f}",
            *(f"{figures[name] * 1e3:,.0f}" if name in figures else "" for name in ("p50", "p99")),
        )
    console.print(table)
    report_aims(
        [
            ("deliveries a second, one business", results[ONE]["rate"], "≥ 1,000"),
            ("p99 in seconds at half load, every third hangs", results[HANGING_HALF]["p99"], "≤ 1"),
        ]
    )


@dataclass(frozen=True, slots=True)
class Receiver:
    """The receivers' process."""

    port: int
    process: "subprocess.Popen[str]"

    def url(self, path: str) -> str:
        return f"http://{HOST}:{self.port}/{path}"

    def count(self) -> int:
        """How many events have arrived since the last `times`."""
        return int(self._ask("count"))

    def times(self) -> dict[str, float]:
        """When each event came first, in Unix seconds."""
        return dict(self._ask("times"))

    def _ask(self, what: str) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Receivers in a process of their own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.webhooks_receiver"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Receiver(int(process.stdout.readline()), process)
    finally:
        process.stdin.close()
        process.wait(30)


async def alone(receiver: Receiver) -> dict[str, float]:
    """POSTs of a signed body, as many at once as one business has, over kept connections."""
    target = parse_target(receiver.url("alone"), allow_private=True)
    kept, text = sender.Kept(), body(sample(ids.new(), "payout.succeeded")).encode()
    numbers = iter(range(EVENTS))
    headers = sign(new_token(), text, "evt_alone", 0)

    async def client() -> None:
        for _ in numbers:
            answer = await sender.post(target, text, headers, kept=kept)
            if not answer.delivered:
                raise SystemExit(f"the receiver refused: {answer}")

    started, core = time.perf_counter(), time.process_time()
    await asyncio.gather(*(client() for _ in range(MOST_AT_ONCE)))
    took, core_s = time.perf_counter() - started, time.process_time() - core
    kept.hang_up()
    receiver.times()
    return {"rate": EVENTS / took, "core_ms": core_s * 1e3 / EVENTS}


async def make_businesses(url: str, port: int) -> list[UUID]:
    """Businesses whose webhook is on, each with an address of its own."""
    database = Database(url)
    await database.open()
    keyring = Keyring(SECRET_KEY)
    made = []
    try:
        for number in range(BUSINESSES):
            _, test = await database.write(treasury.open_organization, f"w{number}", "bench")
            business_id = test.business.id
            address = f"http://{HOST}:{port}/hook/{number}"
            await database.write(
                lambda connection, of=business_id, url=address: settings.change(
                    connection,
                    of,
                    {"url": url, "enabled": True},
                    keyring,
                    "bench",
                    allow_private=True,
                )
            )
            made.append(business_id)
    finally:
        await database.close()
    return made


@dataclass(frozen=True, slots=True)
class Bench:
    """A worker, what it delivers to, and the database between us."""

    url: str
    admin: "psycopg.Connection[Any]"
    receiver: Receiver
    worker: psutil.Process

    def hang(self, businesses: Sequence[UUID]) -> None:
        """From now on their receivers do not answer."""
        self.admin.execute(
            "UPDATE webhook_settings SET url = replace(url, '/hook/', '/hang/')"
            " WHERE business_id = ANY (%s)",
            [list(businesses)],
        )

    def deliver(
        self, businesses: Sequence[UUID], number: int, others: Sequence[UUID] = ()
    ) -> dict[str, float]:
        """So many events of these businesses, and as many of each of the others, all at once. The
        worker finds them by its sweep."""
        each = number // len(businesses)
        core = self._core_s()
        with self.admin.transaction():
            for business_id in (*businesses, *others):
                self.admin.execute(LOAD, {"b": business_id, "n": each})
        self._await(each * len(businesses))
        times = sorted(self.receiver.times().values())
        self._until_written(businesses)
        return {
            "rate": (len(times) - 1) / (times[-1] - times[0]),
            "core_ms": (self._core_s() - core) * 1e3 / len(times),
        }

    def follow(
        self, businesses: Sequence[UUID], rate: float, others: Sequence[UUID] = ()
    ) -> dict[str, float]:
        """Events of these and of the others happen for some seconds, `rate` a second of these. From
        when each was written to its first arrival, in seconds: median and 99th percentile."""
        core = self._core_s()
        written = asyncio.run(self._happen(businesses, rate, others))
        self._await(len(written))
        arrived = self.receiver.times()
        waits = sorted(arrived[event] - at for event, at in written.items())
        return {
            "rate": len(written) / SECONDS,
            "core_ms": (self._core_s() - core) * 1e3 / len(written),
            "p50": waits[len(waits) // 2],
            "p99": waits[len(waits) * 99 // 100],
        }

    async def _happen(
        self, businesses: Sequence[UUID], rate: float, others: Sequence[UUID]
    ) -> dict[str, float]:
        """The events of these businesses, and when each was written, in Unix seconds."""
        database = Database(self.url)
        await database.open()
        among = cycle([*businesses, *others])
        share = (len(businesses) + len(others)) / len(businesses)
        transactions = round(rate * share * SECONDS / TOGETHER)
        began = time.monotonic()
        since = time.time()
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(transactions):
                    due = began + number * SECONDS / transactions
                    await asyncio.sleep(max(0, due - time.monotonic()))
                    business_id = next(among)
                    events = [
                        replace(sample(business_id, "payout.succeeded"), test_mode=False)
                        for _ in range(TOGETHER)
                    ]
                    group.create_task(
                        database.write(outbox.write_order_events, business_id, events)
                    )
        finally:
            await database.close()
        rows = self.admin.execute(
            "SELECT id, extract(epoch FROM created_at)::float8 FROM events"
            " WHERE business_id = ANY (%s) AND created_at >= to_timestamp(%s)",
            [list(businesses), since],
        )
        return {ids.show(ids.EVENT, event): at for event, at in rows}

    def _await(self, number: int) -> None:
        deadline = time.monotonic() + 300
        while self.receiver.count() < number:
            if time.monotonic() > deadline:
                raise SystemExit("webhooks did not arrive in time")
            time.sleep(0.2)

    def _until_written(self, businesses: Sequence[UUID]) -> None:
        """Until what came of all is written down."""
        left = "SELECT FROM deliveries WHERE business_id = ANY (%s) AND status = 'pending' LIMIT 1"
        deadline = time.monotonic() + 60
        while self.admin.execute(left, [list(businesses)]).fetchone():
            if time.monotonic() > deadline:
                raise SystemExit("what came of webhooks was not written down in time")
            time.sleep(0.1)

    def _core_s(self) -> float:
        times = self.worker.cpu_times()
        return times.user + times.system


EVENT = body(replace(sample(UUID(int=0), "payout.succeeded"), test_mode=False))
LOAD = f"""
WITH made AS (
  INSERT INTO events (business_id, id, type, order_id, body)
  SELECT %(b)s, gen_random_uuid(), 'payout.succeeded', gen_random_uuid(), '{EVENT}'
  FROM generate_series(1, %(n)s) RETURNING id
)
INSERT INTO deliveries (business_id, id, event_id)
SELECT %(b)s, gen_random_uuid(), id FROM made
"""  # a constant
