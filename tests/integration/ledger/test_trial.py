"""The trial of `ledger verify`: somebody who may do anything changes one value of each column of
each table near money, or deletes one row. Verify names it, or a constraint stops it; each column
that is left out has its reason here."""

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from conftest import MakeBusiness
from payviox.db import session
from payviox.db.pool import Connection, Database
from payviox.giftcards import service as giftcards
from payviox.keyring import Keyring
from payviox.ledger import seals, suspense, verify
from payviox.ledger.suspense import NewItem
from payviox.ledger.verify import Report
from payviox.maintenance import ledger_audit
from payviox.rails.sandbox.endings import ENDINGS
from payviox.reconciliation import service as reconciliation
from support.businesses import TestBusiness
from support.citus import one_server
from support.databases import Urls
from support.giftcards import csv_of, import_text
from support.live import SECRET_KEY
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

KEYS = Keyring(SECRET_KEY)

TABLES = (
    "accounts", "transfers", "payout_users", "orders", "order_states", "order_attempts", "quotes",
    "idempotency_keys", "events", "gift_cards", "gift_card_products", "gift_card_reveals",
    "suspense_items", "audit_entries", "seals",
)  # fmt: skip

_LATER = "a rail's later answers change it after the order has ended; its event's body is sealed"
_CLOCK = "says when something is looked at next, or was last; nothing is decided on the past by it"
_SEEN = "says when the payout user was last here, or was renewed; their money stands elsewhere"
_TRACE = "where a collector keeps how long things took; nothing is decided by it"
LEFT_OUT: Mapping[str, str] = {
    "accounts.created_at": "nothing reads it; the first transfer is sealed with its time",
    "payout_users.hash_renewed_at": _SEEN,
    "payout_users.reminders_stopped_at": _SEEN,
    "payout_users.seen_at": _SEEN,
    "orders.details": _LATER,
    "orders.due_at": _CLOCK,
    "orders.trace": _TRACE,
    "orders.updated_at": _CLOCK,
    "orders.waiting": "why an order that is open waits; it is emptied when it goes on",
    "order_attempts.answer": _LATER,
    "order_attempts.finished_at": _LATER,
    "order_attempts.rounds": _LATER,
    "events.trace": _TRACE,
    "gift_cards.created_at": "sealed once the card is delivered; of one in stock nothing reads it",
    "gift_cards.expires_on": "sealed once the card is delivered; one in stock was given to nobody",
    "suspense_items.alerted_at": _CLOCK,
    "suspense_items.seen_at": _CLOCK,
}
"""Columns that nothing names, and why they may be so."""

RATE = 0.95


async def pass_time(desk: Desk) -> None:
    """What is scheduled is due, and the sandbox's payments are older."""
    desk.books.older_s += 3_600
    await desk.write(
        lambda db: db.execute(
            "UPDATE orders SET due_at = now() WHERE business_id = %s AND due_at IS NOT NULL",
            [desk.business.business_id],
        )
    )


async def fill(business: TestBusiness, database: Database) -> None:
    """Everything near money, by the doors where that is cheap, sealed after each step."""
    desk, business_id = Desk.of(business), business.business_id
    fund = {"Idempotency-Key": "fund"}
    await business.client.post("/payout/fund", json={"amount": 1_000}, headers=fund)
    opened = await business.create("ada@example.com", 500_000, Idempotency_Key="first")
    ada = business.client_with({"X-Payout-Hash": opened.json()["hash"]})
    body = {"provider": "paypal", "amount": 1_000, "paypal": {"email": "ada@example.com"}}
    made = await ada.post("/payout/withdraw", json=body, headers={"Idempotency-Key": "mine"})
    assert made.status_code == 201, made.text
    quoted = {name: value for name, value in body.items() if name != "paypal"}
    quote = (await ada.post("/payout/quote", json=quoted)).json()
    by_quote = body | {"quote_id": quote["quote_id"]}
    made = await ada.post("/payout/withdraw", json=by_quote, headers={"Idempotency-Key": "quoted"})
    assert made.status_code == 201, made.text
    user = await desk.user(1_000)
    for ending in ENDINGS:
        await desk.withdraw(user, 10_000 + ending.number)
    held = await desk.withdraw(user, 1_100)
    await desk.cancel(held)
    await import_text(database, KEYS, business_id, csv_of(["C-0001", "C-0002", "C-0003"]))
    (product,) = await database.fetch(giftcards.catalogue, business_id)
    card = await desk.withdraw(user, product.price, {"product": product.shown_id}, "gift_card")
    for _ in range(4):
        await seals.make_all(database, KEYS)
        await desk.process()
        await pass_time(desk)
    await database.write(giftcards.reveal, KEYS, business_id, user, card.id)
    for amount in (30, 40):
        item = NewItem("sandbox", "unknown_payment", f"theirs {amount}", None, amount, {})
        await database.write(
            lambda db, i=item: suspense.change(db, business_id, opening=[i], reason="told")
        )
    items = await database.fetch(lambda db: suspense.list_page(db, business_id, limit=10))
    (mine,) = [item for item in items if item.subject == "theirs 40"]
    await database.write(
        lambda db: suspense.resolve(db, mine, "absorbed", reason="ours", actor="test")
    )
    await reconciliation.reconcile(database, desk.rails, business_id)
    await seals.make_all(database, KEYS)


