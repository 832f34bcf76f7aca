"""Who waits for whom: a rail that hangs holds up no other, look-ups no new order, and the claims
stay cheap beside a hundred thousand orders that are open."""

import asyncio
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from payviox.db.pool import Database
from payviox.rails.orders import ReadyOrder
from payviox.rails.protocol import Outcome
from payviox.withdrawals.queries import sending
from payviox.withdrawals.queries.sending import Queue
from payviox.withdrawals.routing import Rails, Route
from payviox.withdrawals.sending import claims, processor
from payviox.withdrawals.sending.processor import NEW_CALLS, OTHER_CALLS, process_due
from support.businesses import TestBusiness, open_business
from support.databases import Server, Urls
from support.polling import eventually
from support.vendor import Vendor
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

OPEN = 100_000
PAGES = 150
"""Pages that a claim of ten orders may touch; what is due lies on a few of many thousands."""
CRYPTO = {"currency": "USDT", "chain": "ERC20", "to_address": "0x1"}


class Other(Vendor):
    """A second rail, for crypto."""

    name = "other"


class Hanging(Vendor):
    """Never answers a look-up."""

    async def look_up(self, order: ReadyOrder, reference: str) -> Outcome:
        self.looked_up.append(reference)
        await asyncio.Event().wait()
        raise AssertionError


def both(first: Vendor, second: Vendor) -> Rails:
    routes = [Route("paypal", first), Route("crypto", second)]
    return Rails(live=routes, test=routes)


async def end(working: "asyncio.Task[int]", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "GRACE_S", 0.01)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def status(desk: Desk, order: Any) -> str:
    return (await desk.get(order)).status


