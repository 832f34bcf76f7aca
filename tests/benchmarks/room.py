"""How many bytes the tables that grow for ever take, each with its indexes: of a transfer, with and
without an idempotency key, and of all that an order and its events leave. Small tables, loaded as
they grow: payout users in no order, versions of the payout account one after another. Another
business comes after the one that is measured, as nearly always: pages of its indexes then split in
halves."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
from rich.console import Console
from rich.table import Table
from tests.benchmarks import database, server

from payviox import app
from payviox.db import compact, migrate
from payviox.db.embedded import Cluster
from payviox.settings import Settings
from payviox.withdrawals.sending.processor import process_due

TRANSFERS = 200_000
USERS = 20_000
MORE = 30_000
"""Transfers after the indexes were built anew: about as many as until they are again."""
ORDERS, ROUNDS = 1_000, 3
"""Withdrawals a round; the first ones make the room that states leave which orders had."""
MOST = 350
"""Bytes that a transfer may take."""

SIZES = """
SELECT c.relname, pg_table_size(c.oid), pg_indexes_size(c.oid) FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
"""
PARTS = """
SELECT indexrelid::regclass::text, pg_relation_size(indexrelid) FROM pg_index
WHERE indrelid = 'transfers'::regclass ORDER BY 2 DESC
"""
OF_AN_ORDER = (
    "orders", "order_states", "order_attempts", "transfers", "events", "deliveries",
    "sandbox_payments",
)  # fmt: skip
"""In which tables a withdrawal leaves rows."""

# As the engine writes groups: rows of many people, each under a key of its own or under none.
GROUPS = """
INSERT INTO transfers (business_id, kind, amount, from_account, from_version, from_balance,
                       to_account, to_version, to_balance, idempotency_key, idempotency_digest)
SELECT %(b)s, 'allocation', 1, %(b)s, %(v)s + i, 1, md5(%(name)s || (1 + (i - 1) %% %(u)s))::uuid,
       %(v)s + (i - 1) / %(u)s, 1, CASE WHEN %(keyed)s THEN 'invoice-' || i END,
       CASE WHEN %(keyed)s THEN sha256(i::text::bytea) END
