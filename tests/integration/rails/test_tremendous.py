"""Gift cards by Tremendous, from the order through to the vendor's books, ours, the events and what
the payout user sees, whatever happens on the way."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from conftest import Build
from payviox import app, ids
from payviox.errors import Conflict
from payviox.rails import http
from payviox.rails.tremendous import client
from payviox.settings import Settings
from payviox.web.asgi import Application
from payviox.web.context import Services
from payviox.withdrawals import manual_settlement, service
from support.databases import Urls
from support.simulator import TREMENDOUS_FUNDING_SOURCE
from support.tremendous import ANY_VALUE, FUNDS, Shop, running, shop

__all__ = ["running", "shop"]

pytestmark = pytest.mark.anyio

AMOUNT = 2_500
COST = 63  # 2.5 %, rounded half up
CREATE = "tremendous.orders.create"


@pytest.fixture
async def services(settings: Settings, urls: Urls) -> AsyncIterator[Services]:
    """Of each test alone: connections to a vendor keep the time limits they began with."""
    async with app.open_services(settings, urls.application) as opened:
        yield opened


@pytest.fixture
def application(services: Services, build: Build) -> Application:
    return build(services)


@dataclass
class End:
    """Where an order ends up and on which way; money in units of its amount. `paid` is how often
    the vendor paid more than it took back."""

    states: list[str]
    events: list[str]
    user: int = 0
    in_transit: int = 0
    settled: int = 0
    suspense: int = 0
    costs: int = 0
    paid: int = 0
    waiting: str | None = None


def delivered(*states: str) -> End:
    return End([*states, "succeeded"], ["payout.succeeded"], settled=1, costs=1, paid=1)


def failed(*states: str) -> End:
    return End([*states, "failed"], ["payout.failed"], user=1)


ENDS = {
    "executed": delivered("sending"),
    "cart": End(["sending", "sent"], [], in_transit=1),
    "open": delivered("sending", "sent"),
    "pending-approval": End(["sending", "sent"], [], in_transit=1, waiting="approval_at_rail"),
    "approved-later": delivered("sending", "sent"),
    "pending-internal": delivered("sending", "sent"),
    "pending-settlement": delivered("sending", "sent"),
    "rejected": failed("sending", "sent"),
    "failed": failed("sending"),
    "failed-later": failed("sending", "sent"),
    "canceled": End(
        ["sending", "succeeded", "returned"],
        ["payout.succeeded", "payout.returned"],
        user=1,
        costs=1,
    ),
    "delivery-failed": End(["sending", "unknown"], [], in_transit=1, paid=1, waiting="person"),
    "delivery-pending": delivered("sending", "sent"),
    "delivery-scheduled": delivered("sending", "sent"),
    "failed-then-executed": End(
        ["sending", "failed"],
        ["payout.failed"],
        user=1,
        settled=1,
        suspense=-1,
        costs=1,
        paid=1,
    ),
    "regress": delivered("sending"),
    "strange": End(["sending", "unknown"], [], in_transit=1, waiting="person"),
}
"""By the simulator's courses."""


@pytest.mark.parametrize("course", ENDS)
async def test_every_course_of_an_order_ends_as_it_should_in_all_books(
    shop: Shop, course: str
) -> None:
    end = ENDS[course]
    shopper = await shop.shopper(course)
    order = await shop.run(await shop.buy(shopper, AMOUNT))
    assert await shop.desk.states(order) == ["created", "queued", *end.states]
    assert await shop.desk.events(order) == ["payout.created", "payout.processing", *end.events]
    assert order.waiting == end.waiting
    books = await shop.business.ledger()
    assert books[shopper.email] == 10_000 - AMOUNT + end.user * AMOUNT
    assert books["in_transit:tremendous"] == end.in_transit * AMOUNT
    assert books["settled:tremendous"] == end.settled * AMOUNT
    assert books["suspense:tremendous"] == end.suspense * AMOUNT
    assert books["rail_cost:tremendous"] == end.costs * COST
    assert books["fee_income"] == -end.costs * COST
    seen = await shopper.see(order)
    assert seen["status"] == end.states[-1]
    assert await shopper.balance() == books[shopper.email]
    assert shop.paid(order) == end.paid
    payments = shop.books().of(ids.show(ids.ORDER, order.id))
    assert [payment.reference for payment in payments] == [f"{ids.show(ids.ORDER, order.id)}.1"]


