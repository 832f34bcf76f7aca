"""How many orders one worker settles in a second through a rail that answers at once, alone and
beside a hundred thousand orders that are open there, and what the worker costs in memory.

The worker is the product's own in a process of its own; only its rail is replaced. Run as a program
(`python -m tests.benchmarks.orders`) this module is that worker."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import psycopg
import uvloop
from psycopg.types.json import Jsonb
from tests.benchmarks import server

from payviox import wiring, worker
from payviox.db.pool import Database
from payviox.ledger import verify
from payviox.rails.base import Entry, Holding, Known, Outcome, Quote, ReadyOrder, Request
from payviox.settings import Settings
from payviox.withdrawals.model import destination_digest, payee_digest, review_digest
from payviox.withdrawals.routing import Rails, Route

RAIL = "instant"
DESTINATION = {"email": "ada@bench.test"}
ORDERS = 10_000
OPEN = 100_000

CASES: Mapping[str, str | None] = {
    "alone": None,
    "scheduled": "now() + make_interval(secs => 3 * 3600.0 * i / %(n)s)",
    "all due": "now() - make_interval(hours => 1)",
}
"""What is open beside the new orders, by when it is due: nothing; orders of six hours ago, each
looked up every three; or all of them at once, as after an outage."""


class InstantRail:
    """Pays at once. What it finds open it says is still under way."""

    name = RAIL
    remembers_s: float | None = None
    authoritative = True
    lists_all = True

    async def quote(self, request: Request) -> Quote:
        amount = request.amount or 0
        soon = datetime.now(UTC) + timedelta(minutes=5)
        return Quote(amount, 0, amount, dict(request.destination), soon)

    async def validate(
        self, order_id: UUID, quote: Quote, request: Request, email: str
    ) -> ReadyOrder:
        return ReadyOrder(
            request.business_id,
            order_id,
            request.provider,
            quote.amount,
            quote.fees,
            quote.net_amount,
            quote.destination,
            email,
        )

    async def submit(self, order: ReadyOrder, reference: str) -> Outcome:
        return Outcome("succeeded", rail_order_id=reference)

    async def look_up(self, order: ReadyOrder, reference: str) -> Outcome:
        return Outcome("accepted", rail_order_id=reference)

    async def read_float(self, business_id: UUID) -> list[Holding]:
        return []

    async def statement(
        self, business_id: UUID, since: datetime, known: AsyncIterator[Sequence[Known]]
    ) -> AsyncIterator[Sequence[Entry]]:
        yield []


def measure(url: str, owner_url: str, make_business: Any) -> dict[str, object]:
    """Each case with a business of its own; orders settled a second, and the worker's memory in
    KiB: when it has just started, and at its most."""
    results: dict[str, Any] = {}
    for case, due in CASES.items():
        business = UUID(asyncio.run(make_business(url, f"orders {case}"))[0])
        with psycopg.connect(owner_url, autocommit=True) as admin:
            if due is not None:
                load(admin, business, "sent", OPEN, due)
            admin.execute("ANALYZE orders, order_attempts")
            with running(url) as (process, memory):
                idle = process.memory_info().rss // 1024
                load(admin, business, "queued", ORDERS, "now()")
                settled_s = settle(admin, business)
            results[case] = {
                "rate": ORDERS / settled_s,
                "kib_idle": idle,
                "kib_most": max(memory),
            }
            admin.execute("UPDATE orders SET due_at = NULL WHERE business_id = %s", [business])
    asyncio.run(check(url))
    alone = results["alone"]["rate"]
    return results | {
        "scheduled / alone": results["scheduled"]["rate"] / alone,
        "all due / alone": results["all due"]["rate"] / alone,
    }


def settle(admin: psycopg.Connection[Any], business: UUID) -> float:
    """Wait until every new order has succeeded; the seconds between the first and the last."""
    done = (
        "SELECT count(*), extract(epoch FROM max(updated_at) - min(updated_at))::float8"
        " FROM orders WHERE business_id = %s AND status = 'succeeded'"
    )
    deadline = time.monotonic() + 300
    while True:
        row = admin.execute(done, [business]).fetchone()
        if row is not None and row[0] == ORDERS:
            return float(row[1])
        if time.monotonic() > deadline:
            raise SystemExit(f"orders were not settled in time: {row}")
        time.sleep(0.2)


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
        "rail": RAIL,
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
        "INSERT INTO transfers (business_id, kind, amount, from_account, from_version, from_balance,"
        " to_account, to_version, to_balance)"
        " VALUES (%(b)s, 'allocation', %(n)s, %(payout)s, %(pv)s, %(pb)s, %(u)s, 1, %(n)s)"
    ),
    (
        "INSERT INTO orders (business_id, id, payout_user_id, provider, rail, status, amount, fees,"
        " net_amount, destination, destination_digest, payee_digest, reviewed_digest, attempt, due_at,"
        " created_at)"
        " SELECT %(b)s, md5(%(u)s::text || i)::uuid, %(u)s, 'paypal', %(rail)s, %(s)s, 1, 0, 1, %(to)s,"
        " %(digest)s, %(payee)s, %(bound)s, %(attempt)s, {due},"
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
        "INSERT INTO transfers (business_id, kind, amount, from_account, from_version, from_balance,"
        " to_account, to_version, to_balance, order_id)"
        " SELECT %(b)s, 'reserve', 1, %(u)s, 1 + i, %(n)s - i, %(transit)s, %(tv)s - %(n)s + i,"
        " %(tb)s - %(n)s + i, md5(%(u)s::text || i)::uuid FROM generate_series(1, %(n)s) i"
    ),
)
"""What a `load` runs, one after another; what a statement answers is given to the next."""


@contextmanager
def running(url: str) -> Iterator[tuple[psutil.Process, list[int]]]:
    """A worker, and its memory in KiB, sampled for as long as it runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.orders"],
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


def main() -> None:
    rail = InstantRail()
    wiring.rails = lambda *_: Rails(live=[Route("paypal", rail)], test=[Route("paypal", rail)])
    settings = Settings(home=Path("/nonexistent"), secret_key=server.SECRET_KEY)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    uvloop.run(worker.run(settings, os.environ["BENCH_DATABASE_URL"]))


if __name__ == "__main__":
    main()
