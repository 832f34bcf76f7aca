"""How an order reads on a screen."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from payviox.cli.order.listing import IN_REVIEW, LISTED
from payviox.cli.order.shown import recipient
from payviox.cli.order.story import print_story, story_of
from payviox.rails.orders import Provider
from payviox.reporting.order_timeline import Entry, OrderTimeline
from payviox.withdrawals.model import Order, StateEntry

AT = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)


def order(provider: Provider, destination: dict[str, Any]) -> Order:
    return Order(
        business_id=uuid4(),
        id=uuid4(),
        payout_user_id=uuid4(),
        email="ada@example.com",
        provider=provider,
        rail="sandbox",
        status="review",
        amount=25_000,
        fees=0,
        net_amount=25_000,
        destination=destination,
        review_reasons=["amount", "first_use"],
        reviewed_digest=None,
        note=None,
        failure=None,
        waiting=None,
        attempt=0,
        due_at=None,
        rail_order_id=None,
        details={},
        trace=None,
        created_at=AT,
        updated_at=AT,
    )


PAYPAL = order("paypal", {"email": "grace@example.com"})


@pytest.mark.parametrize(
    ("made", "to"),
    [
        (PAYPAL, "grace@example.com"),
        (
            order("crypto", {"currency": "USDT", "chain": "ERC20", "to_address": "0x52"}),
            "0x52 (USDT on ERC20)",
        ),
        (order("gift_card", {"brand": "Blue Cup", "product": "prd_1"}), "Blue Cup"),
        (order("gift_card", {"product": "prd_1"}), '{"product": "prd_1"}'),
    ],
)
def test_where_an_orders_money_goes_is_said_in_a_few_words(made: Order, to: str) -> None:
    assert recipient(made) == to


def test_what_a_reviewer_decides_by_is_listed() -> None:
    assert {"review_reasons", "to", "amount", "email"} <= set(IN_REVIEW.split())
    printed = {*story_of(OrderTimeline(PAYPAL, ())), "age", "to"}
    assert {*IN_REVIEW.split(), *LISTED.split()} <= printed


def test_the_columns_of_every_part_of_a_story_stand_below_one_another(
    capsys: pytest.CaptureFixture[str],
) -> None:
    states = [
        StateEntry(number, status, actor, None, AT)
        for number, (status, actor) in enumerate([("created", "user"), ("review", "rules")])
    ]
    print_story(story_of(OrderTimeline(PAYPAL, tuple(Entry(AT, state) for state in states))))
    said = capsys.readouterr().out
    parts = said.split("\n\n")
    assert parts[1].splitlines()[0] == "Why, and what to do"
    assert parts[2].splitlines() == [
        "States",
        "  created_at            status   actor  note",
        "  2026-11-01T08:30:00Z  created  user   -",
        "  2026-11-01T08:30:00Z  review   rules  -",
    ]
    assert "Decisions and alerts\n  none" in said
    assert "amount          $250.00" in said
