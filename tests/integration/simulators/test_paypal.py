"""The simulated PayPal deduplicates, charges, returns and refuses as PayPal does."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from simulators import contract
from support.simulator import Simulator
from support.vendor_clients import PayPalClient

PayPal = Callable[..., PayPalClient]
FULL = 1_000_000_00


def test_a_batch_is_accepted_without_item_ids_and_paid_with_its_fee(paypal: PayPal) -> None:
    client = paypal()
    answer = client.pay(value="10.00")
    assert answer.status_code == 201
    assert "items" not in answer.json()
    assert answer.json()["batch_header"]["batch_status"] == "PENDING"
    item = client.item(answer.json()["batch_header"]["payout_batch_id"])
    assert item["transaction_status"] == "SUCCESS"
    assert item["payout_item_fee"] == {"currency": "USD", "value": "0.20"}
    (payment,) = client.payments
    assert (payment.amount, payment.fee, payment.times_paid) == (1_000, 20, 1)
    assert client.balance == FULL - 1_020


def test_the_fee_is_a_percentage_up_to_its_cap(paypal: PayPal) -> None:
    client = paypal(fee_bp=200, fee_cap=100)
    client.paid(value="20000.00")
    client.paid(value="0.25")
    assert {one.fee for one in client.payments} == {100, 1}


def test_a_reference_is_refused_for_30_days_with_a_link_to_its_batch(
    paypal: PayPal, simulator: Simulator
) -> None:
    client, reference = paypal(token_s=10**9), uuid4().hex
    first = client.pay(reference=reference).json()["batch_header"]["payout_batch_id"]
    simulator.advance(days=29.9)
    again = client.pay(reference=reference)
    assert again.status_code == 400
    assert again.json()["name"] == "USER_BUSINESS_ERROR"
    (detail,) = again.json()["details"]
    assert detail["field"] == "SENDER_BATCH_ID"
    assert detail["link"][0]["href"].endswith(f"/v1/payments/payouts/{first}")
    assert len(client.payments) == 1
    simulator.advance(days=0.2)
    assert client.pay(reference=reference).status_code == 201
    assert simulator.books().times_paid(reference) == 2


def test_of_many_calls_with_one_reference_one_pays(paypal: PayPal) -> None:
    client, reference = paypal(), uuid4().hex
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.pay(reference=reference), range(24)))
    assert sorted(answer.status_code for answer in answers) == [201] + [400] * 23
    assert client.simulator.books().times_paid(reference) == 1


def test_a_reference_is_another_account_s_too(paypal: PayPal) -> None:
    reference = uuid4().hex
    assert paypal().pay(reference=reference).status_code == 201
    assert paypal().pay(reference=reference).status_code == 201


def test_an_empty_account_refuses_and_pays_again_once_refilled(paypal: PayPal) -> None:
    client, reference = paypal(balance=1_019), uuid4().hex
    refused = client.pay(value="10.00", reference=reference)
    assert (refused.status_code, refused.json()["name"]) == (422, "INSUFFICIENT_FUNDS")
    assert client.payments == []
    client.simulator.paypal_account(client.client_id, add=1)
    assert client.pay(value="10.00", reference=reference).status_code == 201
    assert client.simulator.books().times_paid(reference) == 1
    assert client.balance == 0


def test_an_account_that_denies_uses_the_reference_up(paypal: PayPal) -> None:
    client, reference = paypal(balance=0, dry="deny"), uuid4().hex
    batch_id = client.pay(reference=reference).json()["batch_header"]["payout_batch_id"]
    found = client.batch(batch_id)
    assert found["batch_header"]["batch_status"] == "DENIED"
    assert found["items"][0]["transaction_status"] == "FAILED"
    assert found["items"][0]["errors"]["name"] == "INSUFFICIENT_FUNDS"
    assert client.pay(reference=reference).status_code == 400
    assert client.simulator.books().times_paid(reference) == 0


@pytest.mark.parametrize(
    ("local", "status", "paid", "money_out"),
    [
        ("success", "SUCCESS", 1, True),
        ("pending", "PENDING", 0, True),
        ("failed", "FAILED", 0, False),
        ("denied", "DENIED", 0, False),
        ("blocked", "BLOCKED", 0, False),
        ("onhold", "ONHOLD", 0, True),
        ("on-hold", "ON_HOLD", 0, True),
        ("unclaimed", "UNCLAIMED", 0, True),
        ("returned", "RETURNED", 0, False),
        ("strange", "ESCALATED", 0, False),
        ("batch-denied", "FAILED", 0, False),
    ],
)
def test_each_status_is_reached_by_the_receiver(
    paypal: PayPal, local: str, status: str, paid: int, money_out: bool
) -> None:
    client = paypal()
    item = client.item(client.paid(f"{local}+any@example.com"))
    assert item["transaction_status"] == status
    (payment,) = client.payments
    assert (payment.times_paid, payment.money_out) == (paid, money_out)
    assert client.balance == FULL - (1_020 if money_out else 0)


@pytest.mark.parametrize(
    ("local", "then", "balance"),
    [
        ("refunded", "REFUNDED", FULL - 20),
        ("reversed", "REVERSED", FULL - 20),
        ("failed-then-paid", "SUCCESS", FULL - 1_020),
        ("claimed", "SUCCESS", FULL - 1_020),
        ("paid-then-failed", "FAILED", FULL),
        ("regress", "PENDING", FULL - 1_020),
    ],
)
def test_it_changes_its_mind_a_day_later(
    paypal: PayPal, simulator: Simulator, local: str, then: str, balance: int
) -> None:
    client = paypal(token_s=10**9)
    batch_id = client.paid(f"{local}@example.com")
    assert client.item(batch_id)["transaction_status"] != then
    simulator.advance(days=1.01)
    assert client.item(batch_id)["transaction_status"] == then
    assert client.balance == balance


def test_an_error_by_name_fails_the_item_with_it(paypal: PayPal) -> None:
    client = paypal()
    item = client.item(client.paid("error-risk-decline@example.com"))
    assert (item["transaction_status"], item["errors"]["name"]) == ("FAILED", "RISK_DECLINE")


def test_what_is_not_claimed_goes_back_after_30_days(paypal: PayPal, simulator: Simulator) -> None:
    client = paypal(token_s=10**9)
    batch_id = client.paid("unclaimed@example.com")
    item = client.item(batch_id)
    assert item["errors"]["name"] == "RECEIVER_UNREGISTERED"
    simulator.advance(days=29)
    assert client.item(batch_id)["transaction_status"] == "UNCLAIMED"
    simulator.advance(days=1.01)
    assert client.item(batch_id)["transaction_status"] == "RETURNED"
    assert client.balance == FULL


def test_only_what_is_unclaimed_can_be_canceled(paypal: PayPal) -> None:
    client = paypal()
    unclaimed = client.item(client.paid("unclaimed@example.com"))["payout_item_id"]
    paid = client.item(client.paid())["payout_item_id"]
    url = "/v1/payments/payouts-item/{}/cancel"
    canceled = client.http.post(url.format(unclaimed))
    assert (canceled.status_code, canceled.json()["transaction_status"]) == (200, "RETURNED")
    assert client.http.post(url.format(unclaimed)).json()["name"] == "ITEM_ALREADY_CANCELLED"
    assert client.http.post(url.format(paid)).json()["name"] == "ITEM_INCORRECT_STATUS"
    assert client.balance == FULL - 1_020


def test_a_batch_that_is_processed_later_has_no_items_yet(
    paypal: PayPal, simulator: Simulator
) -> None:
    client = paypal(processing_s=3_600)
    batch_id = client.paid()
    assert client.batch(batch_id)["batch_header"]["batch_status"] == "PENDING"
    assert "items" not in client.batch(batch_id)
    simulator.advance(seconds=1_801)
    assert client.batch(batch_id)["batch_header"]["batch_status"] == "PROCESSING"
    assert client.item(batch_id)["transaction_status"] == "PENDING"
    simulator.advance(seconds=1_801)
    assert client.batch(batch_id)["batch_header"]["batch_status"] == "SUCCESS"
    assert client.item(batch_id)["transaction_status"] == "SUCCESS"


def test_a_batch_may_not_be_seen_at_once(paypal: PayPal, simulator: Simulator) -> None:
    client = paypal(shows_after_s=60)
    answer = client.pay(reference=(reference := uuid4().hex))
    batch_id = answer.json()["batch_header"]["payout_batch_id"]
    assert client.http.get(f"/v1/payments/payouts/{batch_id}").status_code == 404
    assert client.pay(reference=reference).status_code == 400
    simulator.advance(seconds=61)
    assert client.item(batch_id)["transaction_status"] == "SUCCESS"


def test_items_come_in_pages(paypal: PayPal) -> None:
    client = paypal()
    items = [
        {
            "recipient_type": "EMAIL",
            "amount": {"value": "1.00", "currency": "USD"},
            "receiver": f"ann{number}@example.com",
            "sender_item_id": f"item-{number}",
        }
        for number in range(5)
    ]
    body = {"sender_batch_header": {"sender_batch_id": uuid4().hex}, "items": items}
    answer = client.http.post("/v1/payments/payouts", json=body)
    url = f"/v1/payments/payouts/{answer.json()['batch_header']['payout_batch_id']}"
    seen = []
    for page in (1, 2, 3):
        query = {"page": page, "page_size": 2, "total_required": "true"}
        found = client.http.get(url, params=query).json()
        assert (found["total_items"], found["total_pages"]) == (5, 3)
        seen += [item["payout_item"]["sender_item_id"] for item in found["items"]]
    assert seen == [f"item-{number}" for number in range(5)]


def test_tokens_expire_and_wrong_secrets_get_none(paypal: PayPal, simulator: Simulator) -> None:
    client = paypal(token_s=600)
    batch_id = client.paid()
    simulator.advance(seconds=601)
    refused = client.http.get(f"/v1/payments/payouts/{batch_id}")
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")
    assert client.authorize("wrong").json()["error"] == "invalid_client"
    assert client.authorize().status_code == 200
    assert client.item(batch_id)["transaction_status"] == "SUCCESS"


def test_another_account_s_batches_and_items_are_not_found(paypal: PayPal) -> None:
    client, other = paypal(), paypal()
    batch_id = client.paid("unclaimed@example.com")
    item_id = client.item(batch_id)["payout_item_id"]
    assert other.http.get(f"/v1/payments/payouts/{batch_id}").status_code == 404
    assert other.http.get(f"/v1/payments/payouts-item/{item_id}").status_code == 404
    assert other.http.post(f"/v1/payments/payouts-item/{item_id}/cancel").status_code == 404


def test_too_many_posts_in_a_minute_are_refused_and_do_nothing(paypal: PayPal) -> None:
    client = paypal(posts_per_minute=2)
    assert [client.pay().status_code for _ in range(3)] == [201, 201, 429]
    assert len(client.payments) == 2


def test_balances_need_their_permission(paypal: PayPal) -> None:
    found = paypal(balance=123_45).http.get("/v1/reporting/balances").json()
    assert found["balances"][0]["available_balance"] == {"currency_code": "USD", "value": "123.45"}
    assert paypal(reporting=False).http.get("/v1/reporting/balances").status_code == 403


def test_its_own_answers_keep_to_the_published_document(paypal: PayPal) -> None:
    document = contract.paypal_document()
    if document is None:
        pytest.skip(f"needs PayPal's published documents at {contract.SPECS}")
    client, reference = paypal(), uuid4().hex
    answers = [client.pay(reference=reference), client.pay(reference=reference)]
    for local in ("unclaimed", "reversed", "error-risk-decline", "batch-denied"):
        batch_id = client.paid(f"{local}@example.com")
        answers.append(client.http.get(f"/v1/payments/payouts/{batch_id}"))
        item_id = client.item(batch_id)["payout_item_id"]
        answers.append(client.http.get(f"/v1/payments/payouts-item/{item_id}"))
        answers.append(client.http.post(f"/v1/payments/payouts-item/{item_id}/cancel"))
    answers.append(client.http.get("/v1/payments/payouts/UNHEARDOF"))
    answers.append(client.http.get("/v1/notifications/webhooks"))
    for answer in answers:
        request = answer.request
        problems = document.answer_problems(
            request.method, request.url.path, answer.status_code, answer.json()
        )
        assert problems == [], answer.text


def test_books_and_balance_agree_whatever_happens_to_payments(
    paypal: PayPal, simulator: Simulator
) -> None:
    client = paypal(balance=500_000, token_s=10**9)
    locals_ = ["success", "unclaimed", "reversed", "refunded", "returned", "failed-then-paid"]
    locals_ += ["paid-then-failed", "regress", "blocked", "claimed", "onhold", "batch-denied"]
    for local in locals_:
        client.paid(f"{local}@example.com", "12.34")
    for _ in range(4):
        out = sum(one.amount for one in client.payments if one.money_out)
        fees = sum(one.fee for one in client.payments)
        assert client.balance == 500_000 - out - fees
        simulator.advance(days=10)
    claimed = sum(one.amount * (one.times_paid - one.times_returned) for one in client.payments)
    held = sum(one.amount for one in client.payments if one.status == "ONHOLD")
    fees = sum(one.fee for one in client.payments)
    assert client.balance == 500_000 - claimed - held - fees