FROM generate_series(1, %(n)s::bigint) i
"""


def measure(urls: Cluster, home: Path) -> dict[str, Any]:
    """Bytes a transfer, in the table and in each of its indexes, as written and once the indexes
    were built anew; bytes and rows an order, table by table."""
    migrate.migrate(urls.owner_url, urls.application_url)
    orders = asyncio.run(_orders(urls, Settings(home=home, secret_key=server.SECRET_KEY)))
    business, _ = asyncio.run(database.make_business(urls.application_url, "room"))
    asyncio.run(database.make_business(urls.application_url, "another"))
    with psycopg.connect(urls.owner_url, autocommit=True) as admin:
        empty, parts_before = _sizes(admin)["transfers"], _parts(admin)
        database.fill(urls.owner_url, business, "none", USERS, TRANSFERS)
        plain, parts = _sizes(admin)["transfers"], _parts(admin)
        compact.compact(urls.owner_url)
        built = _sizes(admin)["transfers"]
        group = {"b": business, "name": business, "u": USERS}
        admin.execute(GROUPS, group | {"n": MORE, "v": 1_000_000, "keyed": False})
        grown = _sizes(admin)["transfers"]
        admin.execute(GROUPS, group | {"n": TRANSFERS, "v": 2_000_000, "keyed": True})
        keyed = _sizes(admin)["transfers"]
    return {
        "transfer": (sum(plain) - sum(empty)) / TRANSFERS,
        "transfer_table": (plain[0] - empty[0]) / TRANSFERS,
        "transfer_indexes": {
            name: (size - parts_before[name]) / TRANSFERS for name, size in parts.items()
        },
        "transfer_compacted": (sum(built) - sum(empty)) / TRANSFERS,
        "transfer_kept_compact": (sum(grown) - sum(empty)) / (TRANSFERS + MORE),
        "transfer_with_key": (sum(keyed) - sum(grown)) / TRANSFERS,
        "order": orders,
    }


def report(results: dict[str, Any]) -> None:
    """The tables."""
    console = Console()
    table = Table(title=f"Bytes a transfer (aim: ≤ {MOST})")
    table.add_column("what")
    table.add_column("bytes", justify="right")
    rows = {
        "as written": results["transfer"],
        "  the table": results["transfer_table"],
        **{f"  {name}": size for name, size in results["transfer_indexes"].items() if size >= 1},
        "once compacted": results["transfer_compacted"],
        "and with 15 % more since": results["transfer_kept_compact"],
        "with an idempotency key": results["transfer_with_key"],
    }
    for name, size in rows.items():
        table.add_row(name, f"{size:,.0f}")
    console.print(table)
    table = Table(title="A withdrawal that succeeded, with the allocation that it takes")
    for name in ("table", "rows", "bytes"):
        table.add_column(name, justify="left" if name == "table" else "right")
    for name, each in results["order"].items():
        table.add_row(name, f"{each['rows']:.1f}", f"{each['bytes']:,.0f}")
    table.add_row("all", "", f"{sum(each['bytes'] for each in results['order'].values()):,.0f}")
    console.print(table)


async def _orders(urls: Cluster, settings: Settings) -> dict[str, dict[str, float]]:
    """Rows and bytes that a withdrawal leaves, by way of the API and the sandbox, and whose events
    all go to a webhook."""
    business, key = await database.make_business(urls.application_url, "orders")
    async with app.open_services(settings, urls.application_url) as services:
        transport = httpx.ASGITransport(app.build(services))  # type: ignore[arg-type]  # ASGI
        async with httpx.AsyncClient(
            transport=transport, base_url=settings.public_url, timeout=60
        ) as client:
            by_key = {"Authorization": f"Bearer {key}"}
            events = ["payout.created", "payout.processing", "payout.succeeded"]
            hook = {"url": "https://example.com/hook", "enabled": True, "events": events}
            _check(await client.put("/payout/webhook", json=hook, headers=by_key), 200)
            with psycopg.connect(urls.owner_url, autocommit=True) as admin:
                sizes = []
                for turn in range(ROUNDS):
                    await _round(client, by_key, turn)
                    await _settle(services, UUID(business), admin)
                    await asyncio.to_thread(admin.execute, "VACUUM")  # as the server does by itself
                    sizes.append(await asyncio.to_thread(_of_orders, admin))
    before, after, number = sizes[0], sizes[-1], ORDERS * (ROUNDS - 1)
    return {
        name: {
            "rows": (after[name][0] - before[name][0]) / number,
            "bytes": (after[name][1] - before[name][1]) / number,
        }
        for name in OF_AN_ORDER
    }


async def _round(client: httpx.AsyncClient, by_key: dict[str, str], turn: int) -> None:
    """So many people are paid, and withdraw."""
    items = [{"email": f"u{turn}-{n}@bench.test", "amount": 5_000} for n in range(ORDERS)]
    made = await client.post("/payout/batch", json={"items": items}, headers=by_key)
    for result in _check(made, 200)["results"]:
        body = {"provider": "paypal", "amount": 1_000}
        to = {"paypal": {"email": "somebody@example.com"}}
        by_hash = {"X-Payout-Hash": result["hash"]}
        _check(await client.post("/payout/withdraw", json=body | to, headers=by_hash), 201)


async def _settle(services: Any, business_id: UUID, admin: psycopg.Connection[Any]) -> None:
    for _ in range(300):
        await process_due(services.database, services.rails, business_id=business_id)
        row = admin.execute("SELECT count(*) FROM orders WHERE status <> 'succeeded'").fetchone()
        if row == (0,):
            return
        await asyncio.sleep(0.2)
    raise SystemExit("the orders were not settled in time")


def _of_orders(admin: psycopg.Connection[Any]) -> dict[str, tuple[int, int]]:
    """Rows and bytes of each table."""
    found = {}
    for name in OF_AN_ORDER:
        row = admin.execute(
            f"SELECT count(*), pg_total_relation_size('{name}') FROM {name}"  # constants
        ).fetchone()
        assert row is not None
        found[name] = (int(row[0]), int(row[1]))
    return found


def _check(answer: httpx.Response, status: int) -> Any:
    if answer.status_code != status:
        raise SystemExit(f"{answer.request.url} answered {answer.status_code}: {answer.text}")
    return json.loads(answer.content)


def _sizes(admin: psycopg.Connection[Any]) -> Mapping[str, tuple[int, int]]:
    return {str(name): (table, indexes) for name, table, indexes in admin.execute(SIZES)}


def _parts(admin: psycopg.Connection[Any]) -> dict[str, int]:
    return {str(name): int(size) for name, size in admin.execute(PARTS)}
