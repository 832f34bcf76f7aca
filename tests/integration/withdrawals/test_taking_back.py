"""Orders that their payee has not claimed: shown as such, taken back when somebody cancels them,
and whatever the rail does meanwhile stands."""

import asyncio
from pathlib import Path

import pytest

from payviox import ids
from payviox.audit import service as audit
from payviox.db import jobs
from payviox.errors import Conflict
from payviox.rails.protocol import Outcome
from payviox.withdrawals.model import Order
from payviox.withdrawals.sending import claims
from support.businesses import TestBusiness
from support.databases import Urls
from support.installation import Installation
from support.live import environment
from support.polling import eventually
from support.unclaimed import UnclaimedVendor, rail_id
from support.vendor import FEES, Vendor
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


@pytest.fixture
def vendor() -> UnclaimedVendor:
    return UnclaimedVendor()


@pytest.fixture
def desk(business: TestBusiness, vendor: UnclaimedVendor) -> Desk:
    return Desk.of(business, vendor.rails)


async def unclaimed(desk: Desk, vendor: UnclaimedVendor) -> Order:
    vendor.plan = ["accept"]
    order = await desk.withdraw(await desk.user(1_000), 1_000)
    await desk.process()
    after = await desk.get(order)
    assert (after.status, after.waiting) == ("sent", "unclaimed")
    assert after.rail_order_id == rail_id(f"ord_{order.id}.1")
    return after


async def alerts(desk: Desk, order: Order) -> list[str]:
    entries = await desk.database.fetch(
        lambda db: audit.list_page(db, order.business_id, order_id=order.id, limit=50)
    )
    return [entry.act for entry in entries if entry.kind == "alert"]


async def released(desk: Desk, vendor: UnclaimedVendor, order: Order) -> None:
    after = await desk.get(order)
    assert (after.status, after.waiting, after.due_at) == ("canceled", None, None)
    books = await desk.business.ledger()
    assert (books["ada@example.com"], books["in_transit:vendor"]) == (1_000, 0)
    assert vendor.payments(order.id) == []
    assert await desk.events(order) == ["payout.created", "payout.processing", "payout.canceled"]


async def test_an_unclaimed_order_says_so_and_tells_no_operator(
    desk: Desk, vendor: UnclaimedVendor
) -> None:
    order = await unclaimed(desk, vendor)
    await desk.hurry()
    await desk.process()
    assert (await desk.get(order)).waiting == "unclaimed"
    assert await desk.states(order) == ["created", "queued", "sending", "sent"]
    assert await alerts(desk, order) == []


async def test_canceled_it_is_taken_back_and_the_money_is_the_payout_users_again(
    desk: Desk, vendor: UnclaimedVendor
) -> None:
    order = await unclaimed(desk, vendor)
    canceled = await desk.cancel(order)
    assert (canceled.status, canceled.waiting) == ("sent", "taking_back")
    assert (await desk.business.ledger())["in_transit:vendor"] == 1_000, "not before the rail says"
    assert await desk.process() == 1
    assert vendor.asked_back == [f"ord_{order.id}.1"]
    await released(desk, vendor, order)
    assert await alerts(desk, order) == []


async def test_canceled_it_wakes_the_worker_of_its_business(
    desk: Desk, vendor: UnclaimedVendor
) -> None:
    order = await unclaimed(desk, vendor)
    woken = (jobs.PROCESS_ORDERS, order.business_id)
    assert woken in await desk.write(lambda db: jobs.take(db, jobs.MOST_TAKEN))
    assert await desk.write(lambda db: jobs.take(db, jobs.MOST_TAKEN)) == []
    await desk.cancel(order)
    assert woken in await desk.write(lambda db: jobs.take(db, jobs.MOST_TAKEN))


async def test_canceled_twice_it_is_taken_back_once(desk: Desk, vendor: UnclaimedVendor) -> None:
    order = await unclaimed(desk, vendor)
    await desk.cancel(order)
    with pytest.raises(Conflict):
        await desk.cancel(order)
    await desk.process()
    with pytest.raises(Conflict):
        await desk.cancel(order)
    await released(desk, vendor, order)


async def test_what_was_claimed_meanwhile_is_paid(desk: Desk, vendor: UnclaimedVendor) -> None:
    order = await unclaimed(desk, vendor)
    vendor.claim(f"ord_{order.id}.1")
    await desk.cancel(order)
    await desk.process()
    after = await desk.get(order)
    assert (after.status, after.waiting) == ("succeeded", None)
    books = await desk.business.ledger()
    assert (books["settled:vendor"], books["in_transit:vendor"]) == (1_000 - FEES, 0)


async def test_a_rail_that_refuses_leaves_it_unclaimed(desk: Desk, vendor: UnclaimedVendor) -> None:
    order = await unclaimed(desk, vendor)
    vendor.refuses = True
    await desk.cancel(order)
    await desk.process()
    after = await desk.get(order)
    assert (after.status, after.waiting) == ("sent", "unclaimed")
    assert after.due_at is not None
    vendor.refuses = False
    await desk.cancel(after)
    await desk.process()
    await released(desk, vendor, order)


async def test_where_the_answer_is_lost_it_is_looked_up(
    desk: Desk, vendor: UnclaimedVendor
) -> None:
    order = await unclaimed(desk, vendor)
    vendor.loses = True
    await desk.cancel(order)
    await desk.process()
    after = await desk.get(order)
    assert (after.status, after.waiting) == ("sent", "taking_back")
    looked_up = len(vendor.looked_up)
    await desk.hurry()
    await desk.process()
    assert len(vendor.looked_up) == looked_up + 1
    assert len(vendor.asked_back) == 1
    await released(desk, vendor, order)


