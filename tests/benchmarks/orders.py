"""How many orders one worker settles in a second through a rail that answers at once, alone and
beside a hundred thousand orders that are open there, and what the worker costs in memory.

The worker is the product's own in a process of its own; only its rail is replaced."""

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psutil
import psycopg
from psycopg.types.json import Jsonb
from tests.benchmarks import database
from tests.benchmarks.instant_worker import InstantRail

from payviox.db import migrate
from payviox.db.embedded import Cluster
from payviox.db.pool import Database
from payviox.ledger import verify
from payviox.withdrawals.model import destination_digest, payee_digest, review_digest

DESTINATION = {"email": "ada@bench.test"}
ROUNDS = 3
ORDERS = 3_000
OPEN = 100_000

CASES: Mapping[str, str | None] = {
    "alone": None,
    "scheduled": "now() + make_interval(secs => 3 * 3600.0 * i / %(n)s)",
    "all_due": "now() - make_interval(hours => 1)",
}
"""What is open beside the new orders, by when it is due: nothing; orders of six hours ago, each
looked up every three; or all of them at once, as after an outage."""


def measure(databases: Callable[[str], AbstractContextManager[Cluster]]) -> dict[str, object]:
    """Every case in a database of its own, in turn, three times. Orders settled a second and what
    that is of the rate alone, as medians; the worker's memory in KiB, when it has nothing to do and
    at its most."""
    rounds: dict[str, list[Round]] = {case: [] for case in CASES}
    with ExitStack() as stack:
        cases = {
            case: Case(stack.enter_context(databases(f"orders_{case}")), due)
            for case, due in CASES.items()
        }
        for _ in range(ROUNDS):
            for name, case in cases.items():
                rounds[name].append(case.run())
        for case in cases.values():
            asyncio.run(check(case.url))
    alone = [one.rate for one in rounds["alone"]]
    return {
        name: {
            "rate": statistics.median(one.rate for one in of_case),
            "of_alone": statistics.median(
                one.rate / rate for one, rate in zip(of_case, alone, strict=True)
            ),
            "kib_idle": statistics.median(one.kib_idle for one in of_case),
            "kib_most": max(one.kib_most for one in of_case),
        }
        for name, of_case in rounds.items()
    }


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement."""

    rate: float
    kib_idle: int
    kib_most: int


class Case:
    """A database with a business and what is open there."""

    def __init__(self, cluster: Cluster, due: str | None) -> None:
        self.url, self._owner_url = cluster.application_url, cluster.owner_url
        migrate.migrate(self._owner_url, self.url)
        self._business = UUID(asyncio.run(database.make_business(self.url, "orders"))[0])
        with psycopg.connect(self._owner_url, autocommit=True) as admin:
            if due is not None:
                load(admin, self._business, "sent", OPEN, due)
            admin.execute("ANALYZE")

    def run(self) -> Round:
        """New orders arrive all at once while the worker has nothing else to send."""
        with (
            psycopg.connect(self._owner_url, autocommit=True) as admin,
            running(self.url) as (process, memory),
        ):
            idle = process.memory_info().rss // 1024
            load(admin, self._business, "queued", ORDERS, "now()")
            seconds = settle(admin, self._business)
            return Round(ORDERS / seconds, idle, max(memory))


def settle(admin: psycopg.Connection[Any], business: UUID) -> float:
    """Wait until nothing new is left; the seconds between the first that succeeded and the last."""
    left = "SELECT 1 FROM orders WHERE business_id = %s AND status IN ('queued', 'sending') LIMIT 1"
    took = (
        "SELECT extract(epoch FROM max(updated_at) - min(updated_at))::float8 FROM (SELECT"
        " updated_at FROM orders WHERE business_id = %s AND status = 'succeeded'"
        " ORDER BY updated_at DESC LIMIT %s) last_round"
    )
    deadline = time.monotonic() + 300
    while admin.execute(left, [business]).fetchone():
        if time.monotonic() > deadline:
            raise SystemExit("orders were not settled in time")
        time.sleep(0.2)
    row = admin.execute(took, [business, ORDERS]).fetchone()
    assert row is not None
    return float(row[0])


def load(
    admin: psycopg.Connection[Any], business: UUID, status: str, number: int, due: str
) -> None:
    """So many orders of a cent of one payout user, with their money in transit, straight into the
    tables. `due` is SQL of their number `i` of `n`. Every chain is right, so that `ledger verify`
    is clean afterwards."""
    given = {
        "b": business,
        "s": status,
        "n": number,
        "rail": InstantRail.name,
        "to": Jsonb(DESTINATION),
        "digest": destination_digest("paypal", DESTINATION),
        "payee": payee_digest("paypal", DESTINATION),
        "bound": review_digest("paypal", 1, 1, DESTINATION),
        "attempt": 0 if status == "queued" else 1,
    }
    with admin.transaction():
        for statement in LOAD:
            row = admin.execute(statement.replace("{due}", due), given)
            if row.description is not None:
                columns = [column.name for column in row.description]
                given |= dict(zip(columns, row.fetchone() or (), strict=True))


LOAD = (
    "SELECT gen_random_uuid() AS u",
    (
        "INSERT INTO payout_users (business_id, id, email, hash_key_id, hash_digest)"
        " VALUES (%(b)s, %(u)s, %(u)s || '@bench.test', 'none', sha256(%(u)s::text::bytea))"
    ),
    "INSERT INTO accounts (business_id, id, kind) VALUES (%(b)s, %(u)s, 'user')",
    (
        "INSERT INTO accounts (business_id, id, kind, rail)"
        " VALUES (%(b)s, gen_random_uuid(), 'in_transit', %(rail)s) ON CONFLICT DO NOTHING"
    ),
    (
        "UPDATE accounts SET balance = balance - %(n)s, version = version + 1"
        " WHERE business_id = %(b)s AND kind = 'payout'"
        " RETURNING id AS payout, balance AS pb, version AS pv"
    ),
    (
        "UPDATE accounts SET balance = balance + %(n)s, version = version + %(n)s"
        " WHERE business_id = %(b)s AND kind = 'in_transit' AND rail = %(rail)s"
        " RETURNING id AS transit, balance AS tb, version AS tv"
    ),
    "UPDATE accounts SET version = 1 + %(n)s WHERE business_id = %(b)s AND id = %(u)s",
    (
        "INSERT INTO transfers (business_id, kind, amount, from_account, from_version,"
        " from_balance, to_account, to_version, to_balance)"
        " VALUES (%(b)s, 'allocation', %(n)s, %(payout)s, %(pv)s, %(pb)s, %(u)s, 1, %(n)s)"
    ),
    (
        "INSERT INTO orders (business_id, id, payout_user_id, provider, rail, status, amount,"
        " fees, net_amount, destination, destination_digest, payee_digest, reviewed_digest,"
        " attempt, due_at, created_at)"
        " SELECT %(b)s, md5(%(u)s::text || i)::uuid, %(u)s, 'paypal', %(rail)s, %(s)s, 1, 0, 1,"
        " %(to)s, %(digest)s, %(payee)s, %(bound)s, %(attempt)s, {due},"
        " now() - make_interval(hours => 6 * %(attempt)s) FROM generate_series(1, %(n)s) i"
    ),
    (
        "INSERT INTO order_attempts (business_id, order_id, number, reference, request, outcome,"
        " rail_order_id, started_at, finished_at)"
        " SELECT %(b)s, md5(%(u)s::text || i)::uuid, 1, md5(%(u)s::text || i), '{}', 'accepted',"
        " md5(%(u)s::text || i), now() - interval '6 h', now() - interval '3 h'"
        " FROM generate_series(1, %(n)s * %(attempt)s) i"
    ),
    (
        "INSERT INTO transfers (business_id, kind, amount, from_account, from_version,"
        " from_balance, to_account, to_version, to_balance, order_id)"
        " SELECT %(b)s, 'reserve', 1, %(u)s, 1 + i, %(n)s - i, %(transit)s, %(tv)s - %(n)s + i,"
        " %(tb)s - %(n)s + i, md5(%(u)s::text || i)::uuid FROM generate_series(1, %(n)s) i"
    ),
)
"""What a `load` runs, one after another; what a statement answers is given to the next."""


@contextmanager
def running(url: str) -> Iterator[tuple[psutil.Process, list[int]]]:
    """A worker, and its memory in KiB, sampled for as long as it runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.instant_worker"],
        env=os.environ | {"BENCH_DATABASE_URL": url},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    seen = psutil.Process(process.pid)
    samples = [seen.memory_info().rss // 1024]
    over = threading.Event()

    def sample() -> None:
        while not over.wait(0.1):
            samples.append(seen.memory_info().rss // 1024)

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield seen, samples
    finally:
        over.set()
        sampler.join()
        process.send_signal(signal.SIGTERM)
        process.wait(20)


async def check(url: str) -> None:
    """The ledger, after all of it."""
    database = Database(url)
    await database.open()
    try:
        async with database.read() as connection:
            report = await verify.verify(connection)
    finally:
        await database.close()
    if not report.ok:
        raise SystemExit(f"the ledger is broken: {report.problems[:3]}")
