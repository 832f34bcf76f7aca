"""How many orders one worker settles in a second through a rail in its own process that answers at
once, alone and beside a hundred thousand orders that are open there, and what the worker costs. The
same through real adapters is in rails.py.

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
from payviox.rails.orders import Provider
from payviox.withdrawals.model import destination_digest, payee_digest, review_digest

Databases = Callable[[str], AbstractContextManager[Cluster]]

ROUNDS = 3
ORDERS = 3_000
WARM_UP = 20
"""Orders settled before: connections are opened, and programs loaded, once."""

OPEN = 100_000

CASES: Mapping[str, str | None] = {
    "alone": None,
    "scheduled": "now() + make_interval(secs => 3 * 3600.0 * i / %(n)s)",
    "all_due": "now() - make_interval(hours => 1)",
}
"""What is open beside the new orders, by when it is due: nothing; orders of six hours ago, each
looked up every three; or all of them at once, as after an outage."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is paid, by which rail, and the module that is the worker then."""

    rail: str
    provider: Provider
    destination: Mapping[str, Any]
    worker: str


INSTANT = Kind(InstantRail.name, "paypal", {"email": "ada@bench.test"}, "instant_worker")


def measure(databases: Databases) -> dict[str, dict[str, float]]:
    """Every case in a database of its own, in turn, three times; see `medians`."""
    with ExitStack() as stack:
        cases = {}
        for name, due in CASES.items():
            cases[name] = Case(stack.enter_context(databases(f"orders_{name}")), INSTANT)
            cases[name].leave_open(due)
        return medians(cases, "alone")


