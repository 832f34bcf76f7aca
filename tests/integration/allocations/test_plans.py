"""The hot statements have index plans, on an empty database and on a huge one that was just loaded,
whatever the statistics say, and keep those that were made when it was empty."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import pytest
from psycopg import sql

from payviox import ids
from payviox.allocations.queries import groups as queries
from payviox.db.pool import Connection, Database
from payviox.db.round_trip import Statement
from support.businesses import open_business
from support.citus import one_servers_plans
from support.databases import Server, Urls

pytestmark = [pytest.mark.anyio, one_servers_plans]

USERS = 100_000
ITEMS = 300
ALLOWED = {
    "Nested Loop", "Function Scan", "CTE Scan", "Index Scan", "Index Only Scan", "LockRows",
    "Limit", "Sort", "Incremental Sort", "Result", "ModifyTable", "Subquery Scan", "Materialize",
    "Aggregate", "Values Scan",
}  # fmt: skip

KEYS = {
    "payout_users": "email|id",
    "accounts": "id|kind",
    "transfers": "idempotency_key",
}
"""By what of a business's rows an index must be entered; of other tables a business has few."""


@pytest.fixture(scope="module")
def urls(server: Server) -> Iterator[Urls]:
    """No statistics but those that a test asks for."""
    with server.fresh() as fresh:
        with fresh.as_admin() as admin:
            for table in ("accounts", "payout_users", "transfers", "allocation_groups"):
                admin.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
        yield fresh


def load(urls: Urls, business_id: UUID) -> None:
    """A business with many payout users, each paid once under a key."""
    with urls.as_admin() as admin:
        admin.execute(
            "INSERT INTO payout_users (business_id, id, email, hash_key_id, hash_digest)"
            " SELECT %s, gen_random_uuid(), 'u' || n || '@x.com', 'k', sha256(n::text::bytea)"
            " FROM generate_series(1, %s) n",
            [business_id, USERS],
        )
        admin.execute(
            "INSERT INTO accounts (business_id, id, kind, balance, version)"
            " SELECT business_id, id, 'user', 1, 1 FROM payout_users WHERE business_id = %s",
            [business_id],
        )
        admin.execute(
            "INSERT INTO transfers (business_id, kind, amount, from_account, from_version,"
            " from_balance, to_account, to_version, to_balance, idempotency_key,"
            " idempotency_digest) SELECT business_id, 'allocation', 1, business_id,"
            " 10 + row_number() OVER (), 1, id, 1, 1, 'key ' || email, '\\xaa'"
            " FROM payout_users WHERE business_id = %s",
            [business_id],
        )


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


async def prepare(connection: Connection) -> None:
    await connection.execute("DEALLOCATE ALL")
    for statement, _ in statements(ids.new(), 0):
        await connection.execute(f"PREPARE plan_{statement.name} AS {statement.sql}".encode())


async def explained(
    connection: Connection, statement: Statement, parameters: Sequence[object]
) -> tuple[list[dict[str, Any]], int]:
    """Run a statement with the plan that its connection has of it, else makes and keeps: the
    plan's nodes and the pages it touched."""
    await connection.execute("BEGIN")
    try:
        cursor = await connection.execute(
            sql.SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE {}({})").format(
                sql.Identifier(f"plan_{statement.name}"), sql.SQL(", ").join(parameters)
            )
        )
        row = await cursor.fetchone()
    finally:
        await connection.execute("ROLLBACK")
    assert row is not None
    plan = row[0][0]["Plan"]  # type: ignore[index]  # JSON
    return list(nodes(plan)), plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def statements(business_id: UUID, start: int) -> list[tuple[Statement, list[object]]]:
    """Each hot statement with a full group's parameters: old users and keys, and new ones."""
    emails = [f"u{n}@x.com" for n in range(start, start + ITEMS)]
    new = [str(ids.new()) for _ in range(ITEMS)]
    payout = str(business_id)
    rows = [
        {"u": u, "a": 1, "fv": 10**9 + n, "fb": 1, "tv": 1, "tb": 1, "k": f"new {u}", "d": "aa"}
        for n, u in enumerate(new)
    ]
    users = [{"u": u, "e": f"{u}@x.com", "k": "k", "h": u.replace("-", "")} for u in new]
    accounts = [*({"u": u, "b": 1, "v": 1} for u in new), {"u": payout, "b": 1, "v": 10**9}]
    keys = [f"key {email}" for email in emails]
    return [
        (queries.LOCK_PAYOUT, [payout]),
        (queries.READ_BUSINESS, [payout]),
        (queries.LOCK_USERS, [payout, json.dumps(emails)]),
        (queries.FIND_REPLAYS, [payout, json.dumps(keys)]),
        (queries.READ_KEYS, [payout, json.dumps([str(ids.new()) for _ in range(ITEMS)])]),
        (
            queries.WRITE,
            [
                payout,
                str(ids.new()),
                payout,
                json.dumps(users),
                json.dumps(accounts),
                json.dumps(rows),
            ],
        ),
    ]


