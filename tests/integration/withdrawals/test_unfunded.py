"""Whatever became of an order's row, the worker sends it only if the ledger says that its money is
in transit, and nobody else's reserve is taken for it."""

from uuid import UUID

import pytest

from payviox import ids
from payviox.db import clock
from payviox.errors import Conflict
from payviox.maintenance import tasks
from payviox.rails.orders import ReadyOrder
from payviox.rails.protocol import Outcome
from payviox.withdrawals import service
from payviox.withdrawals.model import Order, StateEntry
from support.businesses import TestBusiness
from support.citus import one_server
from support.databases import Urls
from support.vendor import Vendor
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


@pytest.fixture
def desk(business: TestBusiness, vendor: Vendor) -> Desk:
    return Desk.of(business, vendor.rails)


async def read(desk: Desk, order_id: UUID) -> Order:
    return await desk.database.fetch(service.get, desk.business.business_id, order_id)


async def paid_and_others_waiting(desk: Desk) -> UUID:
    """The id of an order that was paid, beside another's reserve of more money."""
    paid = await desk.withdraw(await desk.user(1_000, "a@example.com"), 1_000)
    await desk.process()
    assert (await desk.get(paid)).status == "succeeded"
    await desk.business.set(review_amount=1)
    await desk.withdraw(await desk.user(9_000, "b@example.com"), 9_000)
    await desk.business.set(review_amount=None)
    return paid.id


async def queue_again(urls: Urls, order_id: UUID) -> None:
    """The row of a paid order is queued again, by somebody whom the database lets do that."""
    with urls.as_admin() as admin:
        admin.execute("ALTER TABLE orders DISABLE TRIGGER USER")
        admin.execute(
            "UPDATE orders SET status = 'queued', due_at = now(), attempt = 0, waiting = NULL"
            " WHERE id = %s",
            [order_id],
        )
        admin.execute("ALTER TABLE orders ENABLE TRIGGER USER")


@one_server
async def test_a_paid_order_that_is_queued_again_is_not_paid_again(
    desk: Desk, vendor: Vendor, urls: Urls
) -> None:
    order_id = await paid_and_others_waiting(desk)
    before = await desk.business.ledger()
    desk.business.tampered = True
    await queue_again(urls, order_id)
    sent = list(vendor.submitted)
    await desk.process()
    assert vendor.submitted == sent
    after = await read(desk, order_id)
    assert (after.status, after.waiting, after.due_at) == ("queued", "person", None)
    assert "order.not_funded" in await actions(desk)
    with pytest.raises(Conflict, match="not in transit"):
        await desk.cancel(after)
    with urls.as_admin() as admin:
        admin.execute("ALTER TABLE orders DISABLE TRIGGER USER")
        admin.execute(
            "UPDATE orders SET status = 'succeeded', waiting = NULL, attempt = 1 WHERE id = %s",
            [order_id],
        )
        admin.execute("ALTER TABLE orders ENABLE TRIGGER USER")
    assert await desk.business.ledger() == before


async def actions(desk: Desk) -> set[str]:
    found = await desk.business.scalar(
        "SELECT array_agg(act) FROM audit_entries WHERE business_id = %s",
        desk.business.business_id,
    )
    return set(found)


async def test_a_copied_row_is_not_paid(desk: Desk, vendor: Vendor, urls: Urls) -> None:
    order_id = await paid_and_others_waiting(desk)
    sent = list(vendor.submitted)
    copy = ids.new()
    desk.business.tampered = True
    with urls.as_admin() as admin:
        columns = admin.execute(
            "SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns"
            " WHERE table_name = 'orders'"
            " AND column_name NOT IN ('id', 'status', 'due_at', 'attempt')"
        ).fetchone()
        assert columns is not None
        admin.execute(
            f"INSERT INTO orders (id, status, due_at, attempt, {columns[0]})"  # type: ignore[arg-type]  # names of the catalogue
            f" SELECT %s, 'queued', now(), 0, {columns[0]} FROM orders WHERE id = %s",
            [copy, order_id],
        )
    await desk.process()
    assert vendor.submitted == sent
    assert (await read(desk, copy)).waiting == "person"


async def test_what_cannot_be_booked_is_for_a_person_once(
    desk: Desk, vendor: Vendor, urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rail has paid, and meanwhile somebody took the order's transfers away."""
    order = await desk.withdraw(await desk.user(1_000), 1_000)
    desk.business.tampered = True
    pay = vendor.submit

    async def paid_and_tampered(ready: ReadyOrder, reference: str) -> Outcome:
        with urls.as_admin() as admin:
            admin.execute("UPDATE transfers SET order_id = NULL WHERE order_id = %s", [order.id])
        return await pay(ready, reference)

    monkeypatch.setattr(vendor, "submit", paid_and_tampered)
    await desk.process()
    after = await desk.get(order)
    assert (after.status, after.waiting, after.due_at) == ("sending", "person", None)
    last = (await desk.story(order)).of(StateEntry)[-1]
    assert (last.status, last.actor, last.note) == ("sending", "worker", "person")
    assert "order.cannot_be_booked" in await actions(desk)
    assert len(vendor.payments(order.id)) == 1
    await desk.process()
    assert len(vendor.payments(order.id)) == 1


async def test_nothing_expires_while_this_host_and_the_database_disagree_about_the_time(
    desk: Desk, urls: Urls, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await desk.business.set(balance_lifetime_days=30)
    await desk.user(700)
    before = await desk.business.ledger()
    year = 365 * 86_400
    real = clock.host_time
    for ahead in (year, -year, 90):
        with monkeypatch.context() as patched:
            patched.setattr(clock, "host_time", lambda ahead=ahead: real() + ahead)
            await tasks.expire(desk.database)
        assert "clock.differs" in caplog.text
        caplog.clear()
    assert await desk.business.ledger() == before
    await tasks.expire(desk.database)
    assert await desk.business.ledger() == before, "it is not old yet, by the database's clock"


async def test_velocity_counts_by_the_databases_clock(desk: Desk, urls: Urls) -> None:
    """Orders whose ids a host made whose clock is far behind are counted all the same."""
    await desk.business.set(review_velocity_orders=2)
    user_id = await desk.user(1_000)
    order = await desk.withdraw(user_id, 100)
    with urls.as_admin() as admin:
        admin.execute(
            "UPDATE orders SET created_at = now() - interval '25 hours' WHERE id = %s", [order.id]
        )
    assert (await desk.withdraw(user_id, 100)).review_reasons == []
    assert (await desk.withdraw(user_id, 100)).review_reasons == ["velocity_orders"]
