"""Withdrawals to PayPal from the order through to PayPal's books, ours, the events and what the
payout user sees, whatever happens on the way."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from conftest import Build
from payviox import app, ids
from payviox.rails import http
from payviox.rails.paypal import tokens
from payviox.settings import Settings
from payviox.web.asgi import Application
from payviox.web.context import Services
from payviox.withdrawals import manual_settlement
from payviox.withdrawals.model import Order
from simulators import contract
from support.databases import Urls
from support.paypal import FUNDS, Office, office, running
from support.polling import eventually
from support.simulator import DAY_S

__all__ = ["office", "running"]

pytestmark = pytest.mark.anyio

AMOUNT = 2_500
COST = 50  # 2 %
CREATE = "paypal.payouts.create"


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
    the payee was paid, less how often it came back."""

    states: list[str]
    events: list[str]
    user: int = 0
    in_transit: int = 0
    settled: int = 0
    suspense: int = 0
    costs: int = 0
    paid: int = 0
    waiting: str | None = None


def paid(*states: str) -> End:
    return End([*states, "succeeded"], ["payout.succeeded"], settled=1, costs=1, paid=1)


def given_back(ending: str) -> End:
    return End(["sent", ending], [f"payout.{ending}"], user=1)


def returned() -> End:
    events = ["payout.succeeded", "payout.returned"]
    return End(["sent", "succeeded", "returned"], events, user=1, costs=1)


def open_at_paypal(*states: str, waiting: str | None = None) -> End:
    return End([*states], [], in_transit=1, waiting=waiting)


ENDS = {
    "success": paid("sent"),
    "slow": paid("sent"),
    "held-then-paid": paid("sent", "sent"),
    "claimed": paid("sent", "sent"),
    "pending": open_at_paypal("sent"),
    "onhold": open_at_paypal("sent", "sent", waiting="on_hold"),
    "on-hold": open_at_paypal("sent", "sent", waiting="on_hold"),
    "unclaimed": open_at_paypal("sent", "sent", waiting="unclaimed"),
    "strange": open_at_paypal("sent", "unknown", waiting="person"),
    "no-status": open_at_paypal("sent", "unknown", waiting="person"),
    "failed": given_back("failed"),
    "denied": given_back("failed"),
    "blocked": given_back("failed"),
    "batch-denied": given_back("failed"),
    "batch-canceled": given_back("failed"),
    "returned": given_back("canceled"),
    "refunded": returned(),
    "reversed": returned(),
    "failed-then-paid": End(
        ["sent", "failed"],
        ["payout.failed"],
        user=1,
        settled=1,
        suspense=-1,
        costs=1,
        paid=1,
    ),
    # PayPal contradicts itself: an operator is told, and what was booked stands until somebody
    # decides.
    "paid-then-failed": End(
        ["sent", "succeeded"], ["payout.succeeded"], settled=1, costs=1, paid=0
    ),
    "regress": paid("sent"),
}
"""By the simulator's courses; each begins with created, queued, sending."""


async def check_books(office: Office, order: Order, end: End) -> None:
    books = await office.business.ledger()
    assert books["in_transit:paypal"] == end.in_transit * AMOUNT
    assert books["settled:paypal"] == end.settled * AMOUNT
    assert books["suspense:paypal"] == end.suspense * AMOUNT
    assert books["rail_cost:paypal"] == end.costs * COST
    assert books["fee_income"] == -end.costs * COST
    assert office.paid(order) == end.paid


@pytest.mark.parametrize("course", ENDS)
async def test_every_course_of_a_payment_ends_as_it_should_in_all_books(
    office: Office, course: str
) -> None:
    end = ENDS[course]
    payee = await office.payee(course)
    order = await office.run(await office.withdraw(payee, AMOUNT))
    assert await office.desk.states(order) == ["created", "queued", "sending", *end.states]
    assert await office.desk.events(order) == ["payout.created", "payout.processing", *end.events]
    assert order.waiting == end.waiting
    await check_books(office, order, end)
    books = await office.business.ledger()
    assert books[payee.email] == 10_000 - AMOUNT + end.user * AMOUNT
    assert await payee.balance() == books[payee.email]
    assert (await payee.see(order))["status"] == end.states[-1]
    (payment,) = office.payments(order)
    assert payment.reference == f"{ids.show(ids.ORDER, order.id)}.1"
    assert order.rail_order_id == payment.group_id
    contradicted = course in ("paid-then-failed", "regress")
    assert await office.alerts("order.contradicted_after_success") == contradicted
    assert await office.alerts("order.paid_after_all") == (course == "failed-then-paid")


