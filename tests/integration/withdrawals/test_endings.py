"""Every ending of the sandbox rail, from the order through to the ledger, the story and the events."""

import pytest

from payviox.rails.sandbox_endings import ENDINGS
from payviox.withdrawals.model import Order
from support.businesses import TestBusiness
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


async def test_an_ordinary_withdrawal_succeeds_and_settles(business: TestBusiness) -> None:
    desk = Desk.of(business)
    user = await desk.user(1_000)
    order = await desk.withdraw(user, 1_000)
    assert order.status == "queued"
    assert await desk.process() == 1
    after = await desk.get(order)
    assert after.status == "succeeded"
    assert await desk.states(order) == ["created", "queued", "sending", "succeeded"]
    assert await desk.events(order) == ["payout.created", "payout.processing", "payout.succeeded"]
    books = await business.ledger()
    assert books["ada@example.com"] == 0
    assert books["in_transit:sandbox"] == 0
    assert books["settled:sandbox"] == 1_000