async def test_what_was_lost_before_the_rail_acted_is_asked_for_again(
    desk: Desk, vendor: UnclaimedVendor
) -> None:
    order = await unclaimed(desk, vendor)
    vendor.loses, vendor.refuses = True, True
    await desk.cancel(order)
    await desk.process()
    vendor.loses, vendor.refuses = False, False
    await desk.hurry()
    await desk.process()
    assert len(vendor.asked_back) == 2
    await released(desk, vendor, order)


async def test_a_look_up_under_way_when_it_is_canceled_changes_nothing(
    desk: Desk, vendor: UnclaimedVendor
) -> None:
    order = await unclaimed(desk, vendor)
    await desk.hurry()
    (look,) = await desk.write(
        lambda db: claims.take(db, order.business_id, desk.rails, lambda _: 10)
    )
    await desk.cancel(order)
    answer = Outcome("accepted", waiting="unclaimed")
    await desk.write(lambda db: claims.record(db, order.business_id, [(look, answer, vendor)]))
    assert (await desk.get(order)).waiting == "taking_back"
    await desk.process()
    await released(desk, vendor, order)


@pytest.mark.parametrize("state", ["not_sent", "not_found"])
async def test_a_rail_that_cannot_be_asked_is_asked_again(
    desk: Desk, vendor: UnclaimedVendor, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    order = await unclaimed(desk, vendor)
    await desk.cancel(order)

    async def refused(*_: object) -> Outcome:
        return Outcome(state, waiting="rate_limited")  # type: ignore[arg-type]  # drawn

    with monkeypatch.context() as patched:
        patched.setattr(vendor, "take_back", refused)
        await desk.process()
    after = await desk.get(order)
    assert (after.status, after.waiting) == ("sent", "taking_back")
    await desk.hurry()
    await desk.process()
    await released(desk, vendor, order)


async def test_a_rail_that_takes_nothing_back_any_more_leaves_it_unclaimed(
    desk: Desk, vendor: UnclaimedVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await unclaimed(desk, vendor)
    await desk.cancel(order)
    plain = Vendor()
    monkeypatch.setattr(plain, "look_up", vendor.look_up)
    desk.rails = plain.rails
    await desk.process()
    after = await desk.get(order)
    assert (after.status, after.waiting) == ("sent", "unclaimed")


async def test_a_worker_that_dies_while_taking_back_loses_nothing(
    desk: Desk, vendor: UnclaimedVendor
) -> None:
    order = await unclaimed(desk, vendor)
    await desk.cancel(order)
    (claim,) = await desk.write(
        lambda db: claims.take(db, order.business_id, desk.rails, lambda _: 10)
    )
    assert claim.action == "take_back"
    await vendor.take_back(claim.ready, claim.reference)
    assert await desk.process() == 0, "the lease is its holder's"
    await desk.hurry()
    await desk.process()
    await released(desk, vendor, order)


async def test_of_cancel_and_a_look_up_at_once_exactly_one_ending_is_booked(
    desk: Desk, vendor: UnclaimedVendor
) -> None:
    orders = [await unclaimed(desk, vendor) for _ in range(6)]
    for order in orders[::2]:
        vendor.claim(f"ord_{order.id}.1")
    await desk.hurry()

    async def cancel(order: Order) -> None:
        try:
            await desk.cancel(order)
        except Conflict:
            assert (await desk.get(order)).status == "succeeded"

    await asyncio.gather(desk.process(), *(cancel(order) for order in orders))

    async def ended() -> bool:
        await desk.process()
        found = [(await desk.get(order)).status for order in orders]
        return found == ["succeeded", "canceled"] * 3

    await eventually(ended)
    books = await desk.business.ledger()
    assert (books["settled:vendor"], books["in_transit:vendor"]) == (3 * (1_000 - FEES), 0)
    assert books["ada@example.com"] == 3_000


async def test_a_sent_order_that_nobody_waits_for_cannot_be_canceled(
    business: TestBusiness,
) -> None:
    plain = Vendor()
    desk = Desk.of(business, plain.rails)
    plain.plan = ["accept"]
    order = await desk.withdraw(await desk.user(1_000), 1_000)
    await desk.process()
    assert (await desk.get(order)).waiting is None
    with pytest.raises(Conflict):
        await desk.cancel(order)


async def test_the_rails_id_of_each_attempt_is_kept_and_given_at_its_look_up(
    desk: Desk, vendor: UnclaimedVendor
) -> None:
    vendor.plan = ["fail_retryable", "accept_silently"]
    order = await desk.withdraw(await desk.user(1_000), 1_000)
    await desk.process()
    await desk.hurry()
    await desk.process()
    assert (await desk.get(order)).status == "unknown"
    for _ in range(2):
        await desk.hurry()
        await desk.process()
    first, second = f"ord_{order.id}.1", f"ord_{order.id}.2"
    assert vendor.known_as == [
        (first, None),
        (second, None),
        (second, None),
        (second, rail_id(second)),
    ]
    attempts = await desk.attempts(order)
    assert [attempt.rail_order_id for attempt in attempts] == [rail_id(first), rail_id(second)]
    assert (await desk.get(order)).rail_order_id == rail_id(second)


async def test_the_command_cancels_it_and_says_that_it_is_being_taken_back(
    desk: Desk, vendor: UnclaimedVendor, urls: Urls, tmp_path: Path
) -> None:
    order = await unclaimed(desk, vendor)
    payviox = Installation(tmp_path / "home", environment(tmp_path / "home", urls.application))
    said = payviox.done("order", "cancel", ids.show(ids.ORDER, order.id))
    assert "is sent (taking_back)" in said
    await desk.process()
    await released(desk, vendor, order)