async def test_a_payment_that_nobody_claims_goes_back_after_thirty_days(office: Office) -> None:
    payee = await office.payee("unclaimed")
    order = await office.run(await office.withdraw(payee), days=1)
    assert order.waiting == "unclaimed"
    office.simulator.advance(days=31)
    order = await office.go_on(order)
    assert (order.status, order.failure) == (
        "failed",
        "The payment was not claimed at PayPal within 30 days and went back.",
    )
    assert await payee.balance() == 10_000
    await check_books(office, order, given_back("failed"))


async def test_what_is_sent_is_one_payment_and_keeps_to_the_published_document(
    office: Office,
) -> None:
    payee = await office.payee()
    order = await office.withdraw(payee, 1_205)
    await office.desk.process()
    (request,) = office.simulator.requests(CREATE)
    reference = f"{ids.show(ids.ORDER, order.id)}.1"
    body = json.loads(request["body"])
    header = body["sender_batch_header"]
    assert header["sender_batch_id"] == reference
    assert 0 < len(header["email_subject"]) <= 255
    assert 0 < len(header["email_message"]) <= 1_000
    (item,) = body["items"]
    note = item.pop("note")
    assert ids.show(ids.ORDER, order.id) in note
    assert item == {
        "recipient_type": "EMAIL",
        "amount": {"value": "12.05", "currency": "USD"},
        "receiver": payee.email,
        "sender_item_id": reference,
    }
    await office.run(order, days=1)
    await office.rail.read_float(office.business.business_id)
    await office.rail.check(await office.account())
    if contract.paypal_document() is None:
        pytest.skip("PayPal's published document is not beside the checkout")
    for made in office.simulator.requests():
        assert contract.problems(made) == [], made["path"]


async def test_the_webhook_shows_the_batch_and_the_operator_the_transaction(office: Office) -> None:
    payee = await office.payee()
    order = await office.run(await office.withdraw(payee), days=1)
    (payment,) = office.payments(order)
    body = await office.business.scalar(
        "SELECT body FROM events WHERE business_id = %s AND order_id = %s"
        " AND type = 'payout.succeeded'",
        order.business_id,
        order.id,
    )
    assert json.loads(str(body))["paypal"] == {"order_id": payment.group_id, "email": payee.email}
    assert order.details["payout_item_id"] == payment.id
    assert order.details["transaction_id"]


@pytest.mark.parametrize("direction", ["amount", "net_amount"])
async def test_the_recipient_pays_no_more_than_the_quote_and_the_business_has_the_rest(
    office: Office, direction: str
) -> None:
    await office.connect(fee_payer="recipient", fee_percentage_bp=300, fee_fixed=10, fee_cap=80)
    payee = await office.payee()
    asked: dict[str, Any] = {"amount": None, direction: AMOUNT}
    wanted = {name: value for name, value in asked.items() if value is not None}
    body = {"provider": "paypal", "paypal": {"email": payee.email}, **wanted}
    answer = await payee.client.post("/payout/withdraw", json=body)
    assert answer.status_code == 201, answer.text
    order_id = ids.parse(ids.ORDER, answer.json()["id"])
    await office.desk.process()
    await office.desk.hurry()
    await office.desk.process()
    fee = 80  # 3 % and 10 cents are 85
    net_amount = AMOUNT - fee if direction == "amount" else AMOUNT
    cost = (net_amount * 2 + 50) // 100
    books = await office.business.ledger()
    assert books["settled:paypal"] == net_amount
    assert (books["fee_income"], books["rail_cost:paypal"]) == (fee - cost, cost)
    assert books[payee.email] == 10_000 - net_amount - fee
    (payment,) = office.books().of(ids.show(ids.ORDER, order_id or ""))
    assert payment.amount == net_amount


