"""Every request that the PayPal rail makes is one that PayPal's published document allows: in our
reading of it, and in that of a mock server that others make from it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from payviox.rails.fees import FeePolicy
from payviox.rails.orders import ReadyOrder, Request
from payviox.rails.paypal.rail import PayPalRail
from payviox.rails.protocol import Account, Entry, Known, Outcome
from simulators import contract
from support.prism import Prism, prism
from support.simulator import (
    PAYPAL_CLIENT,
    PAYPAL_SECRET,
    PAYPAL_WEBHOOK,
    Simulator,
    simulator,
)

__all__ = ["prism", "simulator"]

pytestmark = pytest.mark.anyio

UNPUBLISHED = {"paypal.token", "paypal.balances"}
ELSEWHERE = {"paypal.webhooks.list", "paypal.webhooks.verify", "paypal.cert"}
"""In another document than the mock server's."""


class OneAccount:
    """Implements payviox.rails.protocol.Accounts for one business at the simulated PayPal."""

    def __init__(self, simulator: Simulator) -> None:
        self.account = Account(
            business_id=uuid4(),
            rail="paypal",
            environment="sandbox",
            enabled=True,
            min_amount=None,
            max_amount=None,
            low_float=None,
            fees=FeePolicy(),
            settings={
                "client_id": PAYPAL_CLIENT,
                "webhook_id": PAYPAL_WEBHOOK,
                "base_url": simulator.paypal_url,
            },
            credentials={"client_secret": PAYPAL_SECRET},
        )

    async def find(self, business_id: UUID, rail: str) -> Account | None:
        return self.account


async def ready(rail: PayPalRail, account: Account, email: str, amount: int) -> ReadyOrder:
    request = Request(account.business_id, "paypal", {"email": email}, amount=amount)
    quote = await rail.quote(request)
    return await rail.validate(uuid4(), quote, request, email)


async def use_all_of_it(rail: PayPalRail, account: Account) -> list[Outcome]:
    """Pays, asks, pays under a used reference, takes back, reads the float, the books, checks."""
    outcomes = []
    longest = f"{'a' * 60}@{'b' * 50}.example.com"
    for email, amount in (("ann@example.com", 1), (longest, 2_000_000), ("unclaimed@b.example", 7)):
        order = await ready(rail, account, email, amount)
        reference = f"ord_{uuid4().hex}.1"
        sent = await rail.submit(order, reference)
        order = replace(order, rail_order_id=sent.rail_order_id)
        outcomes += [sent, await rail.look_up(order, reference)]
        outcomes += [await rail.submit(order, reference), await rail.take_back(order, reference)]
    known = Known(order, reference, datetime.now(UTC))

    async def pages() -> AsyncIterator[Sequence[Known]]:
        yield [known]

    since = datetime.now(UTC) - timedelta(days=1)
    entries: list[Entry] = []
    async for page in rail.statement(account.business_id, since, pages()):
        entries += page
    assert [entry.reference for entry in entries] == [reference]
    await rail.read_float(account.business_id)
    await rail.check(account)
    return outcomes


@pytest.fixture
async def requests(simulator: Simulator) -> list[dict[str, Any]]:
    """What the rail sent."""
    accounts = OneAccount(simulator)
    rail = PayPalRail(accounts)
    try:
        outcomes = await use_all_of_it(rail, accounts.account)
    finally:
        await rail.close()
    assert {outcome.state for outcome in outcomes} == {"accepted", "succeeded", "canceled"}
    return [one for one in simulator.requests() if one["route"].startswith("paypal")]


async def test_every_request_keeps_to_the_published_documents(
    requests: list[dict[str, Any]],
) -> None:
    if contract.paypal_document() is None:
        pytest.skip(f"needs PayPal's published documents at {contract.SPECS}")
    made = {request["route"] for request in requests}
    assert {"paypal.payouts.create", "paypal.payouts.get", "paypal.items.cancel"} <= made
    for request in requests:
        assert contract.problems(request) == [], request


async def test_a_mock_server_of_the_document_refuses_none_of_them(
    requests: list[dict[str, Any]], prism: Prism
) -> None:
    described = [one for one in requests if one["route"] not in UNPUBLISHED | ELSEWHERE]
    assert len(described) > 10
    for request in described:
        assert prism.status(request) < 300, request
