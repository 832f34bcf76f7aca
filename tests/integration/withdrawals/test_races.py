"""Many at once on one balance or one order: exactly one wins, and the books say so."""

import asyncio
from collections import Counter

import pytest

from payviox.allocations import service as allocations
from payviox.errors import Conflict, InsufficientBalance, Unauthorized
from payviox.withdrawals import service
from payviox.withdrawals.sending.processor import process_due
from support.businesses import TestBusiness
from support.vendor import Vendor
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


async def test_of_500_simultaneous_withdrawals_of_a_full_balance_one_succeeds(
    business: TestBusiness,
) -> None:
    desk = Desk.of(business)
    user = await desk.user(5_000)
    answers = await asyncio.gather(
        *(desk.withdraw(user, 5_000) for _ in range(500)), return_exceptions=True
    )
    kinds = Counter(type(answer).__name__ for answer in answers)
    assert kinds == {"Order": 1, "InsufficientBalance": 499}
    books = await business.ledger()
    assert books["ada@example.com"] == 0
    assert books["in_transit:sandbox"] == 5_000
    assert books.orders == 1


async def test_withdrawals_race_revocations_and_the_total_stays(business: TestBusiness) -> None:
    desk = Desk.of(business)
    user = await desk.user(1_000)

    async def revoke() -> None:
        await desk.write(lambda db: allocations.revoke(db, business.business_id, user, 100, "test"))

    answers = await asyncio.gather(
        *(desk.withdraw(user, 100) for _ in range(15)),
        *(revoke() for _ in range(15)),
        desk.process(),
        return_exceptions=True,
    )
    refused = [a for a in answers if isinstance(a, BaseException)]
    assert all(isinstance(answer, InsufficientBalance) for answer in refused)
    await desk.process()
    books = await business.ledger()
    assert books["ada@example.com"] == 0
    assert len(refused) == 20
    assert books["payout"] + books["settled:sandbox"] == 1_000_000


@pytest.mark.parametrize("repeat", range(5))
async def test_of_approve_reject_and_cancel_at_once_exactly_one_wins(
    business: TestBusiness, repeat: int
) -> None:
    await business.set(review_amount=1)
    desk = Desk.of(business)
    user = await desk.user(1_000)
    order = await desk.withdraw(user, 1_000)
    assert order.status == "review"
    answers = await asyncio.gather(
        *(desk.approve(order) for _ in range(3)),
        *(desk.reject(order, "no") for _ in range(3)),
        *(desk.cancel(order) for _ in range(3)),
        return_exceptions=True,
    )
    won = [a for a in answers if not isinstance(a, BaseException)]
    assert all(isinstance(a, Conflict) for a in answers if isinstance(a, BaseException))
    states = await desk.states(order)
    if states[-1] == "canceled" and "queued" in states:
        # An approved order may still be taken back: a serial outcome of two.
        assert len(won) == 2
    elif states[-1] == "rejected" and "queued" in states:
        assert len(won) == 2
    else:
        assert len(won) == 1
    books = await business.ledger()
    given_back = states[-1] in ("canceled", "rejected")
    assert books["ada@example.com"] == (1_000 if given_back else 0)
    assert books["in_transit:sandbox"] == (0 if given_back else 1_000)


async def test_two_processors_make_one_claim_on_an_order(business: TestBusiness) -> None:
    vendor = Vendor()
    desk = Desk.of(business, vendor.rails)
    user = await desk.user(10_000)
    orders = [await desk.withdraw(user, 100) for _ in range(100)]
    handled = await asyncio.gather(*(desk.process() for _ in range(4)))
    assert sum(handled) == 100
    assert sorted(vendor.submitted) == sorted(f"ord_{order.id}.1" for order in orders)
    assert (await business.ledger())["settled:vendor"] == 100 * 93


@pytest.mark.parametrize("repeat", range(5))
async def test_cancel_and_claim_meet_on_the_orders_row(business: TestBusiness, repeat: int) -> None:
    vendor = Vendor()
    desk = Desk.of(business, vendor.rails)
    user = await desk.user(1_000)
    order = await desk.withdraw(user, 1_000)
    canceled, _ = await asyncio.gather(desk.cancel(order), desk.process(), return_exceptions=True)
    after = await desk.get(order)
    if isinstance(canceled, BaseException):
        assert isinstance(canceled, Conflict)
        assert after.status == "succeeded"
        assert len(vendor.submitted) == 1
    else:
        assert after.status == "canceled"
        assert vendor.submitted == []
    assert (await business.ledger())["in_transit:vendor"] == 0


async def test_a_deactivated_payout_user_makes_no_new_order_and_open_ones_go_on(
    business: TestBusiness,
) -> None:
    desk = Desk.of(business)
    user = await desk.user(1_000)
    order = await desk.withdraw(user, 400)
    await desk.write(
        lambda db: allocations.set_status(db, business.business_id, user, "inactive", "test")
    )
    before = await business.ledger()
    with pytest.raises(Unauthorized):
        await desk.withdraw(user, 100)
    assert await business.ledger() == before
    await desk.process()
    assert (await desk.get(order)).status == "succeeded"


async def test_a_sweep_over_all_businesses_serves_each(make_business: object) -> None:
    assert callable(make_business)
    desks = []
    vendor = Vendor()
    for _ in range(3):
        business = await make_business(funds=10_000)
        desk = Desk.of(business, vendor.rails)
        user = await desk.user(1_000)
        desks.append((desk, [await desk.withdraw(user, 100) for _ in range(4)]))
    assert await process_due(desks[0][0].database, vendor.rails) >= 12
    for desk, orders in desks:
        for order in orders:
            assert (await desk.get(order)).status == "succeeded"


async def test_a_rail_that_is_not_configured_makes_its_orders_wait(business: TestBusiness) -> None:
    desk = Desk.of(business)
    user = await desk.user(1_000)
    order = await desk.withdraw(user, 1_000)
    desk.rails = Vendor().rails
    await desk.process()
    after = await desk.get(order)
    assert (after.status, after.waiting) == ("queued", "rail_not_configured")
    desk = Desk.of(business)
    await desk.write(
        lambda db: service.stop_waiting(db, business.business_id, "rail_not_configured")
    )
    await desk.process()
    assert (await desk.get(order)).status == "succeeded"
