"""Where an order's money is, in words: every state with every reason, also with one that nobody
knows, and nothing of a rail's or a colleague's own."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, get_args
from uuid import UUID

import pytest

from payviox.order_states import OPEN, STATES, Status
from payviox.rails.failures import FAILURES
from payviox.rails.orders import Provider
from payviox.rails.reviews import REVIEWS
from payviox.rails.waiting import WAITING, waiting
from payviox.withdrawals import whereabouts
from payviox.withdrawals.model import Order
from payviox.withdrawals.whereabouts import NO_REASON, masked, of_order, words

RAW = '{"name":"SENDER_RISK_9001","debug_id":"b1d1f06c7246c"}'
"""What a vendor might say, where only our own names and words belong."""
PROVIDERS: tuple[Provider, ...] = get_args(Provider)
DESTINATIONS: dict[Provider, dict[str, Any]] = {
    "paypal": {"email": "ada@example.com"},
    "crypto": {"to_address": "0x" + "a1" * 20, "currency": "USDC", "chain": "ERC20"},
    "gift_card": {"product": "prd_1", "brand": "Books"},
    "bank": {"name": "Ada Lovelace", "masked": "DE89 •••• 3000"},
}
OURS = {
    sentence
    for reason in (*WAITING.values(), *REVIEWS.values(), *FAILURES.values())
    for sentence in (reason.meaning, reason.recipient, reason.advice)
}
AT = datetime(2026, 11, 28, 12, tzinfo=UTC)


def order(status: Status, provider: Provider = "paypal", **more: Any) -> Order:
    made = Order(
        business_id=UUID(int=1),
        id=UUID(int=2),
        payout_user_id=UUID(int=3),
        email="ada@example.com",
        provider=provider,
        rail="sandbox",
        status=status,
        amount=2_500,
        fees=0,
        net_amount=2_500,
        destination=DESTINATIONS[provider],
        review_reasons=[],
        reviewed_digest=None,
        note=None,
        failure=None,
        waiting=None,
        attempt=0,
        due_at=AT,
        rail_order_id=None,
        details={"answer": RAW},
        created_at=AT,
        updated_at=AT,
        trace=None,
    )
    return replace(made, **more)


def sentences(shown: whereabouts.RecipientWords) -> list[str]:
    return [text for text in (shown.state, shown.reason, shown.next, shown.by) if text is not None]


@pytest.mark.parametrize("status", STATES)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_state_says_what_is_so_and_what_happens_next_whatever_it_waits_for(
    status: Status, provider: Provider
) -> None:
    causes = [None, *WAITING, RAW] if status in OPEN else [None]
    ends = [None, *(reason.recipient for reason in FAILURES.values()), RAW]
    for waits, failure in itertools.product(causes, ends):
        shown = words(status, provider, waits, failure, None)
        for sentence in sentences(shown):
            assert sentence.endswith("."), sentence
            assert "SENDER_RISK" not in sentence
            assert "payviox" not in sentence
        assert (shown.by is None) or status in OPEN
    where = of_order(order(status, provider))
    assert where.meaning.endswith(".")
    assert where.advice.endswith(".")
    assert (where.next_at == AT) == (status in OPEN)
    assert where.reference == f"ord_{UUID(int=2)}"


@pytest.mark.parametrize("name", WAITING)
@pytest.mark.parametrize("status", OPEN)
def test_what_an_order_waits_for_is_said_to_both_in_their_own_words(
    status: Status, name: str
) -> None:
    where = of_order(order(status, waiting=name))
    reason = waiting(name, "sandbox")
    assert (where.meaning, where.advice, where.who) == (reason.meaning, reason.advice, reason.who)
    assert where.recipient.reason == reason.recipient
    assert where.recipient.next != whereabouts.STATES["queued"].next, "nothing is sent in a moment"


@pytest.mark.parametrize("name", REVIEWS)
def test_a_payout_user_is_not_told_by_which_rule_they_are_reviewed(name: str) -> None:
    where = of_order(order("review", review_reasons=[name]))
    reason = next(reason for known, reason in REVIEWS.items() if known == name)
    assert where.meaning == reason.meaning
    assert reason.meaning not in " ".join(sentences(where.recipient))


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("status", ["failed", "returned"])
def test_why_it_failed_is_said_to_both_in_their_own_words(status: Status, name: str) -> None:
    reason = next(reason for known, reason in FAILURES.items() if known == name)
    where = of_order(order(status, failure=reason.recipient))
    assert (where.meaning, where.recipient.reason) == (reason.meaning, reason.recipient)
    assert where.written is None
    assert "back on your balance" in where.recipient.next


def test_a_reason_that_nobody_knows_is_not_shown_to_the_payout_user() -> None:
    waits = of_order(order("sent", waiting="moon_in_the_wrong_house"))
    assert waits.recipient.reason == "The payment is being looked into."
    assert waits.who == "operator"
    failed = of_order(order("failed", failure=RAW))
    assert failed.recipient.reason == NO_REASON
    assert failed.written == RAW, "whoever looks after the order reads it"
    assert RAW not in OURS


def test_a_payout_user_reads_the_note_of_who_rejected_and_no_other_one() -> None:
    for status in STATES:
        shown = words(status, "paypal", None, None, "Please confirm your address.")
        assert ("Please confirm your address." in sentences(shown)) == (status == "rejected")


def test_a_gift_card_is_ready_rather_than_arrived() -> None:
    assert words("succeeded", "gift_card", None, None, None).state == "Your gift card is ready."
    assert words("succeeded", "paypal", None, None, None).state == "It has arrived."


def test_a_gift_card_is_called_by_its_brand_and_its_product() -> None:
    for name, shown in (("Card $10", "Books, Card $10"), ("BOOKS $10", "BOOKS $10"), ("", "Books")):
        card = {"product": "prd_1", "brand": "Books", "name": name}
        assert masked("gift_card", card) == shown


@pytest.mark.parametrize(
    ("provider", "shown", "method"),
    [
        ("paypal", "a…@example.com", "PayPal"),
        ("crypto", "0xa1a1…a1a1", "USDC, Ethereum"),
        ("gift_card", "Books", "Gift card"),
    ],
)
def test_a_destination_is_masked(provider: Provider, shown: str, method: str) -> None:
    assert masked(provider, DESTINATIONS[provider]) == shown
    assert whereabouts.method(provider, DESTINATIONS[provider]) == method
