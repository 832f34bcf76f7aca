"""The simulator misbehaves as told, on either side of the deed, and its books say what was done."""

from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest

from support.machine import stretch
from support.polling import until
from support.simulator import Simulator
from support.vendor_clients import PayPalClient, TremendousClient

PayPal = Callable[..., PayPalClient]
Tremendous = Callable[..., TremendousClient]
CREATE = "paypal.payouts.create"


@pytest.mark.parametrize(("when", "paid"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize("fault", ["hang", "drop", "truncated"])
def test_a_call_breaks_off_on_either_side_of_the_deed(
    paypal: PayPal, simulator: Simulator, fault: str, when: str, paid: int
) -> None:
    client, reference = paypal(), uuid4().hex
    simulator.script({"route": CREATE, "fault": fault, "when": when})
    ample, client.http.timeout = client.http.timeout, httpx.Timeout(0.3)
    with pytest.raises((httpx.TimeoutException, httpx.RemoteProtocolError, httpx.ReadError)):
        client.pay(reference=reference)
    client.http.timeout = ample
    until(lambda: simulator.books().times_paid(reference) == paid)
    assert client.pay(reference=reference).status_code == (400 if paid else 201)
    assert simulator.books().times_paid(reference) == 1


@pytest.mark.parametrize(("when", "paid"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize("status", [404, 408, 500, 502, 503])
def test_an_error_is_answered_on_either_side_of_the_deed(
    paypal: PayPal,
    tremendous: Tremendous,
    simulator: Simulator,
    status: int,
    when: str,
    paid: int,
) -> None:
    sender, buyer, reference = paypal(), tremendous(), uuid4().hex
    for route in (CREATE, "tremendous.orders.create"):
        simulator.script({"route": route, "fault": "error", "status": status, "when": when})
    answer = sender.pay(reference=reference)
    assert answer.status_code == status
    assert {"name", "message", "debug_id"} <= set(answer.json())
    answer = buyer.order(external_id=f"{reference}.t")
    assert answer.status_code == status
    assert "errors" in answer.json()
    assert simulator.books().times_paid(reference) == 2 * paid


@pytest.mark.parametrize("kind", ["garbage", "html", "empty", "list", "cut", "huge"])
def test_an_answer_that_nobody_can_read_has_the_right_status(
    paypal: PayPal, simulator: Simulator, kind: str
) -> None:
    client, reference = paypal(), uuid4().hex
    simulator.script({"route": CREATE, "fault": kind, "when": "after"})
    answer = client.pay(reference=reference)
    assert answer.status_code == 201
    try:
        read = answer.json()
    except ValueError:
        read = None
    assert not (isinstance(read, dict) and "batch_header" in read)
    assert simulator.books().times_paid(reference) == 1


def test_a_late_call_pays_when_its_caller_has_gone(paypal: PayPal, simulator: Simulator) -> None:
    client, reference = paypal(), uuid4().hex
    simulator.script({"route": CREATE, "fault": "late", "seconds": stretch(0.6)})
    client.http.timeout = httpx.Timeout(0.2)
    with pytest.raises(httpx.ReadTimeout):
        client.pay(reference=reference)
    assert simulator.books().times_paid(reference) == 0
    until(lambda: simulator.books().times_paid(reference) == 1)


def test_too_many_requests_say_when_to_come_again(paypal: PayPal, simulator: Simulator) -> None:
    client = paypal()
    simulator.script({"route": "paypal.*", "fault": "rate_limit", "retry_after": 7})
    answer = client.pay()
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert client.payments == []


def test_a_plan_strikes_at_its_call_alone(paypal: PayPal, simulator: Simulator) -> None:
    client = paypal()
    simulator.script({"route": CREATE, "fault": "error", "nth": 2, "times": 2})
    assert [client.pay().status_code for _ in range(5)] == [201, 500, 500, 201, 201]
    (plan,) = simulator.faults()
    assert (plan["seen"], plan["struck"]) == (5, 2)


def test_a_plan_can_be_for_one_reference(paypal: PayPal, simulator: Simulator) -> None:
    client, reference = paypal(), uuid4().hex
    simulator.script({"route": CREATE, "fault": "error", "contains": reference, "times": None})
    assert client.pay().status_code == 201
    assert client.pay(reference=reference).status_code == 500
    assert client.pay(reference=reference).status_code == 500


def test_faults_at_random_come_at_their_rate_and_from_the_seed() -> None:
    def struck() -> list[int]:
        one = Simulator(seed=7)
        try:
            one.script({"route": "tremendous.*", "fault": "error", "rate": 0.3})
            url, headers = f"{one.tremendous_url}/webhooks", {"Authorization": "Bearer none"}
            with httpx.Client() as http:
                return [http.get(url, headers=headers).status_code for _ in range(200)]
        finally:
            one.close()

    first = struck()
    assert 30 < first.count(500) < 90
    assert struck() == first


def test_what_is_not_known_is_refused(simulator: Simulator) -> None:
    with pytest.raises(AssertionError, match="no such fault"):
        simulator.script({"route": "*", "fault": "explode"})
    with pytest.raises(AssertionError, match="no such way"):
        simulator.callbacks({"do": "sing"})
    with pytest.raises(AssertionError, match="no payment"):
        simulator.set_status("unheard of", "SUCCESS")


def test_a_vendor_changes_its_mind_when_told(
    paypal: PayPal, tremendous: Tremendous, simulator: Simulator
) -> None:
    sender, buyer, reference = paypal(), tremendous(), uuid4().hex
    batch_id = sender.pay(reference=reference).json()["batch_header"]["payout_batch_id"]
    simulator.set_status(reference, "REVERSED")
    assert sender.item(batch_id)["transaction_status"] == "REVERSED"
    buyer.order(external_id=f"{reference}.t")
    simulator.set_status(f"{reference}.t", "CANCELED")
    assert buyer.get(f"{reference}.t")["status"] == "CANCELED"
    assert simulator.books().times_paid(reference) == 0


def test_what_is_called_paid_again_is_paid_once(paypal: PayPal, simulator: Simulator) -> None:
    client, reference = paypal(), uuid4().hex
    client.pay(reference=reference)
    simulator.set_status(reference, "SUCCESS")
    assert simulator.books().times_paid(reference) == 1
    simulator.set_status(reference, "RETURNED")
    simulator.set_status(reference, "SUCCESS")
    (payment,) = client.payments
    assert (payment.times_paid, payment.times_returned) == (2, 1)


def test_rules_say_what_becomes_of_payments(
    paypal: PayPal, tremendous: Tremendous, simulator: Simulator
) -> None:
    simulator.rules(
        {"vendor": "paypal", "amount": 1_300, "course": [{"status": "BLOCKED"}]},
        {"vendor": "tremendous", "product": "Q24BD9EZ332JT", "course": "failed"},
    )
    sender, buyer = paypal(), tremendous()
    assert sender.item(sender.paid(value="13.00"))["transaction_status"] == "BLOCKED"
    assert sender.item(sender.paid(value="12.00"))["transaction_status"] == "SUCCESS"
    assert buyer.order(product="Q24BD9EZ332JT").json()["order"]["status"] == "FAILED"
    assert buyer.order().json()["order"]["status"] == "EXECUTED"


def test_books_outlive_whoever_called(paypal: PayPal, simulator: Simulator) -> None:
    client, reference = paypal(), uuid4().hex
    client.pay(reference=reference)
    client.http.close()
    assert simulator.books().times_paid(reference) == 1
    assert simulator.requests("paypal.payouts.create")[-1]["status"] == 201


def test_no_secret_is_in_the_record(paypal: PayPal, simulator: Simulator) -> None:
    client = paypal()
    token = client.http.headers["Authorization"].split(" ")[1]
    client.paid()
    assert token not in str(simulator.requests())
    assert {one["headers"]["authorization"] for one in simulator.requests(CREATE)} == {"Bearer …"}
