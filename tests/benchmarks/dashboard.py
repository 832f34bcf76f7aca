"""What pages cost the server: time and questions to the database, beside many payout users,
transfers and orders; and what a browser loads for them. In one process, without a network."""

import asyncio
import gc
import hashlib
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
from psycopg import AsyncCursor
from rich.console import Console
from rich.table import Table
from tests.benchmarks import database, server

from payviox import app, ids
from payviox.auth import operators
from payviox.auth.queries import sessions
from payviox.dashboard import app as dashboard
from payviox.db import migrate
from payviox.db.embedded import Cluster
from payviox.keyring import Keyring
from payviox.ledger import daily_flows
from payviox.settings import Settings
from payviox.web import pages as templates

PAGES = {
    "home": "",
    "users": "/users",
    "users found": "/users?search=u77",
    "orders": "/orders?status=succeeded",
    "search": "/search?q=25.00",
    "balances at a moment": "/balance/period?from=2026-01-01&to=2026-01-31&at=2026-01-31T12:00",
}
TIMES = 200
"""Each page is asked for so often, one request after another."""
TOKEN = "the token of a session for the benchmarks alone"

# Orders that ended long ago, and a few that wait.
ORDERS = """
INSERT INTO orders (business_id, id, payout_user_id, provider, rail, status, amount, fees,
                    net_amount, destination, destination_digest)
SELECT u.business_id, md5('order' || n)::uuid, u.id, 'paypal', 'sandbox',
       CASE WHEN n %% 1000 = 0 THEN 'review' ELSE 'succeeded' END, 100 + n %% 5000, 0,
       100 + n %% 5000, '{"email": "u@bench.test"}', ''
FROM generate_series(1, %(orders)s) n
JOIN payout_users u ON u.business_id = %(business)s
  AND u.id = md5(%(name)s || (1 + n %% %(users)s))::uuid
"""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much there is beside what a page shows."""

    users: int
    transfers: int
    orders: int


SMALL = Scale(10_000, 100_000, 10_000)
LARGE = Scale(1_000_000, 10_000_000, 1_000_000)


def measure(urls: Cluster, home: Path, scale: Scale) -> dict[str, Any]:
    """Milliseconds at the median and the 99th percentile, questions, and kilobytes loaded."""
    users, transfers, orders = scale.users, scale.transfers, scale.orders
    settings = Settings(home=home, secret_key=server.SECRET_KEY)
    migrate.migrate(urls.owner_url, urls.application_url)
    business, _ = asyncio.run(database.make_business(urls.application_url, "dashboard"))
    key = Keyring(server.SECRET_KEY).current.id
    database.fill(urls.owner_url, business, key, users, transfers)
    with psycopg.connect(urls.owner_url, autocommit=True) as connection:
        connection.execute(
            ORDERS, {"business": business, "name": business, "orders": orders, "users": users}
        )
        connection.execute("ANALYZE")
    return asyncio.run(_measure(urls, settings, UUID(business)))


async def _measure(urls: Cluster, settings: Settings, business_id: UUID) -> dict[str, Any]:
    async with app.open_services(settings, urls.application_url) as services:
        await daily_flows.sum_all(services.database)
        application = app.build(services)
        await services.database.write(_let_in)
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(application),  # type: ignore[arg-type]  # ASGI
            base_url=settings.public_url,
            cookies={"session": TOKEN},
            timeout=60,
        )
        async with client:
            base = f"/dashboard/{ids.show(ids.BUSINESS, business_id)}"
            gc.collect()
            gc.freeze()  # as the product does when it begins to serve
            pages = {
                name: await _page(client, base + tail)
                for name, tail in {**PAGES, **_pages_of_one(business_id)}.items()
            }
    files = templates.load(dashboard.TEMPLATES).assets.files
    loaded = sum(
        len(asset.compressed or asset.content)
        for name, asset in files.items()
        if name.endswith((".css", ".js"))
    )
    return {"pages": pages, "loaded_kb": round(loaded / 1000, 1)}


def _pages_of_one(business_id: UUID) -> dict[str, str]:
    """An order in review, and a payout user."""
    order, user = (_named(text) for text in ("order1000", f"{business_id}1"))
    return {
        "an order": f"/orders/{ids.show(ids.ORDER, order)}",
        "a payout user": f"/users/{ids.show(ids.USER, user)}",
    }


def _named(text: str) -> UUID:
    """The id that rows made above have by this text."""
    return UUID(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest())


async def _page(client: httpx.AsyncClient, address: str) -> dict[str, float]:
    execute = AsyncCursor.execute
    questions = 0

    async def counted(cursor: Any, query: Any, *more: Any, **named: Any) -> Any:
        nonlocal questions
        questions += 1
        return await execute(cursor, query, *more, **named)

    took = []
    AsyncCursor.execute = counted  # type: ignore[method-assign]  # of this process alone
    try:
        for _ in range(TIMES):
            started = time.perf_counter()
            answer = await client.get(address)
            took.append(time.perf_counter() - started)
            assert answer.status_code == 200, (address, answer.status_code)
    finally:
        AsyncCursor.execute = execute  # type: ignore[method-assign]
    took.sort()
    return {
        "p50_ms": round(statistics.median(took) * 1000, 1),
        "p99_ms": round(took[int(0.99 * len(took))] * 1000, 1),
        "questions": questions / TIMES,
    }


def report(results: dict[str, Any]) -> None:
    """The table."""
    table = Table(title=f"Pages; style and scripts are {results['loaded_kb']} kB compressed")
    for name in ("page", "p50 ms", "p99 ms", "questions"):
        table.add_column(name)
    for name, page in results["pages"].items():
        table.add_row(name, *(str(page[key]) for key in ("p50_ms", "p99_ms", "questions")))
    Console().print(table)


async def _let_in(connection: Any) -> None:
    """A session of an admin."""
    operator = await operators.create(
        connection, f"{uuid4().hex}@bench.test", "correct horse battery", "bench", is_admin=True
    )
    digest = hashlib.sha256(TOKEN.encode()).digest()
    await sessions.insert_session(connection, ids.new(), digest, operator, "password", None, None)
