"""A write of a few deliveries reads those few, also of one large business among many small ones,
and however often a connection has made it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from payviox.db.pool import SESSION, Connection, Database
from payviox.webhooks.model import Attempted, Change, Claim
from payviox.webhooks.queries import deliveries
from payviox.webhooks.sender import Answer
from support.businesses import open_business
from support.citus import one_servers_plans
from support.databases import Server, Urls

pytestmark = [pytest.mark.anyio, one_servers_plans]

ROWS = 3_000
OTHERS = 1_000
"""Businesses that the planner takes the tables to be of."""
FEW = 20

Work = Callable[[Connection, Claim], Awaitable[None]]


@pytest.fixture(scope="module")
def urls(server: Server) -> Iterator[Urls]:
    with server.fresh() as fresh:
        with fresh.as_admin() as admin:
            for table in ("events", "deliveries"):
                admin.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
                admin.execute(f"ALTER TABLE {table} ALTER business_id SET (n_distinct = {OTHERS})")
        yield fresh


@pytest.fixture(scope="module")
async def large(database: Database, urls: Urls) -> UUID:
    """A business with many events that were delivered, and a few that are due."""
    business_id = (await open_business(database)).business_id
    with urls.as_admin() as admin:
        admin.execute(
            "WITH new AS (INSERT INTO events (business_id, id, type, body)"
            " SELECT %(b)s, gen_random_uuid(), 'payout.sent', '{}'"
            " FROM generate_series(1, %(n)s) RETURNING id)"
            " INSERT INTO deliveries (business_id, id, event_id, status, due_at)"
            " SELECT %(b)s, gen_random_uuid(), id, CASE WHEN n > 3 THEN 'delivered'"
            " ELSE 'pending' END, CASE WHEN n <= 3 THEN now() END"
            " FROM (SELECT id, row_number() OVER () AS n FROM new) numbered",
            {"b": business_id, "n": ROWS},
        )
        admin.execute(
            "INSERT INTO webhook_settings (business_id, url, token, key_id, enabled, events)"
            " VALUES (%s, 'https://x.com', '', 'k', true, '{payout.sent}')",
            [business_id],
        )
        admin.execute("ANALYZE")
    return business_id


@pytest.fixture
async def connection(urls: Urls) -> AsyncIterator[Connection]:
    """One as a pool's."""
    connection = await psycopg.AsyncConnection.connect(
        urls.application, autocommit=True, options=SESSION
    )
    async with connection:
        yield connection


async def claim(connection: Connection, claimed: Claim) -> None:
    await deliveries.claim(connection, {claimed.business_id: 1}, timedelta(minutes=1))


async def record(connection: Connection, claimed: Claim) -> None:
    attempted = Attempted(claimed, {}, Answer(200, "", 1, None))
    change = Change(1, "delivered", 1, None, True)
    await deliveries.record_attempts(connection, [(attempted, change)])


async def hand_back(connection: Connection, claimed: Claim) -> None:
    await deliveries.hand_back(connection, [claimed])


async def send_again(connection: Connection, claimed: Claim) -> None:
    await deliveries.send_again(connection, claimed.business_id, [(claimed.event_id, claimed.id)])


async def rows_read(connection: Connection) -> int:
    cursor = await connection.execute(
        "SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0) FROM pg_stat_xact_user_tables"
        " WHERE relname IN ('events', 'deliveries')"
    )
    row: Any = await cursor.fetchone()
    return int(row[0])


@pytest.mark.parametrize("work", [claim, record, hand_back, send_again])
async def test_a_write_reads_what_it_writes(
    connection: Connection, large: UUID, work: Work
) -> None:
    for number in range(15):  # so often, and a statement would be prepared, and then its plan kept
        await connection.execute("BEGIN")
        (claimed,) = await deliveries.claim(connection, {large: 1}, timedelta(minutes=1))
        before = await rows_read(connection)
        await work(connection, claimed)
        read = await rows_read(connection) - before
        await connection.execute("ROLLBACK")
        assert read <= FEW, f"the {number + 1}th time"
