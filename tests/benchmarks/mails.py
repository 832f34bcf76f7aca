"""How many mails a second one worker hands over to a mail server on the same machine, of one
business and of several; and what that server takes from a client that does nothing else."""

import asyncio
import statistics
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
from payviox.mails.connections import AT_ONCE, Connections
from payviox.mails.model import Brand, NewMail
from payviox.mails.rendering import example, render
from payviox.mails.sending import send_due
from payviox.recipient_mails import contents
from payviox.smtp_server import SmtpServer, parse_sender
from support.live import free_port

MAILS = 200
BUSINESSES = 4
ROUNDS = 3
ALONE = "to it by a client that only talks"
SLOW_S = 0.2
"""What the slow mail server takes for each text: one that is far away, or looks for spam."""
SLOW = f"of one business to a server that takes {SLOW_S} s for each"
SENDER = parse_sender("payouts@bench.test")
SERVER = """
import asyncio, sys
from aiosmtpd.controller import Controller
class Taking:
    async def handle_DATA(self, server, session, envelope):
        await asyncio.sleep(float(sys.argv[2]))
        return "250 OK"
Controller(Taking(), hostname="127.0.0.1", port=int(sys.argv[1])).start()
print("ready", flush=True)
sys.stdin.read()
"""


def measure(bench: Bench) -> Results:
    """Mails a second of one business and of several at once, beside what the server takes from a
    client that has its text ready, in turn; medians of some rounds."""
    others = [
        asyncio.run(database.make_business(bench.url, f"mails {number}"))[0]
        for number in range(BUSINESSES - 1)
    ]
    for business in others:
        database.fill(bench.owner_url, business, bench.keyring.current.id, MAILS, MAILS)
    with _mail_server(0) as quick, _mail_server(SLOW_S) as slow:
        return uvloop.run(_measure(bench, [bench.business, *others], quick, slow))


def report(results: Results) -> None:
    """The figures, and how near they come to what the server takes."""
    for name, rate in results.items():
        most = AT_ONCE / SLOW_S if name == SLOW else results[ALONE]
        console.print(f"mails a second, {name}: {rate:,.0f} ({rate / most:.2f} of what it takes)")


async def _measure(
    bench: Bench, businesses: list[str], server: SmtpServer, slow: SmtpServer
) -> Results:
    rates: dict[str, list[float]] = {}

    def note(name: str, rate: float) -> None:
        rates.setdefault(name, []).append(rate)

    opened = Database(bench.url)
    await opened.open()
    try:
        for _ in range(ROUNDS):
            note("of one business", await _rate(bench, opened, businesses[:1], server))
            several = await _rate(bench, opened, businesses, server)
            note(f"of {len(businesses)} businesses", several)
            note(SLOW, await _rate(bench, opened, businesses[:1], slow))
            note(ALONE, await _talk(server))
    finally:
        await opened.close()
    return {name: statistics.median(each) for name, each in rates.items()}


async def _rate(bench: Bench, opened: Database, businesses: list[str], server: SmtpServer) -> float:
    prepare = contents.prepares(bench.keyring, "http://pay.bench.test")
    for business in businesses:
        await _write(opened, UUID(business))
    connections = Connections(server)
    started = time.perf_counter()
    sent = await asyncio.gather(
        *(send_due(opened, connections, SENDER, prepare, UUID(business)) for business in businesses)
    )
    took = time.perf_counter() - started
    if sum(sent) != MAILS * len(businesses):
        raise SystemExit(f"{sum(sent)} mails were sent of {MAILS * len(businesses)}")
    return sum(sent) / took


async def _talk(server: SmtpServer) -> float:
    """The dialogue alone, over as many connections, with a text that is ready."""
    facts = {**example("money_received"), "brand": Brand("Bench", "#1f4b99", None, is_test=False)}
    mail = render("money_received", ids.new(), SENDER, "u@bench.test", facts)
    said = [
        f"MAIL FROM:<{SENDER.addr_spec}>\r\n".encode(),
        b"RCPT TO:<u@bench.test>\r\n",
        b"DATA\r\n",
        mail.as_bytes() + b"\r\n.\r\n",
    ]
    each = MAILS // AT_ONCE

    async def client() -> None:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        await reader.readline()
        writer.write(b"HELO bench.test\r\n")
        await reader.readline()
        for _ in range(each):
            for line in said:
                writer.write(line)
                answer = await reader.readline()
                if answer[:1] not in (b"2", b"3"):
                    raise SystemExit(f"the mail server refused: {answer.decode()}")
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(AT_ONCE)))
    return each * AT_ONCE / (time.perf_counter() - started)


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
def _mail_server(seconds: float) -> Iterator[SmtpServer]:
    """One that takes every text in so many seconds, in a process of its own."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(port), str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        if process.stdout.readline() != "ready\n":
            raise SystemExit("the mail server did not start")
        yield SmtpServer(HOST, port, "none")
    finally:
        process.stdin.close()
        process.wait(60)
