"""How many mails a second one worker hands over to a mail server on the same machine: of one
business, which are sent one after another, and of several, which are not."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import uvloop
from tests.benchmarks import database
from tests.benchmarks.allocations import Bench, Results, console
from tests.benchmarks.load import HOST

from payviox import ids
from payviox.db.pool import Database
from payviox.mails import outbox
from payviox.mails.model import NewMail
from payviox.mails.sending import send_due
from payviox.recipient_mails import contents
from payviox.smtp_server import SmtpServer, parse_sender
from support.live import free_port

MAILS = 200
BUSINESSES = 4
SENDER = parse_sender("payouts@bench.test")
SERVER = """
import sys
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
Controller(Sink(), hostname="127.0.0.1", port=int(sys.argv[1])).start()
print("ready", flush=True)
sys.stdin.read()
"""


def measure(bench: Bench) -> Results:
    """Mails a second of one business, and of several at once."""
    others = [
        asyncio.run(database.make_business(bench.url, f"mails {number}"))[0]
        for number in range(BUSINESSES - 1)
    ]
    for business in others:
        database.fill(bench.owner_url, business, bench.keyring.current.id, MAILS, MAILS)
    port = free_port()
    with _mail_server(port):
        server = SmtpServer(HOST, port, "none")
        return uvloop.run(_measure(bench, [bench.business, *others], server))


def report(results: Results) -> None:
    """Both figures."""
    for name, rate in results.items():
        console.print(f"mails a second, {name}: {rate:,.0f}")


async def _measure(bench: Bench, businesses: list[str], server: SmtpServer) -> Results:
    opened = Database(bench.url)
    await opened.open()
    try:
        one = await _rate(bench, opened, businesses[:1], server)
        several = await _rate(bench, opened, businesses, server)
    finally:
        await opened.close()
    return {"of one business": one, f"of {len(businesses)} businesses": several}


async def _rate(bench: Bench, opened: Database, businesses: list[str], server: SmtpServer) -> float:
    prepare = contents.prepares(bench.keyring, "http://pay.bench.test")
    for business in businesses:
        await _write(opened, UUID(business))
    started = time.perf_counter()
    sent = await asyncio.gather(
        *(send_due(opened, server, SENDER, prepare, UUID(business)) for business in businesses)
    )
    took = time.perf_counter() - started
    if sum(sent) != MAILS * len(businesses):
        raise SystemExit(f"{sum(sent)} mails were sent of {MAILS * len(businesses)}")
    return sum(sent) / took


async def _write(opened: Database, business: UUID) -> None:
    """A mail for each of so many payout users."""

    async def work(connection: Any) -> None:
        users = await connection.execute(
            "SELECT id, email FROM payout_users WHERE business_id = %s ORDER BY email LIMIT %s",
            [business, MAILS],
        )
        mails = [
            NewMail(
                f"{ids.new()}",
                email,
                "money_received",
                {"user": ids.show(ids.USER, user), "cents": 1},
            )
            for user, email in await users.fetchall()
        ]
        await outbox.put_all(connection, business, mails)

    await opened.write(work)


@contextmanager
def _mail_server(port: int) -> Iterator[None]:
    """One that takes everything, in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        if process.stdout.readline() != "ready\n":
            raise SystemExit("the mail server did not start")
        yield
    finally:
        process.stdin.close()
        process.wait(60)
