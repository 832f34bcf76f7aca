"""Orders driven at random by payout users, operators, workers and a vendor with a will of its own,
against a model that only knows where money must be."""

import asyncio
from collections.abc import Coroutine
from typing import Any, ClassVar

import hypothesis
import pytest
from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from conftest import Build
from payviox import app
from payviox.db.pool import Database
from payviox.errors import Conflict, InsufficientBalance
from payviox.settings import Settings
from payviox.withdrawals import service
from payviox.withdrawals.model import Order
from payviox.withdrawals.sending import claims
from payviox.withdrawals.sending.claims import Claim
from support.businesses import open_business
from support.databases import Urls
from support.ledger import snapshot
from support.unclaimed import UnclaimedVendor
from support.vendor import Behaviour
from support.withdrawals import Desk

pytestmark = pytest.mark.timeout(300)

FUNDS = 1_000
BEHAVIOURS: tuple[Behaviour, ...] = (
    "pay",
    "pay_silently",
    "accept",
    "accept_silently",
    "fail",
    "fail_retryable",
    "lost",
    "empty",
)
HELD = ("created", "review", "queued", "sending", "sent", "unknown")
FINAL = ("failed", "rejected", "canceled", "returned")
picked = st.integers(0, 7)


class Orders(RuleBasedStateMachine):
    """Up to eight orders of one payout user."""

    configured: ClassVar[Settings]
    urls: ClassVar[Urls]
    build: ClassVar[Build]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.orders: list[Order] = []
        self.seen: dict[Any, str] = {}
        self.dropped: list[Claim] = []

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    @initialize(review=st.sampled_from([None, 150]))
    def open(self, review: int | None) -> None:
        async def start() -> None:
            self.vendor = UnclaimedVendor()
            self.services = app.open_services(self.configured, self.urls.application)
            services = await self.services.__aenter__()
            self.database: Database = services.database
            business = await open_business(self.database, type(self).build(services), funds=FUNDS)
            await business.set(review_amount=review)
            self.desk = Desk.of(business, self.vendor.rails)
            self.user = await self.desk.user(FUNDS)

        self.run(start())

    def teardown(self) -> None:
        if hasattr(self, "services"):
            self.run(self.services.__aexit__(None, None, None))
        self.runner.close()

    def pick(self, number: int) -> Order:
        return self.orders[number % len(self.orders)]

    @precondition(lambda self: len(self.orders) < 8)
    @rule(amount=st.integers(1, 400))
    def withdraw(self, amount: int) -> None:
        balance = self.books["ada@example.com"]
        try:
            self.orders.append(self.run(self.desk.withdraw(self.user, amount)))
        except InsufficientBalance:
            assert amount > balance
        else:
            assert amount <= balance

    @precondition(lambda self: self.orders)
    @rule(number=picked, verb=st.sampled_from(["approve", "reject", "cancel"]))
    def decide(self, number: int, verb: str) -> None:
        order = self.pick(number)
        before: Order = self.run(self.desk.get(order))
        unclaimed = (before.status, before.waiting) == ("sent", "unclaimed")
        try:
            self.run(getattr(self.desk, verb)(order))
        except Conflict:
            assert before.status != "review"
            assert not (unclaimed and verb == "cancel")
        else:
            assert (
                before.status == "review"
                or (before.status == "queued" and verb != "approve")
                or (unclaimed and verb == "cancel")
            )

    @rule(
        plan=st.lists(st.sampled_from(BEHAVIOURS), max_size=3),
        silent=st.booleans(),
        refuses=st.booleans(),
        loses=st.booleans(),
        later=st.booleans(),
    )
    def process(
        self, plan: list[Behaviour], silent: bool, refuses: bool, loses: bool, later: bool
    ) -> None:
        self.vendor.plan = list(plan)
        self.vendor.silent = silent
        self.vendor.refuses, self.vendor.loses = refuses, loses
        if later:
            self.run(self.desk.hurry())
        self.run(self.desk.process())

    @rule()
    def a_worker_dies_holding_claims(self) -> None:
        business_id = self.desk.business.business_id
        taken = self.run(
            self.desk.write(lambda db: claims.take(db, business_id, self.desk.rails, lambda _: 3))
        )
        self.dropped += [claim for claim in taken if claim.action == "submit"]

    @precondition(lambda self: self.dropped)
    @rule(number=picked)
    def a_dead_workers_call_arrives_late(self, number: int) -> None:
        claim = self.dropped.pop(number % len(self.dropped))
        self.run(self.vendor.submit(claim.ready, claim.reference))

    @precondition(lambda self: self.orders)
    @rule(number=picked, state=st.sampled_from(["paid", "failed", "returned"]))
    def the_vendor_goes_on(self, number: int, state: Any) -> None:
        for reference in self.vendor.payments(self.pick(number).id):
            before = self.vendor.books[reference]
            if before == "pending" or (before, state) == ("paid", "returned"):
                self.vendor.books[reference] = state
                self.run(self.look_now(self.pick(number)))

    async def look_now(self, order: Order) -> None:
        try:
            await self.desk.write(
                lambda db: service.look_up_now(db, order.business_id, order.id, "op")
            )
        except Conflict:
            return

    @invariant()
    def money_is_where_the_states_say(self) -> None:
        if not hasattr(self, "desk"):
            return
        self.books = self.run(snapshot(self.database, self.desk.business.business_id))
        held = settled = fees = given = costs = 0
        for old in self.orders:
            order: Order = self.run(self.desk.get(old))
            before = self.seen.get(order.id)
            assert before not in FINAL or before == order.status, "a final state stands"
            self.seen[order.id] = order.status
            given += order.amount
            if order.status in HELD:
                held += order.amount
            elif order.status == "succeeded":
                settled += order.net_amount
                fees += order.fees
            if order.status in FINAL:
                given -= order.amount
            if order.status in ("succeeded", "returned"):
                costs += self.cost_of(order)
            self.paid_at_most_once(order)
        books = self.books
        assert books["ada@example.com"] == FUNDS - given
        assert books["in_transit:vendor"] == held
        assert books["settled:vendor"] == settled
        assert books["rail_cost:vendor"] == costs
        assert books["fee_income"] == fees - costs
        assert books["suspense:vendor"] == 0

    def cost_of(self, order: Order) -> int:
        """The vendor charges when it pays; what came back before we saw it paid has no cost."""
        cursor = self.desk.business.scalar(
            "SELECT coalesce(sum(amount), 0)::int FROM transfers WHERE business_id = %s"
            " AND order_id = %s AND kind = 'cost'",
            order.business_id,
            order.id,
        )
        return int(self.run(cursor))

    def paid_at_most_once(self, order: Order) -> None:
        payments = self.vendor.payments(order.id)
        assert len(payments) <= 1, "paid twice"
        if order.status in ("failed", "rejected", "canceled"):
            assert payments == [], "the money is back with the payout user, and was paid too"
        if order.status == "succeeded":
            references = [r for r in self.vendor.books if str(order.id) in r]
            assert any(self.vendor.books[r] in ("paid", "returned") for r in references)


def test_orders_driven_at_random_keep_every_cent_in_its_place(
    settings: Settings, urls: Urls, build: Build
) -> None:
    Orders.configured, Orders.urls = settings, urls
    Orders.build = staticmethod(build)
    thorough = hypothesis.settings(
        max_examples=20,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Orders, settings=thorough)