def medians(cases: Mapping[str, "Case"], base: str) -> dict[str, dict[str, float]]:
    """The cases in turn, three times. Orders settled a second and what that is of the `base` case
    in the same turn, the worker's time of a core for each order in ms, as medians; its memory in
    KiB, when it has nothing to do and at its most."""
    turns = [{name: case.run() for name, case in cases.items()} for _ in range(ROUNDS)]
    for case in cases.values():
        asyncio.run(check(case.url))
    return {
        name: {
            "rate": statistics.median(turn[name].rate for turn in turns),
            "of_base": statistics.median(turn[name].rate / turn[base].rate for turn in turns),
            "core_ms": statistics.median(turn[name].core_ms for turn in turns),
            "kib_idle": statistics.median(turn[name].kib_idle for turn in turns),
            "kib_most": max(turn[name].kib_most for turn in turns),
        }
        for name in cases
    }


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement."""

    rate: float
    core_ms: float
    kib_idle: int
    kib_most: int


class Case:
    """A database with a business that pays one kind of orders."""

    def __init__(self, cluster: Cluster, kind: Kind) -> None:
        self.url, self._owner_url, self._kind = cluster.application_url, cluster.owner_url, kind
        migrate.migrate(self._owner_url, self.url)
        self.business = UUID(asyncio.run(database.make_business(self.url, "orders"))[0])

    def leave_open(self, due: str | None) -> None:
        """100,000 orders that were sent and are to be looked up then; None: none."""
        with psycopg.connect(self._owner_url, autocommit=True) as admin:
            if due is not None:
                load(admin, self.business, self._kind, "sent", OPEN, due)
            admin.execute("ANALYZE")

    def run(self) -> Round:
        """New orders arrive all at once while the worker has nothing else to send."""
        with (
            psycopg.connect(self._owner_url, autocommit=True) as admin,
            running(self.url, self._kind.worker) as (process, memory),
        ):
            idle = process.memory_info().rss // 1024
            self._settle(admin, WARM_UP)
            before = process.cpu_times()
            seconds = self._settle(admin, ORDERS)
            after = process.cpu_times()
            core_s = after.user - before.user + after.system - before.system
            return Round(ORDERS / seconds, core_s * 1000 / ORDERS, idle, max(memory))

    def _settle(self, admin: psycopg.Connection[Any], number: int) -> float:
        user = load(admin, self.business, self._kind, "queued", number, "now()")
        return settle(admin, self.business, user)


def settle(admin: psycopg.Connection[Any], business: UUID, user: UUID) -> float:
    """Wait until all of a payout user's orders have succeeded; the seconds from when the first was
    sent to when the last was settled."""
    of_user = " FROM orders o WHERE o.business_id = %s AND o.payout_user_id = %s"
    left = f"SELECT 1{of_user} AND o.status <> 'succeeded' LIMIT 1"
    first = (
        " (SELECT min(a.started_at) FROM order_attempts a"
        " WHERE a.business_id = o.business_id AND a.order_id = o.id)"
    )
    took = f"SELECT extract(epoch FROM max(o.updated_at) - min({first}))::float8{of_user}"
    deadline = time.monotonic() + 300
    while admin.execute(left, [business, user]).fetchone():
        if time.monotonic() > deadline:
            open_ones = (
                f"SELECT o.rail, o.status, o.waiting, count(*), min(o.due_at) - now(){of_user}"
                " AND o.status <> 'succeeded' GROUP BY 1, 2, 3"
            )
            rows = admin.execute(open_ones, [business, user]).fetchall()
            raise SystemExit(f"orders were not settled in time: {rows}")
        time.sleep(0.2)
    row = admin.execute(took, [business, user]).fetchone()
    assert row is not None
    return float(row[0])


def load(
    admin: psycopg.Connection[Any],
    business: UUID,
    kind: Kind,
    status: str,
    number: int,
    due: str,
) -> UUID:
    """So many orders of a cent of one payout user, who is answered, with their money in transit,
    straight into the tables. `due` is SQL of their number `i` of `n`. Every chain is right, so that
    `ledger verify` is clean afterwards."""
    given = {
        "b": business,
        "s": status,
        "n": number,
        "rail": kind.rail,
        "provider": kind.provider,
        "to": Jsonb(kind.destination),
        "digest": destination_digest(kind.provider, kind.destination),
        "payee": payee_digest(kind.provider, kind.destination),
        "bound": review_digest(kind.provider, 1, 1, kind.destination),
        "attempt": 0 if status == "queued" else 1,
    }
    with admin.transaction():
        for statement in LOAD:
            row = admin.execute(statement.replace("{due}", due), given)
            if row.description is not None:
                columns = [column.name for column in row.description]
                given |= dict(zip(columns, row.fetchone() or (), strict=True))
    return UUID(str(given["u"]))


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
        " SELECT %(b)s, md5(%(u)s::text || i)::uuid, %(u)s, %(provider)s, %(rail)s, %(s)s, 1, 0, 1,"
        " %(to)s, %(digest)s, %(payee)s, %(bound)s, %(attempt)s, {due},"
        " now() - make_interval(hours => 6 * %(attempt)s) FROM generate_series(1, %(n)s) i"
    ),
    (
        "INSERT INTO order_attempts (business_id, order_id, number, reference, request, outcome,"
        " rail_order_id, started_at, finished_at)"
        " SELECT %(b)s, o.id, 1, 'ord_' || o.id || '.1', jsonb_build_object('rail', o.rail,"
        " 'provider', o.provider, 'amount', 1, 'net_amount', 1, 'destination', o.destination),"
        " 'accepted', o.id::text, now() - interval '6 h', now() - interval '3 h'"
        " FROM orders o WHERE o.business_id = %(b)s AND o.payout_user_id = %(u)s"
        " AND o.attempt = 1"
    ),
    (
        "INSERT INTO order_states (business_id, order_id, number, status, actor)"
        " SELECT %(b)s, o.id, n, s, 'bench' FROM orders o CROSS JOIN"
        " unnest(ARRAY['created', 'queued', 'sending', %(s)s]) WITH ORDINALITY AS told(s, n)"
        " WHERE o.business_id = %(b)s AND o.payout_user_id = %(u)s AND n <= 2 + 2 * o.attempt"
    ),
    (
        "INSERT INTO events (business_id, id, type, order_id, body)"
        " SELECT %(b)s, gen_random_uuid(), type, o.id, '{}' FROM orders o CROSS JOIN"
        " unnest(ARRAY['payout.created', 'payout.processing']) WITH ORDINALITY AS told(type, n)"
        " WHERE o.business_id = %(b)s AND o.payout_user_id = %(u)s AND n <= 1 + o.attempt"
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
def running(url: str, module: str) -> Iterator[tuple[psutil.Process, list[int]]]:
    """A worker, and its memory in KiB, sampled for as long as it runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"tests.benchmarks.{module}"],
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
