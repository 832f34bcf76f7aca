"""Every ending of the sandbox rail, from the order through to the ledger, the story and the
events."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from payviox.rails.orders import Provider, ReadyOrder
from payviox.rails.sandbox.endings import BY_NAME, ENDINGS
from payviox.withdrawals import service
from payviox.withdrawals.model import Order
from support.businesses import TestBusiness
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

CREATED, PROCESSING = "payout.created", "payout.processing"


@dataclass
class End:
    """Where an order of 10,000 cents and more ends up, and on which way."""

    states: list[str]
    events: list[str]
    user: int = 0
    in_transit: int = 0
    settled: int = 0
    suspense: int = 0


# In units of the order's amount.
ENDS = {
    "fail": End(["sending", "failed"], ["payout.failed"], user=1),
    "fail-after-accept": End(["sending", "sent", "failed"], ["payout.failed"], user=1),
    "slow": End(["sending", "sent", "succeeded"], ["payout.succeeded"], settled=1),
    "unknown-succeeded": End(["sending", "unknown", "succeeded"], ["payout.succeeded"], settled=1),
    "unknown-failed": End(["sending", "unknown", "failed"], ["payout.failed"], user=1),
    "returned": End(
        ["sending", "succeeded", "returned"], ["payout.succeeded", "payout.returned"], user=1
    ),
    "float-empty": End(["sending", "queued"], [], in_transit=1),
    "retry": End(["sending", "queued", "sending", "succeeded"], ["payout.succeeded"], settled=1),
    "failed-paid": End(["sending", "failed"], ["payout.failed"], user=1, settled=1, suspense=-1),
}


async def run_to_the_end(desk: Desk, order: Order) -> Order:
    for _ in range(4):
        await desk.process()
        await desk.hurry()
    return await desk.get(order)


def test_every_ending_is_tried_here() -> None:
    assert set(ENDS) == {ending.name for ending in ENDINGS}


@pytest.mark.parametrize("name", ENDS)
async def test_an_ending_asked_for_by_amount(business: TestBusiness, name: str) -> None:
    desk, end = Desk.of(business), ENDS[name]
    amount = 10_000 + BY_NAME[name].number
    user = await desk.user(amount)
    order = await run_to_the_end(desk, await desk.withdraw(user, amount))
    await check(desk, order, end, amount)


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("provider", ["paypal", "crypto", "gift_card"])
async def test_an_ending_asked_for_by_destination(
    business: TestBusiness, provider: Provider, name: str
) -> None:
    desk, ending = Desk.of(business), BY_NAME[name]
    destinations: dict[str, dict[str, Any]] = {
        "paypal": {"email": f"{name}@example.com"},
        "crypto": {"currency": "USDC", "chain": "POLYGON", "to_address": ending.address},
        "gift_card": {"product": ending.product_id},
    }
    user = await desk.user(1_000)
    made = await desk.withdraw(user, 1_000, destinations[provider], provider)
    await check(desk, await run_to_the_end(desk, made), ENDS[name], 1_000)


async def check(desk: Desk, order: Order, end: End, amount: int) -> None:
    assert order.status == end.states[-1]
    assert await desk.states(order) == ["created", "queued", *end.states]
    assert await desk.events(order) == [CREATED, PROCESSING, *end.events]
    books = await desk.business.ledger()
    assert books["ada@example.com"] == end.user * amount
    assert books["in_transit:sandbox"] == end.in_transit * amount
    assert books["settled:sandbox"] == end.settled * order.net_amount
    assert books["suspense:sandbox"] == end.suspense * order.net_amount
    # What the sandbox charges is what it quoted; a fee given back is the business's loss, and so is
    # what the rail charges for a payment that it had called failed.
    returned, after_all = order.status == "returned", end.suspense
    assert books["fee_income"] == (-order.fees if returned or after_all else 0)
    settled = order.status in ("succeeded", "returned")
    assert books["rail_cost:sandbox"] == (order.fees if settled or after_all else 0)


async def test_an_ordinary_withdrawal_succeeds_and_settles(business: TestBusiness) -> None:
    desk = Desk.of(business)
    user = await desk.user(1_000)
    order = await desk.withdraw(user, 600)
    assert order.status == "queued"
    assert await desk.process() == 1
    assert (await desk.get(order)).status == "succeeded"
    assert await desk.states(order) == ["created", "queued", "sending", "succeeded"]
    assert await desk.events(order) == [CREATED, PROCESSING, "payout.succeeded"]
    books = await business.ledger()
    assert books["ada@example.com"] == 400
    assert books["in_transit:sandbox"] == 0
    assert books["settled:sandbox"] == 600


async def test_an_order_that_waits_says_so_alerts_once_and_can_be_canceled(
    business: TestBusiness,
) -> None:
    desk = Desk.of(business)
    user = await desk.user(1_000)
    order = await desk.withdraw(user, 1_000, {"email": "float-empty@example.com"})
    waiting = await run_to_the_end(desk, order)
    assert waiting.waiting == "float_empty"
    alerts = await business.scalar(
        "SELECT array_agg(detail->>'waiting') FROM audit_entries"
        " WHERE business_id = %s AND act = 'order.waiting'",
        business.business_id,
    )
    assert alerts == ["float_empty"]
    assert len(await desk.attempts(order)) == 1
    await desk.cancel(order)
    assert await desk.process() == 0
    assert (await business.ledger())["ada@example.com"] == 1_000


async def test_a_payment_after_a_failure_raises_an_alert_and_is_booked_once(
    business: TestBusiness,
) -> None:
    desk = Desk.of(business)
    user = await desk.user(1_000)
    order = await desk.withdraw(user, 1_000, {"email": "failed-paid@example.com"})
    order = await run_to_the_end(desk, order)
    assert await business.scalar(
        "SELECT count(*) FROM audit_entries WHERE business_id = %s"
        " AND act = 'order.paid_after_all'",
        business.business_id,
    )
    await desk.write(lambda db: service.look_up_now(db, order.business_id, order.id, "op"))
    assert await desk.process() == 1
    assert (await business.ledger()).transfers["paid_after_all"] == 1


async def test_the_sandbox_pays_for_no_live_business(make_business: Any) -> None:
    live = await make_business(funds=10_000, mode="live")
    desk = Desk.of(live)
    await desk.user(1_000)
    test_rails = desk.rails.named("sandbox")
    order = ReadyOrder(
        live.business_id, uuid4(), "paypal", "sandbox", 100, 0, 100, {"email": "a@x.com"}, "a@x.com"
    )
    with pytest.raises(PermissionError):
        await test_rails.submit(order, "ord_x.1")