@asynccontextmanager
async def on_trial(urls: Urls, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Connection]:
    """A superuser's transaction in which verify looks at what is not committed."""

    async def nothing(_: object) -> bool:
        return True

    async def no_difference(_: object) -> list[str]:
        return []

    monkeypatch.setattr(verify.queries, "begin", nothing)
    monkeypatch.setattr(verify, "roll_back", nothing)
    monkeypatch.setattr(verify.catalogue, "find_differences", no_difference)
    admin = await psycopg.AsyncConnection.connect(urls.admin, options=session.READ_ALIKE)
    async with admin:
        await admin.execute("SET session_replication_role = replica")
        await admin.execute("SET jit = off")
        yield admin


async def verified(connection: Connection) -> Report:
    return await ledger_audit.verify(connection, KEYS)


def other(kind: str, value: Any, draw: random.Random) -> Any:  # a case a type
    """Another value of a column's type."""
    match kind:
        case "uuid":
            return f"{draw.getrandbits(128):032x}"
        case "bigint" | "integer":
            return (value or 0) + draw.choice((1, 7, 1_000))
        case "bytea":
            return draw.randbytes(max(len(value or b""), 8))
        case "jsonb":
            return Jsonb({**(value if isinstance(value, dict) else {}), "other": draw.random()})
        case "text[]":
            return [*(value or []), "other"]
        case "date" | "timestamp with time zone":
            return "2020-02-02"
    return f"{value or ''}x"


async def named(connection: Connection, statement: str, values: list[Any]) -> str:
    """What became of a change: `named`, `stopped` or `unseen`. It is undone."""
    outcome = "unseen"
    try:
        async with connection.transaction(force_rollback=True):
            cursor = await connection.execute(statement, values)  # type: ignore[arg-type]  # a test's own
            assert cursor.rowcount == 1, statement
            outcome = "unseen" if (await verified(connection)).ok else "named"
    except psycopg.errors.IntegrityError:
        outcome = "stopped"
    return outcome


@one_server
async def test_one_value_changed_in_each_column_near_money_is_named(
    make_business: MakeBusiness,
    database: Database,
    urls: Urls,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    business = await make_business(funds=1_000_000, main=10_000)
    await fill(business, database)
    business.tampered = True
    draw = random.Random(20261129)
    outcomes: dict[str, str] = {}
    async with on_trial(urls, monkeypatch) as connection:
        report = await verified(connection)
        assert report.ok, report.problems
        for table in TABLES:
            cursor = await connection.execute(
                "SELECT attname, format_type(atttypid, NULL), attidentity <> '' FROM pg_attribute"
                " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
                " ORDER BY attname",
                [table],
            )
            columns = [(str(n), str(kind), bool(i)) for n, kind, i in await cursor.fetchall()]
            rows = await connection.execute(
                f"SELECT ctid::text, * FROM {table} WHERE business_id = %s",
                [business.business_id],  # type: ignore[arg-type]  # a test's own
            )
            names = [column.name for column in rows.description or ()]
            found = [dict(zip(names, row, strict=True)) for row in await rows.fetchall()]
            assert found, table
            for name, kind, identity in columns:
                key = f"{table}.{name}"
                if key in LEFT_OUT:
                    continue
                row = draw.choice(found)
                value = other(kind, row[name], draw)
                change = f"UPDATE {table} SET {name} = %s WHERE ctid = %s::tid"
                if identity:  # cannot be updated: made anew
                    into = ", ".join(each for each, *_ in columns)
                    anew = ", ".join("%s" if each == name else each for each, *_ in columns)
                    change = (
                        f"WITH gone AS (DELETE FROM {table} WHERE ctid = %s::tid RETURNING *)"
                        f" INSERT INTO {table} ({into}) OVERRIDING SYSTEM VALUE"
                        f" SELECT {anew} FROM gone"
                    )
                values = [row["ctid"], value] if identity else [value, row["ctid"]]
                outcomes[key] = await named(connection, change, values)
            row = draw.choice(found)
            outcomes[f"{table} deleted"] = await named(
                connection, f"DELETE FROM {table} WHERE ctid = %s::tid", [row["ctid"]]
            )
    unseen = [key for key, outcome in outcomes.items() if outcome == "unseen"]
    assert len(unseen) <= (1 - RATE) * len(outcomes), unseen