async def test_an_order_that_goes_back_after_its_success_stands_and_alerts(shop: Shop) -> None:
    order = await shop.run(await shop.buy(await shop.shopper("regress")))
    assert order.status == "succeeded"
    assert await shop.alerts("order.contradicted_after_success") == 1


async def test_what_is_sent_is_exact_and_for_one_reward_by_link(shop: Shop) -> None:
    await shop.connect(campaign_id="CAMPAIGN0001")
    shopper = await shop.shopper()
    order = await shop.buy(shopper, 2_515)
    await shop.desk.process()
    (request,) = shop.simulator.requests(CREATE)
    assert '"denomination":25.15,' in request["body"]
    assert httpx.Response(200, text=request["body"]).json() == {
        "external_id": f"{ids.show(ids.ORDER, order.id)}.1",
        "payment": {"funding_source_id": TREMENDOUS_FUNDING_SOURCE},
        "reward": {
            "value": {"denomination": 25.15, "currency_code": "USD"},
            "delivery": {"method": "LINK"},
            "recipient": {"name": "executed", "email": shopper.email},
            "products": ["OKMHM2X2OHYV"],
            "campaign_id": "CAMPAIGN0001",
        },
    }
    assert (await shop.desk.get(order)).status == "succeeded"


async def test_the_webhook_and_the_user_see_the_card_and_the_vendors_order_id(shop: Shop) -> None:
    shopper = await shop.shopper()
    order = await shop.run(await shop.buy(shopper), days=1)
    (payment,) = shop.books().of(ids.show(ids.ORDER, order.id))
    body = await shop.business.scalar(
        "SELECT body FROM events WHERE business_id = %s AND order_id = %s"
        " AND type = 'payout.succeeded'",
        order.business_id,
        order.id,
    )
    assert httpx.Response(200, text=body).json()["gift_card"] == {
        "order_id": payment.group_id,
        "brand": "Bookshop",
        "country": "US",
        "currency": "USD",
        "face_value": AMOUNT,
    }
    seen = await shopper.see(order)
    assert seen["rail_order_id"] == payment.group_id
    assert seen["gift_card"]["product"] == ANY_VALUE


BROKEN: list[dict[str, Any]] = [
    {"fault": "drop", "when": "after"},
    {"fault": "hang", "when": "after"},
    {"fault": "late", "seconds": 0.5},
    {"fault": "error", "when": "after", "status": 500},
    {"fault": "truncated", "when": "after"},
    {"fault": "garbage", "when": "after"},
    {"fault": "empty", "when": "after"},
    {"fault": "cut", "when": "after"},
    {"fault": "drop", "when": "before"},
    {"fault": "error", "when": "before", "status": 503},
    {"fault": "error", "when": "before", "status": 409},
]


@pytest.mark.parametrize("fault", BROKEN, ids=lambda f: " ".join(map(str, f.values())))
async def test_a_call_that_broke_is_unknown_until_it_is_looked_up_and_pays_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    monkeypatch.setattr(http, "ANSWER_S", 0.3)
    await shop.rail.close()  # what it opens anew keeps to that
    shop.simulator.script({"route": CREATE, "contains": "external_id", **fault})
    shopper = await shop.shopper()
    order = await shop.buy(shopper)
    await shop.desk.process()
    unknown = await shop.desk.get(order)
    assert unknown.status == "unknown"
    assert (await shopper.see(order))["status"] == "unknown"
    assert (await shop.business.ledger())["in_transit:tremendous"] == AMOUNT
    order = await shop.run(order, days=2)
    assert order.status == "succeeded"
    assert shop.paid(order) == 1
    (payment,) = shop.books().of(ids.show(ids.ORDER, order.id))
    assert payment.reference.endswith(".1")
    assert (await shop.business.ledger())["settled:tremendous"] == AMOUNT


