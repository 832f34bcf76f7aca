"""A list's filter that matches little reads little, whatever the statistics say: on an empty
database, on a huge one just loaded, after its statistics, and where these say a hundred million."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from payviox.db.pool import Connection, Database
from payviox.ledger import statements
from payviox.ledger.queries import transfers
from payviox.payout_users.queries import payout_users
from payviox.webhooks.queries import events
from payviox.withdrawals.queries import orders
from support.businesses import open_business
from support.citus import one_servers_plans
from support.databases import Server, Urls

pytestmark = [pytest.mark.anyio, one_servers_plans]

ROWS = 30_000
BELIEVED = 100_000_000


@pytest.fixture(scope="module")
def urls(server: Server) -> Iterator[Urls]:
    with server.fresh() as fresh:
        with fresh.as_admin() as admin:
            for table in ("accounts", "payout_users", "transfers", "orders", "events"):
                admin.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
        yield fresh


def load(urls: Urls, business_id: UUID, user: UUID) -> None:
    """A business with many users, transfers, orders and events, all of the usual kinds."""
    with urls.as_admin() as admin:
        admin.execute(
            "INSERT INTO payout_users (business_id, id, email, hash_key_id, hash_digest)"
            " SELECT %s, CASE n WHEN 1 THEN %s ELSE gen_random_uuid() END, n || '@x.com', 'k',"
            " sha256(n::text::bytea) FROM generate_series(1, %s) n",
            [business_id, user, ROWS],
        )
        admin.execute(
            "INSERT INTO accounts (business_id, id, kind, balance, version)"
            " SELECT business_id, id, 'user', 1, 1 FROM payout_users WHERE business_id = %s",
            [business_id],
        )
        admin.execute(
            "INSERT INTO transfers (business_id, kind, amount, from_account, from_version,"
            " from_balance, to_account, to_version, to_balance) SELECT business_id, 'allocation',"
            " 1, business_id, 10 + row_number() OVER (), 1, id, 1, 1"
            " FROM payout_users WHERE business_id = %s",
            [business_id],
        )
        admin.execute(
            "INSERT INTO orders (business_id, id, payout_user_id, provider, rail, status, amount,"
            " fees, net_amount, destination, destination_digest) SELECT %s, gen_random_uuid(), %s,"
            " 'paypal', 'sandbox', 'succeeded', 1, 0, 1, '{}', '' FROM generate_series(1, %s)",
            [business_id, user, ROWS],
        )
        admin.execute(
            "INSERT INTO events (business_id, id, type, order_id, body)"
            " SELECT business_id, id, 'payout.succeeded', id, '{}' FROM orders"
            " WHERE business_id = %s",
            [business_id],
        )


def believe(urls: Urls) -> None:
    """Have the planner take each table, whose statistics are fresh, for one of so many rows."""
    with urls.as_admin() as admin:
        admin.execute(
            "UPDATE pg_class SET reltuples = reltuples * %s"
            " WHERE relnamespace = 'public'::regnamespace AND reltuples >= %s",
            [BELIEVED / ROWS, ROWS / 100],
        )


LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


async def period_of(connection: Connection, business_id: UUID) -> None:
    period = await statements.period(connection, business_id, "payout", LONG_AGO, LONG_AGO)
    await statements.list_rows(connection, business_id, period, 0, 26)


LISTS: dict[str, Any] = {
    "movements of a kind": lambda c, b, _: transfers.list_movements(c, b, kind="fund", limit=26),
    "movements of a user": lambda c, b, u: transfers.list_movements(c, b, user_id=u, limit=26),
    "movements of nobody": lambda c, b, _: transfers.list_movements(
        c, b, user_id=uuid4(), limit=26
    ),
    "movements of an order": lambda c, b, _: transfers.list_movements(
        c, b, order_id=uuid4(), limit=26
    ),
    "every account at a moment": lambda c, b, _: statements.own_accounts_at(c, b, LONG_AGO),
    "every account now": lambda c, b, _: statements.own_accounts_at(c, b, None),
    "a user at a moment": lambda c, b, u: statements.user_balances_at(c, b, [u], LONG_AGO),
    "a period without a movement": lambda c, b, _: period_of(c, b),
    "inactive users": lambda c, b, _: payout_users.list_page(
        c, b, email=None, status="inactive", after=None, limit=26
    ),
    "orders of a provider": lambda c, b, _: orders.list_page(c, b, provider="gift_card", limit=26),
    "orders of a status": lambda c, b, _: orders.list_page(c, b, status="review", limit=26),
    "events of a type": lambda c, b, _: events.list_events(
        c, b, event_type="payout.failed", order_id=None, before=None, limit=26
    ),
    "events of an order": lambda c, b, _: events.list_events(
        c, b, event_type=None, order_id=uuid4(), before=None, limit=26
    ),
}


async def check(urls: Urls, business_id: UUID, user: UUID) -> None:
    for name, work in LISTS.items():
        async with await psycopg.AsyncConnection.connect(urls.admin) as connection:
            removed = await read_for_nothing(connection, work, business_id, user)
        assert removed <= 300, f"{name}: {removed} rows read for nothing"


async def read_for_nothing(connection: Connection, work: Any, business_id: UUID, user: UUID) -> int:
    """How many rows the work's statement reads of its tables, as they are counted while it runs."""
    counted = "SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0) FROM pg_stat_xact_user_tables"
    await work(connection, business_id, user)
    row = await (await connection.execute(counted)).fetchone()
    assert row is not None
    return int(str(row[0]))


async def test_filters_that_match_little_read_little(database: Database, urls: Urls) -> None:
    business = await open_business(database, funds=100)
    user = uuid4()
    await check(urls, business.business_id, user)
    load(urls, business.business_id, user)
    await check(urls, business.business_id, user)
    with urls.as_admin() as admin:
        admin.execute("ANALYZE")
    await check(urls, business.business_id, user)

    believe(urls)
    with urls.as_admin() as admin:
        row = admin.execute("EXPLAIN (FORMAT JSON) SELECT FROM transfers").fetchone()
        assert row is not None
        assert row[0][0]["Plan"]["Plan Rows"] >= BELIEVED  # type: ignore[index]  # JSON
    await check(urls, business.business_id, user)
