"""What PayPal's words come to: every one of its published document, and none that is not there."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payviox.money import decimal
from payviox.rails.failures import failed
from payviox.rails.orders import ReadyOrder
from payviox.rails.paypal import reasons
from payviox.rails.paypal import status as states
from payviox.rails.paypal.payments import NotOurs, cents, ours, payments

DOCUMENT = Path(__file__).parents[5] / "shared/specs/paypal/payments_payouts_batch_v1.json"

ORDER_ID = UUID("01890000-0000-7000-8000-000000000001")
REFERENCE = f"ord_{ORDER_ID}.1"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORDER = ReadyOrder(
    UUID(int=1),
    ORDER_ID,
    "paypal",
    "paypal",
    1_000,
    13,
    987,
    {"email": "ada@example.com"},
    "a@example.com",
)


def batch(
    status: str | None, error: str | None = None, batch_status: str = "SUCCESS", **item: Any
) -> dict[str, Any]:
    """A batch as PayPal shows it, with one item; None: without."""
    header = {
        "payout_batch_id": "BATCH1",
        "batch_status": batch_status,
        "time_created": "2026-03-01T11:59:00Z",
        "sender_batch_header": {"sender_batch_id": REFERENCE},
    }
    if status is None:
        return {"batch_header": header}
    shown: dict[str, Any] = {
        "payout_item_id": "ITEM1",
        "payout_batch_id": "BATCH1",
        "transaction_id": "TX1",
        "transaction_status": status,
        "payout_item_fee": {"currency": "USD", "value": "0.25"},
        "payout_item": {
            "amount": {"currency": "USD", "value": "9.87"},
            "receiver": "ada@example.com",
            "sender_item_id": REFERENCE,
        },
        "time_processed": "2026-03-01T12:00:00Z",
        **item,
    }
    if error is not None:
        shown["errors"] = {"name": error, "message": "…", "details": {}}
    return {"batch_header": header, "items": [shown]}


def outcome(shown: dict[str, Any], now: datetime = NOW) -> Any:
    return states.outcome(ours(payments(shown), ORDER, REFERENCE, "BATCH1"), now)


STATES = {
    "SUCCESS": "succeeded",
    "FAILED": "failed",
    "PENDING": "accepted",
    "UNCLAIMED": "accepted",
    "RETURNED": "canceled",
    "ONHOLD": "accepted",
    "ON_HOLD": "accepted",
    "BLOCKED": "failed",
    "REFUNDED": "returned",
    "REVERSED": "returned",
    "DENIED": "failed",
    "NEW": "accepted",
}
BOOKS = {
    "succeeded": "paid",
    "failed": "failed",
    "canceled": "failed",
    "accepted": "pending",
    "returned": "returned",
}


@pytest.mark.parametrize(("word", "state"), STATES.items())
def test_every_state_of_an_item_has_one_meaning(word: str, state: str) -> None:
    found = outcome(batch(word))
    assert (found.state, found.rail_order_id) == (state, "BATCH1")
    assert found.details == {"payout_item_id": "ITEM1", "transaction_id": "TX1"}
    assert (found.reason is None) == (state in ("succeeded", "accepted", "canceled"))
    assert found.cost == (25 if state in ("succeeded", "returned") else None)
    (entry,) = states.entries(batch(word))
    assert (entry.reference, entry.rail_order_id, entry.state) == (
        REFERENCE,
        "BATCH1",
        BOOKS[state],
    )
    assert (entry.amount, entry.cost) == (987, 25)


def published(name: str) -> set[str]:
    if not DOCUMENT.is_file():
        pytest.skip("PayPal's published document is not beside the checkout")
    return set(json.loads(DOCUMENT.read_text())["components"]["schemas"][name]["enum"])


def test_no_published_state_of_an_item_is_forgotten() -> None:
    assert published("transaction_enum") <= set(STATES)


def test_no_published_state_of_a_batch_is_unknown_as_long_as_it_may_be_without_items() -> None:
    meanings = {word: outcome(batch(None, None, word)).state for word in published("batch_enum")}
    assert meanings == {
        "PENDING": "accepted",
        "PROCESSING": "accepted",
        "DENIED": "failed",
        "CANCELED": "failed",
        "SUCCESS": "unknown",
    }


@given(st.from_regex(r"[0-9A-Z_]{1,36}", fullmatch=True).filter(lambda word: word not in STATES))
def test_a_word_that_paypal_does_not_document_is_unknown_and_kept_as_evidence(word: str) -> None:
    found = outcome(batch(word))
    assert found.state == "unknown"
    assert found.rail_order_id == "BATCH1"
    assert found.evidence["transaction_status"] == word


@given(st.text(st.characters()))
def test_whatever_paypal_writes_can_be_kept(word: str) -> None:
    found = outcome(batch(word, word))
    assert found.state == STATES.get(word, "unknown")
    kept = "".join(map(str, found.evidence.values()))
    assert kept.isprintable()
    assert len(kept) < 1_000


@pytest.mark.parametrize("word", sorted(STATES))
def test_a_batch_that_succeeded_says_nothing_of_its_item(word: str) -> None:
    assert outcome(batch(word, batch_status="SUCCESS")).state == STATES[word]
    assert outcome(batch(word, batch_status="PROCESSING")).state == STATES[word]


def test_nothing_of_a_denied_or_canceled_batch_is_still_to_be_paid() -> None:
    for item in (None, "PENDING", "NEW"):
        denied = outcome(batch(item, batch_status="DENIED"))
        assert (denied.state, denied.retryable, denied.waiting) == ("failed", True, None)
        canceled = outcome(batch(item, batch_status="CANCELED"))
        assert (canceled.state, canceled.retryable) == ("failed", False)
        assert [e.state for e in states.entries(batch(item, batch_status="DENIED"))] == ["failed"]


def test_what_a_denied_batch_paid_all_the_same_is_paid() -> None:
    assert outcome(batch("SUCCESS", batch_status="DENIED")).state == "succeeded"


def test_an_unclaimed_payment_is_shown_as_such_although_paypal_names_an_error() -> None:
    found = outcome(batch("UNCLAIMED", "RECEIVER_UNREGISTERED"))
    assert (found.state, found.waiting, found.reason) == ("accepted", "unclaimed", None)
    assert 3600 <= found.again_s <= 6 * 3600


@pytest.mark.parametrize(
    ("returned", "state"),
    [
        ("2026-03-01T12:00:00Z", "canceled"),
        ("2026-03-30T00:00:00Z", "canceled"),
        ("2026-03-31T12:00:00Z", "failed"),
        ("2026-05-01T00:00:00Z", "failed"),
        (None, "failed"),
    ],
)
def test_what_nobody_claimed_fails_and_what_was_taken_back_before_is_canceled(
    returned: str | None, state: str
) -> None:
    found = outcome(batch("RETURNED", "RECEIVER_UNREGISTERED", time_processed=returned))
    assert (found.state, found.retryable) == (state, False)
    assert (found.reason == failed("not_claimed")) == (state == "failed")


def test_a_payment_on_hold_waits_at_paypal() -> None:
    for word in ("ONHOLD", "ON_HOLD"):
        found = outcome(batch(word, "REGULATORY_PENDING"))
        assert (found.state, found.waiting) == ("accepted", "on_hold")


@pytest.mark.parametrize("name", sorted(reasons.FAILURES))
def test_the_payout_user_is_told_why_in_words_of_ours(name: str) -> None:
    found = outcome(batch("FAILED", name))
    assert (found.state, found.retryable) == ("failed", False)
    assert found.reason == failed(reasons.FAILURES[name])
    assert name not in found.reason
    assert found.evidence["error_name"] == name


@pytest.mark.parametrize("name", sorted(reasons.FLOAT_EMPTY))
def test_an_empty_float_lets_the_order_wait_for_another_attempt(name: str) -> None:
    found = outcome(batch("FAILED", name))
    assert (found.state, found.retryable, found.waiting) == ("failed", True, "float_empty")


@pytest.mark.parametrize("name", sorted(reasons.ACCOUNT_RESTRICTED))
def test_trouble_of_the_senders_account_is_the_operators(name: str) -> None:
    found = outcome(batch("DENIED", name))
    assert (found.state, found.retryable, found.waiting) == ("failed", True, "account_restricted")


@pytest.mark.parametrize("name", sorted(reasons.TRY_AGAIN))
def test_what_paypal_advises_to_send_again_is_sent_again(name: str) -> None:
    found = outcome(batch("FAILED", name))
    assert (found.state, found.retryable, found.waiting) == ("failed", True, None)


def test_no_error_has_two_meanings() -> None:
    groups = [reasons.FLOAT_EMPTY, reasons.ACCOUNT_RESTRICTED, reasons.TRY_AGAIN]
    together = [name for group in (*groups, reasons.FAILURES) for name in group]
    assert len(together) == len(set(together))


@pytest.mark.parametrize(
    ("age", "again"),
    [
        (timedelta(0), timedelta(days=1)),
        (timedelta(hours=23), timedelta(hours=1)),
        (timedelta(days=1), timedelta(days=6)),
        (timedelta(days=8), timedelta(days=22)),
        (timedelta(days=30), None),
        (timedelta(days=400), None),
        (timedelta(days=-2), timedelta(days=1)),
    ],
)
def test_a_success_is_looked_at_thrice_more(age: timedelta, again: timedelta | None) -> None:
    found = outcome(batch("SUCCESS"), now=NOW + age)
    if again is None:
        assert found.again_s is None
    else:
        assert found.again_s == pytest.approx(again.total_seconds(), abs=60)


def test_the_looks_at_a_success_come_to_an_end() -> None:
    age, looks = timedelta(0), 0
    while (again := outcome(batch("SUCCESS"), now=NOW + age).again_s) is not None:
        age, looks = age + timedelta(seconds=again), looks + 1
    assert looks == 3


def test_a_success_without_a_time_is_not_looked_at_for_ever() -> None:
    shown = batch("SUCCESS", time_processed="2014-46-14T06:46:23Z")
    shown["batch_header"]["time_created"] = None
    assert outcome(shown).again_s is None


@pytest.mark.parametrize(
    "change",
    [
        {"sender_item_id": "ord_other.1"},
        {"sender_item_id": None},
        {"receiver": "eve@example.com"},
        {"receiver": None},
        {"amount": {"currency": "USD", "value": "9.88"}},
        {"amount": {"currency": "EUR", "value": "9.87"}},
        {"amount": None},
    ],
)
def test_what_is_not_our_payment_is_not_believed(change: dict[str, Any]) -> None:
    shown = batch("SUCCESS")
    shown["items"][0]["payout_item"] |= change
    with pytest.raises(NotOurs):
        outcome(shown)


def test_neither_is_another_batch_nor_one_of_several_items_nor_nonsense() -> None:
    two = batch("SUCCESS")
    two["items"] *= 2
    other = batch("SUCCESS")
    other["batch_header"]["payout_batch_id"] = "BATCH2"
    foreign = batch(None, batch_status="PENDING")
    foreign["batch_header"]["sender_batch_header"] = {"sender_batch_id": "ord_other.1"}
    nonsense: list[dict[str, Any]] = [{}, {"batch_header": 7}, {"items": "none"}, {"items": [7]}]
    for shown in (two, other, foreign, *nonsense):
        with pytest.raises(NotOurs):
            outcome(shown)


def test_the_payees_address_is_no_evidence() -> None:
    for word in STATES:
        assert "example.com" not in json.dumps(outcome(batch(word, "RISK_DECLINE")).evidence)


@given(st.integers(0, 10**12))
def test_amounts_are_written_and_read_to_the_cent(amount: int) -> None:
    text = decimal(amount)
    assert cents({"currency": "USD", "value": text}) == amount
    whole, _, fraction = text.partition(".")
    assert whole.isdigit()
    assert len(fraction) == 2


@given(st.integers(0, 10**9), st.integers(0, 999))
def test_more_digits_are_rounded_half_up_once(amount: int, thousandths: int) -> None:
    text = f"{decimal(amount)}{thousandths:03d}"
    assert cents({"currency": "USD", "value": text}) == amount + (thousandths >= 500)


@pytest.mark.parametrize(
    "money",
    [
        None,
        "9.87",
        {},
        {"currency": "USD"},
        {"currency": "EUR", "value": "1.00"},
        {"currency": "USD", "value": None},
        {"currency": "USD", "value": 9.87},
        {"currency": "USD", "value": "NaN"},
        {"currency": "USD", "value": "Infinity"},
        {"currency": "USD", "value": "1e30"},
        {"currency": "USD", "value": "9,87"},
        {"currency": "USD", "value": ""},
    ],
)
def test_what_is_no_amount_of_dollars_is_none(money: object) -> None:
    assert cents(money) is None


def test_a_fee_that_is_none_is_not_booked() -> None:
    for fee in (None, {"currency": "EUR", "value": "0.25"}, {"currency": "USD", "value": "-1.00"}):
        assert outcome(batch("SUCCESS", payout_item_fee=fee)).cost is None
    nothing = {"currency": "USD", "value": "0.0"}
    assert outcome(batch("SUCCESS", payout_item_fee=nothing)).cost == 0