@pytest.mark.parametrize("fault", ["drop", "error", "html", "list", "rate_limit"])
async def test_a_look_up_that_breaks_says_nothing_and_is_made_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(client, "PAUSE_S", 0.01)
    shop.simulator.script(
        {"route": CREATE, "fault": "drop", "when": "after"},
        {"route": "tremendous.orders.list", "fault": fault, "times": None},
    )
    order = await shop.buy(await shop.shopper())
    for _ in range(3):
        await shop.desk.process()
        assert (await shop.desk.get(order)).status == "unknown"
        await shop.desk.hurry(order, age_s=120)
    shop.simulator.reset()
    assert (await shop.run(order, days=1)).status == "succeeded"
    assert len(shop.simulator.requests(CREATE)) == 1


async def test_after_too_many_calls_none_is_made_for_as_long_as_the_vendor_says(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.simulator.script({"route": CREATE, "fault": "rate_limit", "retry_after": 120})
    shopper = await shop.shopper()
    orders = []
    for _ in range(2):
        orders.append(await shop.buy(shopper))
        await shop.desk.process()
    for order in orders:
        waiting = await shop.desk.get(order)
        assert (waiting.status, waiting.waiting) == ("queued", "rate_limited")
        assert waiting.due_at is not None
        assert (waiting.due_at - waiting.created_at).total_seconds() > 100
    assert len(shop.simulator.requests(CREATE)) == 1
    pace = shop.rail._client._paces[shop.business.business_id]
    monkeypatch.setattr(pace, "_resume_at", 0.0)
    for order in orders:
        assert (await shop.run(order, days=1)).status == "succeeded"
        assert shop.paid(order) == 1


async def test_an_empty_account_keeps_orders_waiting_until_there_is_money_again(
    shop: Shop,
) -> None:
    shop.simulator.tremendous_account(shop.api_key, balance=100)
    shopper = await shop.shopper()
    order = await shop.buy(shopper)
    for _ in range(2):
        await shop.desk.process()
        await shop.desk.hurry(order)
    waiting = await shop.desk.get(order)
    assert (waiting.status, waiting.waiting) == ("queued", "float_empty")
    assert await shop.alerts("order.waiting") == 1
    assert await shopper.balance() == 10_000 - AMOUNT
    shop.simulator.tremendous_account(shop.api_key, add=FUNDS)
    assert (await shop.run(order, days=1)).status == "succeeded"
    assert shop.paid(order) == 1
    assert shop.float() == FUNDS + 100 - AMOUNT - COST


async def test_an_order_that_failed_for_lack_of_money_is_made_again_when_there_is_some(
    shop: Shop,
) -> None:
    shop.simulator.tremendous_account(shop.api_key, balance=100, dry="fail")
    order = await shop.buy(await shop.shopper())
    await shop.desk.process()
    waiting = await shop.desk.get(order)
    assert (waiting.status, waiting.waiting) == ("queued", "float_empty")
    shop.simulator.tremendous_account(shop.api_key, add=FUNDS)
    order = await shop.run(order, days=1)
    assert order.status == "succeeded"
    payments = shop.books().of(ids.show(ids.ORDER, order.id))
    assert [payment.status for payment in payments] == ["FAILED", "EXECUTED"]
    assert (await shop.business.ledger())["settled:tremendous"] == AMOUNT


async def test_an_account_that_stays_empty_has_no_order_made_again_and_again(shop: Shop) -> None:
    shop.simulator.tremendous_account(shop.api_key, balance=0, dry="fail")
    order = await shop.run(await shop.buy(await shop.shopper()), days=12)
    assert (order.status, order.waiting) == ("queued", "float_empty")
    assert len(shop.simulator.requests(CREATE)) == 1
    assert len(await shop.desk.attempts(order)) == 2
    shop.simulator.tremendous_account(shop.api_key, add=FUNDS)
    resumed = await shop.desk.write(
        lambda db: service.resume(db, order.business_id, "float_empty", "op")
    )
    assert resumed == 1
    await shop.desk.process()
    assert (await shop.desk.get(order)).status == "succeeded"
    assert shop.paid(order) == 1
    assert (await shop.business.ledger())["settled:tremendous"] == AMOUNT


async def test_an_order_that_waits_for_money_can_be_taken_back(shop: Shop) -> None:
    shop.simulator.tremendous_account(shop.api_key, balance=0)
    shopper = await shop.shopper()
    order = await shop.buy(shopper)
    await shop.desk.process()
    await shop.desk.cancel(order)
    shop.simulator.tremendous_account(shop.api_key, add=FUNDS)
    assert (await shop.run(order, days=1)).status == "canceled"
    assert await shopper.balance() == 10_000
    assert shop.paid(order) == 0


async def test_a_refused_key_keeps_orders_waiting_and_says_why(shop: Shop) -> None:
    order = await shop.buy(await shop.shopper())
    await shop.connect({"api_key": "TEST_revoked"})
    await shop.desk.process()
    waiting = await shop.desk.get(order)
    assert (waiting.status, waiting.waiting) == ("queued", "credentials_refused")
    await shop.connect()
    assert (await shop.run(order, days=1)).status == "succeeded"


async def test_a_product_that_is_not_sold_any_more_fails_the_order_with_a_reason(
    shop: Shop,
) -> None:
    shopper = await shop.shopper()
    order = await shop.buy(shopper)
    shop.simulator.script({"route": CREATE, "fault": "error", "status": 422})
    order = await shop.run(order, days=1)
    assert (order.status, order.failure) == ("failed", "The gift card was refused by its seller.")
    assert (await shopper.see(order))["reason"] == order.failure
    assert await shopper.balance() == 10_000
    assert shop.paid(order) == 0


async def test_a_call_that_arrives_after_it_was_refused_is_found_and_not_paid_twice(
    shop: Shop,
) -> None:
    shop.simulator.script({"route": CREATE, "fault": "error", "status": 422})
    shopper = await shop.shopper()
    order = await shop.buy(shopper)
    await shop.desk.process()
    assert (await shop.desk.get(order)).status == "failed"
    (refused,) = shop.simulator.requests(CREATE)
    headers = {"Authorization": f"Bearer {shop.api_key}", "Content-Type": "application/json"}
    async with httpx.AsyncClient(headers=headers) as late:
        url = f"{shop.simulator.tremendous_url}/orders"
        assert (await late.post(url, content=refused["body"])).status_code == 200
    order = await shop.run(order, days=1)
    assert order.status == "failed"
    assert await shop.alerts("order.paid_after_all") == 1
    books = await shop.business.ledger()
    assert books["settled:tremendous"] == -books["suspense:tremendous"] == AMOUNT
    assert await shopper.balance() == 10_000
    assert shop.paid(order) == 1


async def test_a_list_that_lags_is_no_proof_that_nothing_was_ordered(shop: Shop) -> None:
    shopper = await shop.shopper()
    shop.simulator.tremendous_account(shop.api_key, shows_after_s=600)
    shop.simulator.script(
        {"route": CREATE, "fault": "drop", "when": "after"},
        {"route": CREATE, "fault": "rate_limit", "nth": 2},
    )
    order = await shop.buy(shopper)
    await shop.desk.process()
    for _ in range(3):
        await shop.desk.hurry(age_s=120)
        await shop.desk.process()
        with pytest.raises(Conflict):
            await shop.desk.cancel(order)
    assert (await shop.run(order, days=2)).status == "succeeded"
    assert shop.paid(order) == 1
    assert await shopper.balance() == 10_000 - AMOUNT
    books = await shop.business.ledger()
    assert (books["settled:tremendous"], books["in_transit:tremendous"]) == (AMOUNT, 0)


async def test_a_card_that_a_person_found_is_shown_once_it_is_looked_up(shop: Shop) -> None:
    shopper = await shop.shopper()
    shop.simulator.tremendous_account(shop.api_key, shows_after_s=600)
    shop.simulator.script(
        {"route": CREATE, "fault": "drop", "when": "after"},
        {"route": CREATE, "fault": "error", "status": 500, "nth": 2, "times": None},
    )
    order = await shop.buy(shopper)
    for _ in range(10):
        await shop.desk.process()
        await shop.desk.hurry(age_s=10_000)
    assert (await shop.desk.get(order)).waiting == "person"
    sent = len(shop.simulator.requests(CREATE))
    await shop.desk.process()
    assert len(shop.simulator.requests(CREATE)) == sent, "not behind the person's back"
    await shop.desk.write(
        lambda db: manual_settlement.settle(
            db, order.business_id, order.id, "succeeded", reason="is there", actor="op"
        )
    )
    shop.simulator.reset()
    shop.simulator.advance(days=1)
    await shop.desk.hurry()
    await shop.desk.process()
    assert (await shopper.reveal(order)).status_code == 200
    assert await shop.alerts("order.contradicted_after_success") == 0
    assert shop.paid(order) == 1
    assert (await shop.business.ledger())["settled:tremendous"] == AMOUNT


async def test_a_refusal_is_not_believed_where_an_earlier_call_made_the_order(shop: Shop) -> None:
    shop.simulator.script({"route": CREATE, "fault": "error", "status": 422, "when": "after"})
    order = await shop.run(await shop.buy(await shop.shopper()), days=1)
    assert order.status == "succeeded"
    assert shop.paid(order) == 1


async def test_an_order_of_somebody_else_under_our_reference_is_never_taken_for_ours(
    shop: Shop,
) -> None:
    order = await shop.buy(await shop.shopper())
    other = {
        "external_id": f"{ids.show(ids.ORDER, order.id)}.1",
        "reward": {
            "value": {"denomination": 1, "currency_code": "USD"},
            "delivery": {"method": "LINK"},
            "products": ["OKMHM2X2OHYV"],
        },
    }
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {shop.api_key}"}) as http_:
        answer = await http_.post(f"{shop.simulator.tremendous_url}/orders", json=other)
    assert answer.status_code == 200
    order = await shop.run(order)
    assert (order.status, order.waiting) == ("unknown", "person")
    assert await shop.alerts("order.needs_a_person") == 1
    (attempt,) = await shop.desk.attempts(order)
    assert attempt.answer is not None
    assert attempt.answer["error"] == "the reward has another value"
    assert len(shop.books().of(other["external_id"])) == 1  # type: ignore[arg-type]  # a str


async def test_many_orders_at_once_stay_below_the_vendors_rate(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "INTERVAL_S", 1 / 9)
    shop.rail._client._paces.clear()
    shopper = await shop.shopper()
    orders = [await shop.buy(shopper, 100) for _ in range(15)]
    shop.simulator.tremendous_account(shop.api_key, per_second=10)
    await shop.desk.process()
    for order in orders:
        assert (await shop.desk.get(order)).status == "succeeded"
    answered = {request["status"] for request in shop.simulator.requests(CREATE)}
    assert answered == {200}


async def test_a_call_that_would_wait_too_long_is_surely_not_sent(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await shop.buy(await shop.shopper())
    monkeypatch.setattr(client, "LONGEST_WAIT_S", -1.0)
    monkeypatch.setattr(client, "LONGEST_READ_WAIT_S", -1.0)
    answer = await shop.rail.submit(order.ready, "ord_x.1")
    assert (answer.state, answer.waiting) == ("not_sent", "rate_limited")
    assert answer.again_s is not None
    looked = await shop.rail.look_up(order.ready, "ord_x.1")
    assert (looked.state, looked.again_s) == ("unknown", 60)
    assert shop.simulator.requests(CREATE) == []