LOST = [
    {"fault": "hang", "when": "after"},
    {"fault": "drop", "when": "after"},
    {"fault": "error", "status": 500, "when": "after"},
    {"fault": "error", "status": 503, "when": "after"},
    {"fault": "garbage", "when": "after"},
    {"fault": "html", "when": "after"},
    {"fault": "empty", "when": "after"},
    {"fault": "cut", "when": "after"},
    {"fault": "truncated", "when": "after"},
    {"fault": "list", "when": "after"},
    {"fault": "huge", "when": "after"},
    {"fault": "hang", "when": "before"},
    {"fault": "drop", "when": "before"},
    {"fault": "error", "status": 500, "when": "before"},
    {"fault": "html", "when": "before"},
]


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: "-".join(map(str, fault.values())))
async def test_a_call_that_broke_is_made_again_under_its_reference_and_pays_once(
    office: Office, fault: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault["fault"] == "hang":
        monkeypatch.setattr(http, "ANSWER_S", 1.0)
    payee = await office.payee()
    order = await office.withdraw(payee, AMOUNT)
    office.simulator.script({"route": CREATE, "contains": str(order.id), **fault})
    await office.desk.process()
    lost = await office.desk.get(order)
    assert lost.status == "unknown"
    assert (await payee.cancel(order)).status_code == 409
    assert (await office.business.ledger())["in_transit:paypal"] == AMOUNT
    (attempt,) = await office.desk.attempts(order)
    assert attempt.answer is not None
    assert attempt.answer["error"]
    order = await office.go_on(order, times=2)
    assert order.status == "succeeded"
    made = [json.loads(each["body"]) for each in office.simulator.requests(CREATE)]
    sent = [each for each in made if str(order.id) in json.dumps(each)]
    assert len(sent) == 2
    assert sent[0] == sent[1]
    (attempt,) = await office.desk.attempts(order)
    assert attempt.rail_order_id == office.payments(order)[0].group_id
    await check_books(office, order, paid())


async def test_a_batch_that_the_duplicate_names_is_not_believed_unless_it_is_ours(
    office: Office,
) -> None:
    payee = await office.payee()
    order = await office.withdraw(payee, AMOUNT)
    reference = f"{ids.show(ids.ORDER, order.id)}.1"
    other = office.ready("success@elsewhere.example", AMOUNT)
    await office.rail.submit(other, reference)
    await office.desk.process()
    after = await office.go_on(order)
    assert after.status == "unknown"
    (attempt,) = await office.desk.attempts(order)
    assert attempt.answer is not None
    assert attempt.answer["error"] == "the item is for another payee"
    assert (await office.business.ledger())["in_transit:paypal"] == AMOUNT
    assert await office.desk.events(order) == ["payout.created", "payout.processing"]


async def test_what_paypal_may_have_forgotten_is_for_a_person(office: Office) -> None:
    payee = await office.payee()
    order = await office.withdraw(payee, AMOUNT)
    fault = {"route": CREATE, "contains": str(order.id), "fault": "drop", "when": "after"}
    office.simulator.script(fault)
    await office.desk.process()
    await office.desk.hurry(age_s=30 * DAY_S)
    office.simulator.advance(days=30)
    await office.desk.process()
    after = await office.go_on(order, times=5, age_s=DAY_S)
    assert (after.status, after.waiting) == ("unknown", "person")
    assert await office.alerts("order.needs_a_person") == 1
    assert len(office.payments(order)) == 1
    assert (await office.business.ledger())["in_transit:paypal"] == AMOUNT


@pytest.mark.parametrize("status", [401, 403])
async def test_a_broken_call_is_not_taken_for_never_sent_because_a_later_one_surely_was_not(
    office: Office, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PayPal has no look-up by our reference, so nothing proves that the first call did not
    arrive: it did, and whoever could take the order back now would have the money twice."""
    monkeypatch.setattr(tokens, "REFUSED_S", 0)
    payee = await office.payee()
    order = await office.withdraw(payee, AMOUNT)
    fault = {"route": CREATE, "contains": str(order.id), "fault": "drop", "when": "after"}
    office.simulator.script(fault)
    await office.desk.process()
    refusal = {"fault": "error", "status": status, "times": None}
    office.simulator.script({"route": CREATE, "contains": str(order.id), **refusal})
    for _ in range(8):
        await office.go_on(order)
        assert (await payee.cancel(order)).status_code == 409
    assert (await office.desk.get(order)).waiting == "credentials_refused"
    office.simulator.reset()
    order = await office.go_on(order, times=4)
    assert order.status == "succeeded"
    await check_books(office, order, paid())


async def test_an_empty_account_lets_orders_wait_and_a_refill_pays_them(office: Office) -> None:
    office.simulator.paypal_account(office.client_id, balance=1_000)
    payee = await office.payee()
    order = await office.withdraw(payee, AMOUNT)
    await office.desk.process()
    waiting = await office.go_on(order, times=2)
    assert (waiting.status, waiting.waiting) == ("queued", "float_empty")
    assert await office.alerts("order.waiting") == 1
    assert (await payee.see(order))["status"] == "queued"
    office.simulator.paypal_account(office.client_id, add=FUNDS)
    order = await office.go_on(order, times=2)
    assert order.status == "succeeded"
    await check_books(office, order, paid())


async def test_a_batch_denied_for_want_of_money_is_paid_by_a_later_attempt(office: Office) -> None:
    office.simulator.paypal_account(office.client_id, balance=1_000, dry="deny")
    payee = await office.payee()
    order = await office.withdraw(payee, AMOUNT)
    await office.desk.process()
    waiting = await office.go_on(order)
    assert (waiting.status, waiting.waiting) == ("queued", "float_empty")
    assert await payee.balance() == 10_000 - AMOUNT
    await office.go_on(order, times=2)
    assert await office.alerts("order.waiting") >= 1
    office.simulator.paypal_account(office.client_id, add=FUNDS)
    order = await office.go_on(order, times=2)
    assert order.status == "succeeded"
    attempts = await office.desk.attempts(order)
    assert [attempt.outcome for attempt in attempts] == ["failed"] * (len(attempts) - 1) + [
        "succeeded"
    ]
    await check_books(office, order, paid())


async def test_an_order_that_waits_for_money_can_be_taken_back(office: Office) -> None:
    office.simulator.paypal_account(office.client_id, balance=0, dry="deny")
    payee = await office.payee()
    order = await office.withdraw(payee, AMOUNT)
    await office.desk.process()
    await office.go_on(order)
    assert (await payee.cancel(order)).status_code == 200
    assert await payee.balance() == 10_000
    office.simulator.paypal_account(office.client_id, add=FUNDS)
    order = await office.go_on(order, times=2)
    assert order.status == "canceled"
    assert office.paid(order) == 0


async def test_an_unclaimed_payment_is_shown_so_and_taken_back_when_it_is_canceled(
    office: Office,
) -> None:
    payee = await office.payee("unclaimed")
    order = await office.run(await office.withdraw(payee, AMOUNT), days=1)
    assert (await payee.see(order))["waiting"] == "unclaimed"
    assert await payee.balance() == 10_000 - AMOUNT
    answer = await payee.cancel(order)
    assert answer.status_code in (200, 202), answer.text
    assert await payee.balance() == 10_000 - AMOUNT, "not before PayPal says so"
    await office.desk.process()
    order = await office.desk.get(order)
    assert order.status == "canceled"
    assert await payee.balance() == 10_000
    order = await office.go_on(order, times=2, age_s=DAY_S)
    assert order.status == "canceled"
    assert office.available() == FUNDS
    await check_books(office, order, given_back("canceled"))


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_cancellation_that_broke_gives_the_money_back_once(
    office: Office, when: str
) -> None:
    payee = await office.payee("unclaimed")
    order = await office.run(await office.withdraw(payee, AMOUNT), days=1)
    office.simulator.script(
        {"route": "paypal.items.cancel", "fault": "error", "status": 500, "when": when},
        {"route": "paypal.payouts.get", "contains": str(order.rail_order_id), "fault": "drop"},
    )
    await payee.cancel(order)
    order = await office.go_on(order, times=4)
    assert order.status == "canceled"
    assert await payee.balance() == 10_000
    assert office.available() == FUNDS
    await check_books(office, order, given_back("canceled"))


async def test_what_is_claimed_while_it_is_being_taken_back_is_paid(office: Office) -> None:
    payee = await office.payee("unclaimed")
    order = await office.run(await office.withdraw(payee, AMOUNT), days=1)
    await payee.cancel(order)
    office.simulator.set_status(f"{ids.show(ids.ORDER, order.id)}.1", "SUCCESS")
    order = await office.go_on(order)
    assert order.status == "succeeded"
    await check_books(office, order, paid())


async def test_orders_that_paypal_is_too_busy_for_are_paid_later(office: Office) -> None:
    office.simulator.script({"route": CREATE, "fault": "rate_limit", "retry_after": 1, "times": 1})
    payee = await office.payee(cents=100_000)
    orders = [await office.withdraw(payee, AMOUNT) for _ in range(3)]
    await office.desk.process()
    states = {(await office.desk.get(order)).waiting for order in orders}
    assert states <= {"rate_limited", None}
    assert "rate_limited" in states


async def call_back(office: Office, sent: dict[str, Any], **changed: str) -> int:
    """Deliver a callback of the simulator's at the business's address."""
    business = ids.show(ids.BUSINESS, office.business.business_id)
    headers = {**sent["headers"], "Content-Type": "application/json"}
    body = changed.get("body", sent["body"]).encode()
    client = office.business.client_with(headers)
    answer = await client.post(f"/rails/paypal/{business}/callback", content=body)
    return answer.status_code


async def test_a_callback_has_its_order_looked_up_at_once_and_is_believed_in_nothing_else(
    office: Office,
) -> None:
    nobody = f"{office.simulator.paypal_url}/nobody"
    payee = await office.payee("pending")
    order = await office.withdraw(payee, AMOUNT)
    await office.desk.process()
    order = await office.go_on(order)
    assert order.status == "sent"
    reference = f"{ids.show(ids.ORDER, order.id)}.1"
    office.simulator.paypal_account(office.client_id, callback_url=nobody)
    office.simulator.set_status(reference, "SUCCESS")
    sent = await eventually(office.simulator.sent)
    told = next(one for one in sent if one["event"] == "PAYMENT.PAYOUTS-ITEM.SUCCEEDED")
    office.simulator.set_status(reference, "PENDING")

    forged = told["body"].replace("SUCCEEDED", "REFUNDED")
    assert await call_back(office, told, body=forged) in (400, 401, 403)
    assert await office.desk.process() == 0

    for _ in range(2):
        assert await call_back(office, told) == 200
        assert (await office.desk.get(order)).status == "sent"
    assert await office.desk.process() == 1
    assert (await office.desk.get(order)).status == "sent", "PayPal says that it is pending"
    kept = await office.business.scalar(
        "SELECT count(*) FROM rail_callbacks WHERE business_id = %s", order.business_id
    )
    assert kept == 1

    office.simulator.set_status(reference, "SUCCESS")
    await office.go_on(order)
    order = await office.desk.get(order)
    assert order.status == "succeeded"
    office.simulator.set_status(reference, "REFUNDED")
    refund = await eventually(
        lambda: [one for one in office.simulator.sent() if one["event"].endswith("REFUNDED")]
    )
    assert await call_back(office, refund[0]) == 200
    await office.desk.process()
    assert (await office.desk.get(order)).status == "returned"
    assert await payee.balance() == 10_000


async def told_paid(office: Office, order: Order) -> None:
    """PayPal's own signed word that the order's first attempt was paid reaches us."""
    nobody = f"{office.simulator.paypal_url}/nobody"
    office.simulator.paypal_account(office.client_id, callback_url=nobody)
    office.simulator.tell(f"{ids.show(ids.ORDER, order.id)}.1", status="SUCCESS")
    sent = await eventually(
        lambda: [one for one in office.simulator.sent() if str(order.id) in one["body"]]
    )
    assert await call_back(office, sent[0]) == 200


async def test_what_only_its_callback_tells_of_is_found(office: Office) -> None:
    """The call broke, and PayPal refuses to take it again without naming the first batch."""
    payee = await office.payee()
    office.simulator.script(
        {"route": CREATE, "fault": "drop", "when": "after"},
        {"route": CREATE, "fault": "error", "status": 500, "nth": 2, "times": None},
    )
    order = await office.withdraw(payee, AMOUNT)
    await office.desk.process()
    for _ in range(10):
        await office.go_on(order, age_s=10_000)
    assert (await office.desk.get(order)).waiting == "person"
    sent = len(office.simulator.requests(CREATE))
    await office.go_on(order, times=3)
    assert len(office.simulator.requests(CREATE)) == sent, "not behind the person's back"
    await told_paid(office, order)
    await office.desk.process()
    order = await office.desk.get(order)
    assert order.status == "succeeded"
    assert len(office.simulator.requests(CREATE)) == sent
    assert office.paid(order) == 1
    books = await office.business.ledger()
    assert (books["settled:paypal"], books["in_transit:paypal"]) == (AMOUNT, 0)


async def test_a_payment_that_a_person_called_failed_is_booked_when_its_callback_tells(
    office: Office,
) -> None:
    payee = await office.payee()
    office.simulator.script(
        {"route": CREATE, "fault": "drop", "when": "after"},
        {"route": CREATE, "fault": "error", "status": 500, "nth": 2, "times": None},
    )
    order = await office.withdraw(payee, AMOUNT)
    await office.desk.process()
    for _ in range(10):
        await office.go_on(order, age_s=10_000)
    await office.desk.write(
        lambda db: manual_settlement.settle(
            db, order.business_id, order.id, "failed", reason="not there", actor="op"
        )
    )
    assert await payee.balance() == 10_000
    await told_paid(office, order)
    await office.desk.process()
    assert (await office.desk.get(order)).status == "failed"
    assert await office.alerts("order.paid_after_all") == 1
    books = await office.business.ledger()
    assert (books["settled:paypal"], books["suspense:paypal"]) == (AMOUNT, -AMOUNT)
    assert office.paid(order) == 1
