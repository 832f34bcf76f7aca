"""An attempt that may have been sent is never sent again once its rail may have forgotten it,
however it comes back from the queue."""

import pytest

from payviox.audit import service as audit
from payviox.rails.protocol import Outcome
from payviox.withdrawals.model import Order
from payviox.withdrawals.sending import claims
from support.businesses import TestBusiness
from support.vendor import FEES, Vendor
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

REMEMBERS_S = 29 * 86_400.0
MONTH_S = 31 * 86_400.0


@pytest.fixture
def vendor() -> Vendor:
    return Vendor(remembers_s=REMEMBERS_S)


@pytest.fixture
def desk(business: TestBusiness, vendor: Vendor) -> Desk:
    return Desk.of(business, vendor.rails)


async def queued_again(desk: Desk, vendor: Vendor, *, paid: bool) -> Order:
    """Sent, never answered, not found by the rail's look-up (which is slow to know), and back in
    the queue under the same reference when every worker stops."""
    order = await desk.withdraw(await desk.user(1_000), 1_000)
    (claim,) = await desk.write(
        lambda db: claims.take(db, order.business_id, desk.rails, lambda _: 10)
    )
    await desk.hurry()
    (look,) = await desk.write(
        lambda db: claims.take(db, order.business_id, desk.rails, lambda _: 10)
    )
    answer = Outcome("not_found")
    await desk.write(lambda db: claims.record(db, order.business_id, [(look, answer, vendor)]))
    after = await desk.get(order)
    assert (after.status, after.attempt) == ("queued", 1)
    if paid:
        await vendor.submit(claim.ready, claim.reference)
        vendor.submitted.clear()
    return after


async def test_young_enough_it_is_sent_again_under_the_same_reference(
    desk: Desk, vendor: Vendor
) -> None:
    order = await queued_again(desk, vendor, paid=True)
    await desk.hurry(age_s=REMEMBERS_S - 7_200)
    await desk.process()
    assert vendor.submitted == [f"ord_{order.id}.1"]
    assert (await desk.get(order)).status == "succeeded"
    assert len(vendor.payments(order.id)) == 1


async def test_after_a_month_without_a_worker_a_person_decides(desk: Desk, vendor: Vendor) -> None:
    order = await queued_again(desk, vendor, paid=True)
    vendor.books.clear()  # the vendor has forgotten that it paid
    await desk.hurry(age_s=MONTH_S)
    for _ in range(3):
        await desk.process()
        await desk.hurry(age_s=60)
    after = await desk.get(order)
    assert (after.status, after.waiting) == ("unknown", "person")
    assert vendor.submitted == []
    assert (await desk.states(order))[-1] == "unknown"
    (attempt,) = await desk.attempts(order)
    assert attempt.answer is not None
    assert attempt.answer["state"] == "not_found"
    entries = await desk.database.fetch(
        lambda db: audit.list_page(db, order.business_id, order_id=order.id, limit=10)
    )
    assert [entry.act for entry in entries] == ["order.needs_a_person"]
    books = await desk.business.ledger()
    assert (books["in_transit:vendor"], books["ada@example.com"]) == (1_000, 0)


async def test_what_the_rail_still_knows_after_a_month_is_settled(
    desk: Desk, vendor: Vendor
) -> None:
    order = await queued_again(desk, vendor, paid=True)
    await desk.hurry(age_s=MONTH_S)
    await desk.process()
    assert vendor.submitted == []
    assert (await desk.get(order)).status == "succeeded"
    books = await desk.business.ledger()
    assert (books["settled:vendor"], books["in_transit:vendor"]) == (1_000 - FEES, 0)


async def test_a_worker_that_dies_at_that_look_up_leaves_it_to_the_next(
    desk: Desk, vendor: Vendor
) -> None:
    order = await queued_again(desk, vendor, paid=False)
    await desk.hurry(age_s=MONTH_S)
    (claim,) = await desk.write(
        lambda db: claims.take(db, order.business_id, desk.rails, lambda _: 10)
    )
    assert (claim.action, claim.status) == ("look_up", "sending")
    await desk.hurry(age_s=60)
    for _ in range(3):
        await desk.process()
        await desk.hurry(age_s=60)
    after = await desk.get(order)
    assert (after.status, after.waiting) == ("unknown", "person")
    assert vendor.submitted == []


async def test_what_was_surely_not_sent_is_sent_however_long_it_has_waited(
    desk: Desk, vendor: Vendor
) -> None:
    vendor.plan = ["empty"]
    order = await desk.withdraw(await desk.user(1_000), 1_000)
    await desk.process()
    assert (await desk.get(order)).waiting == "float_empty"
    await desk.hurry(age_s=MONTH_S)
    await desk.process()
    assert vendor.submitted == [f"ord_{order.id}.1"] * 2
    assert (await desk.get(order)).status == "succeeded"


async def test_a_new_attempt_after_a_definite_failure_is_not_too_old(
    desk: Desk, vendor: Vendor
) -> None:
    vendor.plan = ["fail_retryable"]
    order = await desk.withdraw(await desk.user(1_000), 1_000)
    await desk.process()
    await desk.hurry(age_s=MONTH_S)
    await desk.process()
    assert vendor.submitted == [f"ord_{order.id}.1", f"ord_{order.id}.2"]
    assert (await desk.get(order)).status == "succeeded"
