"""Claims and the log enter an index, however much is pending or was delivered."""

from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import UUID, uuid4

import pytest

from payviox.db.pool import Connection, Database
from payviox.webhooks.model import Attempted, Change, Claim
from payviox.webhooks.queries import deliveries, log
from payviox.webhooks.sender import Answer
from support.businesses import TestBusiness
from support.citus import one_servers_plans
from support.databases import Urls

pytestmark = [pytest.mark.anyio, one_servers_plans]

ROWS = 20_000
NOW = datetime.now(UTC)


class Explained:
    """A connection that plans each statement in place of running it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.plan = ""

    def cursor(self, **_: Any) -> "Explained":
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def execute(self, query: str, given: Any, **_: Any) -> None:
        cursor = await self._connection.execute(f"EXPLAIN {query}", given)
        self.plan += "\n".join(str(row[0]) for row in await cursor.fetchall())

    async def fetchone(self) -> None:
        return None

    async def fetchall(self) -> list[Any]:
        return []


@pytest.fixture
def busy(business: TestBusiness, urls: Urls) -> UUID:
    """A business with many deliveries, every other one pending, some of them sent again."""
    business_id = business.business_id
    with urls.as_admin() as admin:
        admin.execute(
            "INSERT INTO webhook_settings (business_id, url, enabled, token, key_id)"
            " VALUES (%s, 'https://example.com', true, 'x', 'k')",
            [business_id],
        )
        admin.execute(
            "INSERT INTO events (business_id, id, type, order_id, body)"
            " SELECT %s, gen_random_uuid(), 'payout.succeeded', gen_random_uuid(), '{}'"
            " FROM generate_series(1, %s)",
            [business_id, ROWS],
        )
        admin.execute(
            "INSERT INTO deliveries (business_id, id, event_id, status, replayed, due_at)"
            " SELECT business_id, gen_random_uuid(), id,"
            "  CASE WHEN mod(n, 100) = 0 THEN 'failed' WHEN mod(n, 2) = 0 THEN 'pending'"
            "       ELSE 'delivered' END,"
            "  mod(n, 20) = 0, CASE WHEN mod(n, 2) = 0 AND mod(n, 100) <> 0 THEN now() END"
            " FROM (SELECT business_id, id, row_number() OVER () AS n FROM events"
            "       WHERE business_id = %s) e",
            [business_id],
        )
        admin.execute("ANALYZE events, deliveries, webhook_settings")
    return business_id


async def test_a_claim_reads_what_is_longest_due_and_sorts_nothing(
    database: Database, busy: UUID
) -> None:
    async def plan(connection: Connection) -> str:
        explained: Any = Explained(connection)
        await deliveries.claim(explained, {busy: 4}, timedelta(seconds=90))
        return str(explained.plan)

    shown = await database.fetch(plan)
    assert "deliveries_due" in shown
    assert "Sort" not in shown


async def test_deliveries_are_locked_and_written_by_their_keys(
    database: Database, busy: UUID
) -> None:
    async def plan(connection: Connection) -> str:
        explained: Any = Explained(connection)
        await deliveries.lock_deliveries(explained, {busy: [uuid4() for _ in range(200)]})
        claim = Claim(busy, uuid4(), NOW, uuid4(), "{}", False, "", b"", None, "")
        answer = Answer(200, "", 1, None)
        change = Change(1, "delivered", 1, None, True)
        await deliveries.record_attempts(explained, [(Attempted(claim, {}, answer), change)])
        await deliveries.hand_back(explained, [claim])
        return str(explained.plan)

    shown = await database.fetch(plan)
    assert shown.count("deliveries_pkey") == 3
    assert "Seq Scan on deliveries" not in shown


async def test_what_failed_is_listed_without_reading_what_was_delivered(
    database: Database, busy: UUID
) -> None:
    async def plan(connection: Connection) -> str:
        explained: Any = Explained(connection)
        await log.list_page(
            explained,
            busy,
            state="failed",
            event_type=None,
            order_id=None,
            since=None,
            until=None,
            before=None,
            limit=51,
        )
        return str(explained.plan)

    shown = await database.fetch(plan)
    assert "deliveries_open" in shown
    assert "Seq Scan on deliveries" not in shown
