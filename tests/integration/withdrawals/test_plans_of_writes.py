"""A write of a few rows reads those few, also of one large business among many small ones, and
however often a connection has made it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from payviox.db.pool import SESSION, Connection, Database
from payviox.ledger.model import PAYOUT, Account
from payviox.ledger.queries import transfers
from payviox.withdrawals.queries import orders, sending
from payviox.withdrawals.queries.sending import Held, Queue, Update
from support.businesses import open_business
from support.citus import one_servers_plans
from support.databases import Server, Urls

pytestmark = [pytest.mark.anyio, one_servers_plans]

ROWS = 3_000
TABLES = ("accounts", "orders", "order_attempts", "order_states")
OTHERS = 1_000
"""Businesses that the planner takes the tables to be of."""
FEW = 20
"""Rows that may be read for a write of one, of each of its statements' tables."""

Work = Callable[[Connection, UUID, list[Held]], Awaitable[None]]


@pytest.fixture(scope="module")
def urls(server: Server) -> Iterator[Urls]:
    with server.fresh() as fresh:
        with fresh.as_admin() as admin:
            for table in TABLES:
                admin.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
                admin.execute(f"ALTER TABLE {table} ALTER business_id SET (n_distinct = {OTHERS})")
        yield fresh


@pytest.fixture(scope="module")
async def large(database: Database, urls: Urls) -> UUID:
    business_id = (await open_business(database)).business_id
    load(urls, business_id)
    return business_id


@pytest.fixture
async def connection(urls: Urls) -> AsyncIterator[Connection]:
    """One as a pool's."""
    connection = await psycopg.AsyncConnection.connect(
        urls.application, autocommit=True, options=SESSION
    )
    async with connection:
        yield connection


async def move(connection: Connection, business_id: UUID, held: list[Held]) -> None:
    accounts = [Account(PAYOUT, each.payout_user_id, 5, 6) for each in held]
    await transfers.update_accounts(connection, business_id, accounts)


async def claim(connection: Connection, business_id: UUID, held: list[Held]) -> None:
    await sending.start_sending(
        connection, business_id, [(each, 1, f"{each.id}.1", {"amount": 1}) for each in held]
    )


async def hand_back(connection: Connection, business_id: UUID, held: list[Held]) -> None:
    await sending.hand_back(connection, business_id, held)


async def set_due(connection: Connection, business_id: UUID, held: list[Held]) -> None:
    await sending.set_due(connection, business_id, [(each, each.created_at) for each in held])


async def record(connection: Connection, business_id: UUID, held: list[Held]) -> None:
    updates = [
        Update(each, "sent", True, None, None, 1.0, None, None, {}, "accepted", {}, 0)
        for each in held
    ]
    await sending.record(connection, business_id, updates)


async def tell(connection: Connection, business_id: UUID, held: list[Held]) -> None:
    entries = [(each.id, "sent", "worker", None) for each in held]
    await orders.insert_states(connection, business_id, entries)  # type: ignore[arg-type]  # a status


def load(urls: Urls, business_id: UUID) -> None:
    """Payout users of the business, each with an account and an order that was tried."""
    with urls.as_admin() as admin:
        admin.execute(
            "WITH users AS (INSERT INTO payout_users"
            " (business_id, id, email, hash_key_id, hash_digest)"
            " SELECT %(b)s, gen_random_uuid(), n || '@x.com', 'k', sha256(n::text::bytea)"
            " FROM generate_series(1, %(n)s) n RETURNING id),"
            " accounts AS (INSERT INTO accounts (business_id, id, kind, balance, version)"
            " SELECT %(b)s, id, 'user', 1, 1 FROM users),"
            " new AS (INSERT INTO orders (business_id, id, payout_user_id, provider, rail, status,"
            " amount, fees, net_amount, destination, destination_digest, attempt, due_at)"
            " SELECT %(b)s, gen_random_uuid(), id, 'paypal', 'sandbox', 'sent', 1, 0, 1, '{}', '',"
            " 1, now() FROM users RETURNING id),"
            " attempts AS (INSERT INTO order_attempts"
            " (business_id, order_id, number, reference, request)"
            " SELECT %(b)s, id, 1, id || '.1', '{}' FROM new)"
            " INSERT INTO order_states (business_id, order_id, number, status, actor)"
            " SELECT %(b)s, id, 1, 'sent', 'worker' FROM new",
            {"b": business_id, "n": ROWS},
        )
        admin.execute("ANALYZE")


async def rows_read(connection: Connection) -> int:
    cursor = await connection.execute(
        "SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0) FROM pg_stat_xact_user_tables"
        " WHERE relname = ANY(%s)",
        [list(TABLES)],
    )
    row: Any = await cursor.fetchone()
    return int(row[0])


WRITES: dict[str, Work] = {
    "accounts moved": move,
    "orders claimed": claim,
    "orders handed back": hand_back,
    "look-ups claimed": set_due,
    "answers recorded": record,
    "stories told": tell,
}


@pytest.mark.parametrize("name", WRITES)
async def test_a_write_reads_what_it_writes(connection: Connection, large: UUID, name: str) -> None:
    for number in range(15):  # so often, and a statement would be prepared, and then its plan kept
        await connection.execute("BEGIN")
        held = await sending.lock_due(connection, large, Queue("sandbox", False), 1, 60.0)
        assert len(held) == 1
        before = await rows_read(connection)
        await WRITES[name](connection, large, held)
        read = await rows_read(connection) - before
        await connection.execute("ROLLBACK")
        assert read <= FEW, f"the {number + 1}th time"