async def check(connection: Connection, business_id: UUID) -> None:
    for statement, parameters in statements(business_id, USERS // 2):
        name = statement.name
        found, pages = await explained(connection, statement, parameters)
        kinds = {node["Node Type"] for node in found}
        assert kinds <= ALLOWED, f"{name}: {kinds - ALLOWED}"
        for node in found:
            if node["Node Type"].startswith("Index"):
                condition = node["Index Cond"]
                key = KEYS.get(node["Relation Name"], "business_id|id")
                assert re.search(rf"[(.]({key}) ", condition), (name, condition)
                removed = node.get("Rows Removed by Filter", 0)
                assert removed <= 5, f"{name}: {removed} rows read for nothing, {node}"
        assert pages < 60 * ITEMS, f"{name} touched {pages} pages for {ITEMS} items"


async def test_on_an_empty_database_and_on_a_huge_one(database, urls) -> None:
    """One business is huge; another, that the statistics do not know, comes after them."""
    async with database.engine() as planned_early, database.engine() as planned_now:
        await prepare(planned_early)
        await prepare(planned_now)

        async def check_both(business_id: UUID) -> None:
            await check(planned_early, business_id)
            await planned_now.execute("DISCARD PLANS")
            await check(planned_now, business_id)

        business = await open_business(database, funds=100)
        await check_both(business.business_id)
        load(urls, business.business_id)
        await check_both(business.business_id)
        with urls.as_admin() as admin:
            admin.execute("ANALYZE")
        await check_both(business.business_id)
        later = await open_business(database, funds=100)
        await check_both(later.business_id)
        load(urls, later.business_id)
        await check_both(later.business_id)


async def test_a_plan_is_made_once_a_connection(database) -> None:
    async with database.engine() as connection:
        await prepare(connection)
        business = await open_business(database, funds=100)
        for _ in range(3):
            await check(connection, business.business_id)
        cursor = await connection.execute(
            "SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements"
            " WHERE name LIKE 'plan\\_%'"
        )
        assert await cursor.fetchone() == (3 * len(statements(business.business_id, 0)), 0)


async def test_ordinary_connections_plan_as_they_like(database) -> None:
    settings = "SELECT current_setting('enable_seqscan'), current_setting('plan_cache_mode')"
    async with database.read() as connection:
        cursor = await connection.execute(settings)
        assert await cursor.fetchone() == ("on", "auto")
    async with database.engine() as connection:
        cursor = await connection.execute(settings)
        assert await cursor.fetchone() == ("off", "force_generic_plan")


async def test_nothing_is_compiled_where_the_server_compiles_what_is_dear(fresh_urls: Urls) -> None:
    with fresh_urls.as_admin() as admin:
        admin.execute(
            sql.SQL("ALTER DATABASE {} SET jit = on").format(sql.Identifier(admin.info.dbname))
        )
    database = Database(fresh_urls.application)
    await database.open()
    try:
        async with database.engine() as connection:
            cursor = await connection.execute("SHOW jit")
            assert await cursor.fetchone() == ("off",)
    finally:
        await database.close()