async def test_a_rail_that_hangs_does_not_hold_up_the_others(
    business: TestBusiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging, other = Vendor(), Other()
    hanging.hold = asyncio.Event()
    desk = Desk.of(business, both(hanging, other))
    user = await desk.user(100_000)
    for _ in range(NEW_CALLS + 10):
        await desk.withdraw(user, 100)
    working = asyncio.create_task(desk.process())
    await eventually(lambda: len(hanging.submitted) == NEW_CALLS)
    crypto = await desk.withdraw(user, 100, CRYPTO, "crypto")

    async def paid() -> bool:
        return await status(desk, crypto) == "succeeded"

    await eventually(paid, 5)
    assert len(hanging.submitted) == NEW_CALLS, "no more than its own calls"
    waiting = "SELECT count(*) FROM orders WHERE business_id = %s AND status = 'queued'"
    assert await business.scalar(waiting, business.business_id) == 10, "nor held for it"
    hanging.hold.set()
    assert await working == NEW_CALLS + 11
    assert (await business.ledger())["in_transit:vendor"] == 0


async def test_look_ups_that_hang_do_not_hold_up_new_orders_at_the_same_rail(
    business: TestBusiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = Hanging()
    vendor.plan = ["accept"] * (OTHER_CALLS + 10)
    desk = Desk.of(business, vendor.rails)
    user = await desk.user(100_000)
    sent = [await desk.withdraw(user, 100) for _ in vendor.plan]
    await desk.process()
    assert {await status(desk, order) for order in sent} == {"sent"}
    await desk.hurry()
    working = asyncio.create_task(desk.process())
    await eventually(lambda: len(vendor.looked_up) == OTHER_CALLS)
    new = [await desk.withdraw(user, 100) for _ in range(2 * NEW_CALLS)]

    async def paid() -> bool:
        return {await status(desk, order) for order in new} == {"succeeded"}

    await eventually(paid, 5)
    assert len(vendor.looked_up) == OTHER_CALLS
    await end(working, monkeypatch)
    # Those that were claimed and not called about are handed back at once.
    due = "SELECT count(*) FROM orders WHERE business_id = %s AND due_at <= now()"
    assert await business.scalar(due, business.business_id) == 10


async def test_an_order_that_waits_is_tried_beside_the_new_ones_and_not_before_them(
    business: TestBusiness,
) -> None:
    vendor = Vendor()
    vendor.plan = ["empty"] * 5
    desk = Desk.of(business, vendor.rails)
    user = await desk.user(10_000)
    waiting = [await desk.withdraw(user, 100) for _ in range(5)]
    await desk.process()
    await desk.hurry()
    new = [await desk.withdraw(user, 100) for _ in range(3)]
    taken = await desk.write(
        lambda db: claims.take(db, business.business_id, desk.rails, lambda _: 2)
    )
    assert [claim.queue.new for claim in taken] == [True, True, False, False]
    assert {claim.order.id for claim in taken if claim.queue.new} <= {order.id for order in new}
    assert {c.order.id for c in taken if not c.queue.new} <= {order.id for order in waiting}
    await desk.hurry()
    await desk.process()
    await desk.hurry()
    await desk.process()
    assert {await status(desk, order) for order in (*waiting, *new)} == {"succeeded"}


@pytest.mark.parametrize(("chance", "place"), [(0.0, 2), (0.99, 0)])
async def test_new_orders_go_in_their_order_and_of_others_the_newest_has_its_turn(
    business: TestBusiness, monkeypatch: pytest.MonkeyPatch, chance: float, place: int
) -> None:
    """So neither waits for hours behind a hundred thousand others."""
    vendor = Vendor()
    vendor.plan = ["empty"] * 3
    desk = Desk.of(business, vendor.rails)
    user = await desk.user(10_000)
    waiting = [await desk.withdraw(user, 100) for _ in vendor.plan]
    await desk.process()
    for order in waiting:
        await desk.hurry(order)
    new = [await desk.withdraw(user, 100) for _ in range(3)]
    monkeypatch.setattr(claims.random, "random", lambda: chance)
    taken = await desk.write(
        lambda db: claims.take(db, business.business_id, desk.rails, lambda _: 1)
    )
    assert [claim.order.id for claim in taken] == [new[0].id, waiting[place].id]


async def test_no_more_than_the_limit_is_handled(business: TestBusiness) -> None:
    vendor = Vendor()
    desk = Desk.of(business, vendor.rails)
    user = await desk.user(10_000)
    orders = [await desk.withdraw(user, 100) for _ in range(7)]
    handled = await process_due(
        desk.database, desk.rails, business_id=business.business_id, limit=4
    )
    assert handled == 4
    assert [await status(desk, order) for order in orders].count("succeeded") == 4


async def test_next_looks_of_orders_sent_together_are_spread(business: TestBusiness) -> None:
    vendor = Vendor()
    vendor.plan = ["empty"] * 20
    desk = Desk.of(business, vendor.rails)
    user = await desk.user(10_000)
    orders = [await desk.withdraw(user, 100) for _ in vendor.plan]
    await desk.process()
    found = [(await desk.get(order)).due_at for order in orders]
    assert len(set(found)) > 10


# The claims' plans ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowded_urls(server: Server) -> Iterator[Urls]:
    """A database without any statistics but those that a test asks for."""
    with server.fresh() as fresh:
        with fresh.as_admin() as admin:
            for table in ("orders", "order_attempts", "payout_users"):
                admin.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
        yield fresh


def load(
    admin: psycopg.Connection[Any],
    business_id: Any,
    status_: str,
    when: str,
    *,
    waiting: str | None = None,
    number: int = OPEN // 5,
) -> None:
    """Orders in this state at two rails, each with an attempt, and each due `when`."""
    user = admin.execute(
        "INSERT INTO payout_users (business_id, id, email, hash_key_id, hash_digest)"
        " VALUES (%s, gen_random_uuid(), gen_random_uuid() || '@x.test', 'k',"
        " sha256(gen_random_uuid()::text::bytea)) RETURNING id",
        [business_id],
    ).fetchone()
    assert user is not None
    admin.execute(
        "WITH new AS (INSERT INTO orders (business_id, id, payout_user_id, provider, rail, status,"
        " amount, fees, net_amount, destination, destination_digest, attempt, due_at, waiting)"
        " SELECT %(b)s, gen_random_uuid(), %(u)s, 'paypal', 'rail' || n %% 2, %(s)s, 1, 0, 1, '{}',"
        f" '\\xaa', 1, {when}, %(w)s"
        " FROM generate_series(1, %(n)s) n RETURNING id)"
        " INSERT INTO order_attempts (business_id, order_id, number, reference, request)"
        " SELECT %(b)s, id, 1, id::text, '{}' FROM new",
        {"b": business_id, "u": user[0], "s": status_, "w": waiting, "n": number},
    )


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


async def pages(database: Database, business_id: Any, new: bool) -> dict[str, int]:
    """How many pages each statement of a claim touches, and that each is entered by an index."""
    found = {}
    statements = {
        "sweep": sending.DUE_BUSINESSES,
        "queues": sending.DUE_QUEUES,
        "orders": sending.LOCK_DUE[new, False],
        "newest orders": sending.LOCK_DUE[new, True],
    }
    given = {"s": 60.0, "b": business_id, "rail": "rail1", "n": 10}
    async with database.read() as connection:
        for name, statement in statements.items():
            cursor = await connection.execute(
                f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}".encode(), given
            )
            row = await cursor.fetchone()
            assert row is not None
            plan = row[0][0]["Plan"]  # type: ignore[index]  # JSON
            scanned = {n.get("Relation Name") for n in nodes(plan) if n["Node Type"] == "Seq Scan"}
            assert "orders" not in scanned, plan
            found[name] = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return found


async def test_a_claim_costs_the_same_beside_a_hundred_thousand_open_orders(
    crowded_urls: Urls,
) -> None:
    database = Database(crowded_urls.application)
    await database.open()
    try:
        business = await open_business(database, funds=10_000)
        with crowded_urls.as_admin() as admin:
            far = "now() + make_interval(days => 1 + n %% 30)"
            for status_ in ("sent", "unknown", "succeeded"):
                load(admin, business.business_id, status_, far)
            load(admin, business.business_id, "queued", far, waiting="float_empty")
            load(admin, business.business_id, "sent", "now() - make_interval(secs => n)")
            load(admin, business.business_id, "queued", "now()", number=20)
        for statistics in (False, True):
            if statistics:
                with crowded_urls.as_admin() as admin:
                    admin.execute("ANALYZE")
            for new in (False, True):
                found = await pages(database, business.business_id, new)
                assert max(found.values()) < PAGES, (statistics, new, found)
        queues = await database.fetch(sending.due_queues, business.business_id)
        assert queues == [Queue(rail, new) for new in (True, False) for rail in ("rail0", "rail1")]
    finally:
        await database.close()
