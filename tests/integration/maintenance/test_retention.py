"""What grows without end has an end, and a list that says which: what is forgotten, and when, and
what is kept for good."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from payviox import ids
from payviox.db.pool import Database
from payviox.maintenance import tasks
from payviox.settings import Settings
from support.businesses import TestBusiness
from support.databases import Urls
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

GUIDE = Path(__file__).parents[3] / "docs" / "operating.md"
DAY = timedelta(days=1)


def listed(heading: str) -> list[str]:
    """The tables that the guide names in the first column of the table below this heading."""
    section = GUIDE.read_text().split(f"### {heading}\n", 1)[1].split("\n#", 1)[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`([a-z_]+)`", row)]


def standing(urls: Urls, condition: str) -> set[str]:
    with urls.as_admin() as admin:
        rows = admin.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"  # type: ignore[arg-type]  # a test's own
            f" AND relkind IN ('r', 'p') AND relname !~ '^(procrastinate|payviox)_' AND {condition}"
        ).fetchall()
    return {str(row[0]) for row in rows}


def test_the_guide_names_every_table_once(urls: Urls) -> None:
    names = [*listed("Forgotten"), *listed("Kept for good"), *listed("As many as there are")]
    assert sorted(names) == sorted(standing(urls, "true"))


def test_the_application_cannot_delete_what_is_kept_for_good(urls: Urls) -> None:
    deletable = standing(urls, "has_table_privilege('payviox_app', oid, 'DELETE')")
    assert set(listed("Kept for good")) & deletable == set()
    of_a_parent = {"upload_rows", "gift_card_import_problems"}  # they go with it
    assert set(listed("Forgotten")) - deletable == of_a_parent


@pytest.fixture
async def desk(business: TestBusiness) -> Desk:
    return Desk.of(business)


async def left(business: TestBusiness, table: str) -> int:
    found = await business.scalar(
        f"SELECT count(*) FROM {table} WHERE business_id = %s", business.business_id
    )
    return int(found)


@pytest.mark.parametrize("at_once", [2, 1_000])
async def test_what_is_old_is_forgotten_in_steps_and_the_books_stay(
    database: Database,
    settings: Settings,
    desk: Desk,
    urls: Urls,
    monkeypatch: pytest.MonkeyPatch,
    at_once: int,
) -> None:
    business, b = desk.business, desk.business.business_id
    await desk.withdraw(await desk.user(5_000), 1_000)
    await desk.process()
    young, old = settings.keep_delivery_attempts_days - 1, settings.keep_delivery_attempts_days + 1
    with urls.as_admin() as admin:
        now: Any = admin.execute("SELECT now()").fetchone()
        for days in (young, *[old] * 5):
            delivery, event = ids.first_at(now[0] - days * DAY), ids.new()
            delivery = delivery if days == young else ids.UUID(int=delivery.int + event.int % 10**9)
            admin.execute(
                "INSERT INTO events (business_id, id, type, body) VALUES (%s, %s, 'test', '{}')",
                [b, event],
            )
            admin.execute(
                "INSERT INTO deliveries (business_id, id, event_id, status, attempts, due_at)"
                " VALUES (%s, %s, %s, 'delivered', 1, NULL)",
                [b, delivery, event],
            )
            admin.execute(
                "INSERT INTO delivery_attempts (business_id, delivery_id, number, url,"
                " request_headers, status, duration_ms, created_at)"
                " VALUES (%s, %s, 1, 'https://x.test', '{}', 200, 1, %s)",
                [b, delivery, now[0] - days * DAY],
            )
        for table, columns, values, clock, days in (
            ("allocation_groups", "id", "gen_random_uuid()", "created_at", 1),
            (
                "reconciliations",
                "id, rail, since, report, started_at",
                "gen_random_uuid(), 'sandbox', now(), '{}', now()",
                "finished_at",
                settings.keep_reconciliations_days,
            ),
            (
                "rail_callbacks",
                "rail, event_id, headers, body",
                "'paypal', gen_random_uuid()::text, '{}', ''",
                "received_at",
                settings.keep_callbacks_days,
            ),
            (
                "mails",
                "id, event, recipient, message, status, due_at",
                "gen_random_uuid(), gen_random_uuid()::text, 'a@x.test', 'code', 'sent', NULL",
                "ended_at",
                settings.keep_mails_days,
            ),
        ):
            admin.execute(f"DELETE FROM {table} WHERE business_id = %s", [b])  # type: ignore[arg-type]
            for age in (days - 0.5, *[days + 0.5] * 5):
                admin.execute(
                    f"INSERT INTO {table} (business_id, {columns}, {clock})"  # type: ignore[arg-type]
                    f" VALUES (%s, {values}, now() - %s)",
                    [b, age * DAY],
                )
    before = await business.ledger()
    orders = await left(business, "orders")
    monkeypatch.setattr(tasks, "AT_ONCE", at_once)
    await tasks.tidy(database, settings)
    for table in (
        "delivery_attempts",
        "allocation_groups",
        "reconciliations",
        "rail_callbacks",
        "mails",
    ):
        assert await left(business, table) == 1, table
    assert await left(business, "deliveries") >= 6
    assert await left(business, "events") >= 6
    assert await left(business, "orders") == orders
    assert await business.ledger() == before


async def test_a_rails_last_report_is_kept_however_old_it_is(
    database: Database, settings: Settings, business: TestBusiness, urls: Urls
) -> None:
    with urls.as_admin() as admin:
        for rail, days in (("paypal", 900), ("paypal", 901), ("sandbox", 902)):
            admin.execute(
                "INSERT INTO reconciliations (business_id, id, rail, since, report, started_at,"
                " finished_at) VALUES (%s, %s, %s, now(), '{}', now(), now() - %s)",
                [business.business_id, ids.new(), rail, days * DAY],
            )
    await tasks.tidy(database, settings)
    rows = await business.rows(
        "SELECT rail, (now() - finished_at) < interval '900.5 days' FROM reconciliations"
        " WHERE business_id = %s ORDER BY rail"
    )
    assert rows == [("paypal", True), ("sandbox", False)]


async def test_a_key_is_known_however_old_it_is(
    database: Database, settings: Settings, business: TestBusiness, urls: Urls
) -> None:
    """Idempotency keys are for good: on transfers, and in their own table."""
    first = await business.create("ada@example.com", 700, Idempotency_Key="k-1")
    fund = {"Idempotency-Key": "f-1"}
    funded = await business.client.post("/payout/fund", json={"amount": 5}, headers=fund)
    business.tampered = True
    with urls.as_admin() as admin:
        admin.execute("UPDATE transfers SET created_at = '2006-01-01 00:00Z'")
        admin.execute("UPDATE idempotency_keys SET created_at = '2006-01-01 00:00Z'")
    await tasks.tidy(database, settings)
    again = await business.create("ada@example.com", 700, Idempotency_Key="k-1")
    refunded = await business.client.post("/payout/fund", json={"amount": 5}, headers=fund)
    for answer, earlier in ((again, first), (refunded, funded)):
        assert answer.json() == earlier.json()
        assert answer.headers["Idempotent-Replayed"] == "true"
