"""What an order at Tremendous means, for every status in its specification and for any other."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payviox.rails.protocol import Outcome
from payviox.rails.tremendous import status as states
from payviox.rails.tremendous.status import Expected
from support.tremendous_shapes import LINK, REFERENCE, order, refunded, reward, unpaid

EXPECTED = Expected(REFERENCE, 2_510, "OKMHM2X2OHYV")
MADE_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def outcome(found: dict[str, Any], age: timedelta = timedelta(seconds=1)) -> Outcome:
    return states.outcome(found, EXPECTED, MADE_AT + age)


def test_an_executed_and_delivered_order_succeeded_and_cost_what_was_charged_beyond_its_value() -> (
    None
):
    answer = outcome(order())
    assert (answer.state, answer.rail_order_id, answer.cost) == ("succeeded", "SOMEORDERID", 125)


def test_a_success_is_looked_at_again_after_a_day_and_after_a_week_and_then_no_more() -> None:
    day = timedelta(days=1)
    assert outcome(order(), 0 * day).again_s == 86_400
    assert outcome(order(), 2 * day).again_s == 5 * 86_400
    assert outcome(order(), 8 * day).again_s is None
    assert outcome(order(created_at="yesterday")).again_s is None


@pytest.mark.parametrize("delivery", ["SCHEDULED", "PENDING"])
def test_an_executed_order_whose_delivery_is_on_its_way_is_accepted(delivery: str) -> None:
    answer = outcome(order(rewards=[reward(delivery=delivery)]))
    assert (answer.state, answer.waiting) == ("accepted", None)


@pytest.mark.parametrize("status", ["OPEN", "CART", "PENDING SETTLEMENT"])
def test_an_order_under_way_is_accepted(status: str) -> None:
    answer = outcome(unpaid(status))
    assert (answer.state, answer.waiting) == ("accepted", None)
    assert answer.rail_order_id == "SOMEORDERID"


@pytest.mark.parametrize("status", ["PENDING APPROVAL", "PENDING INTERNAL PAYMENT APPROVAL"])
def test_an_order_that_somebody_must_approve_says_so(status: str) -> None:
    answer = outcome(unpaid(status))
    assert (answer.state, answer.waiting) == ("accepted", "approval_at_rail")


@pytest.mark.parametrize("status", ["FAILED", "CANCELED"])
def test_an_order_that_was_never_paid_for_failed_for_good(status: str) -> None:
    answer = outcome(unpaid(status))
    assert (answer.state, answer.retryable) == ("failed", False)
    assert answer.reason
    assert answer.reason.endswith(".")


def test_an_order_canceled_after_it_was_delivered_is_returned_with_its_refund() -> None:
    found = refunded("CANCELED", "26.35")
    found["rewards"] = [reward(delivery="FAILED")]
    answer = outcome(found)
    assert (answer.state, answer.cost) == ("returned", 0)
    assert answer.evidence["refund"] == 2_635


def test_an_order_canceled_after_it_was_paid_for_is_returned_even_before_the_refund_shows() -> None:
    answer = outcome(order("CANCELED"))
    assert (answer.state, answer.cost) == ("returned", 125)


@pytest.mark.parametrize("status", ["EXECUTED", "FAILED"])
def test_a_refund_of_the_whole_value_is_a_return_whatever_the_status_says(status: str) -> None:
    answer = outcome(refunded(status, "25.10"))
    assert (answer.state, answer.cost) == ("returned", 125)


@pytest.mark.parametrize(
    "found",
    [
        refunded("EXECUTED", "10.00"),
        order(rewards=[reward(delivery="FAILED")]),
        order(rewards=[reward(delivery="SHIPPED")]),
        order(rewards=[{**reward(), "delivery": None}]),
        order("FAILED"),
        unpaid("PENDING"),
        unpaid("executed"),
        unpaid("canceled"),
        order(status=None),
        order(status=["EXECUTED"]),
    ],
)
def test_what_is_in_no_specification_is_unknown_with_its_evidence(found: dict[str, Any]) -> None:
    answer = outcome(found)
    assert answer.state == "unknown"
    assert answer.evidence["order"] == "SOMEORDERID"


@pytest.mark.parametrize(
    "changed",
    [
        {"external_id": REFERENCE[:-1] + "2"},
        {"external_id": None},
        {"id": None},
        {"id": ""},
        {"rewards": []},
        {"rewards": None},
        {"rewards": [reward(), reward()]},
        {"rewards": [reward("25.11")]},
        {"rewards": [reward("2510")]},
        {"rewards": [reward(currency="EUR")]},
        {"rewards": [{**reward(), "value": None}]},
        {"rewards": [{**reward(), "products": ["ANOTHERONE"]}]},
    ],
)
def test_an_order_that_is_not_ours_is_never_believed(changed: dict[str, Any]) -> None:
    answer = outcome(order(**changed))
    assert (answer.state, answer.rail_order_id) == ("unknown", None)
    assert "error" in answer.evidence


def test_a_cost_that_cannot_be_told_is_not_made_up() -> None:
    foreign = order()
    foreign["payment"]["currency_code"] = "EUR"
    assert outcome(foreign).cost is None
    fraction = order()
    fraction["payment"]["total"] = Decimal("26.355")
    assert outcome(fraction).cost is None


def test_a_discount_is_no_negative_cost() -> None:
    cheap = order()
    cheap["payment"]["total"] = Decimal("24.00")
    assert outcome(cheap).cost == 0


@pytest.mark.parametrize(
    ("status", "state", "waiting"),
    [
        (400, "failed", None),
        (422, "failed", None),
        (401, "not_sent", "credentials_refused"),
        (403, "not_sent", "credentials_refused"),
        (402, "not_sent", "float_empty"),
        (404, "not_sent", "rail_misconfigured"),
        (429, "not_sent", "rate_limited"),
        (202, "unknown", None),
        (302, "unknown", None),
        (408, "unknown", None),
        (409, "unknown", None),
        (500, "unknown", None),
        (502, "unknown", None),
        (504, "unknown", None),
    ],
)
def test_a_refusal_is_final_only_where_tremendous_judged_the_order(
    status: int, state: str, waiting: str | None
) -> None:
    answer = states.refusal(status, {"errors": {"message": "No."}}, 3.0)
    assert (answer.state, answer.waiting) == (state, waiting)
    # One that failed is looked at once more: an earlier call may arrive yet.
    assert answer.again_s == {"failed": 86_400, "rate_limited": 3.0}.get(waiting or state)
    assert answer.evidence["message"] == "message: No."


@pytest.mark.parametrize(
    ("errors", "waiting"),
    [
        ({"message": "Insufficient funds in your balance"}, "float_empty"),
        ({"message": "You do not have enough: not enough balance"}, "float_empty"),
        ({"payload": {"payment": {"funding_source_id": "unknown"}}}, "rail_misconfigured"),
        ({"payload": {"reward": {"campaign_id": ["unknown"]}}}, "rail_misconfigured"),
    ],
)
def test_a_refusal_for_the_accounts_own_reasons_does_not_fail_the_order(
    errors: dict[str, Any], waiting: str
) -> None:
    answer = states.refusal(422, {"errors": errors})
    assert (answer.state, answer.waiting) == ("not_sent", waiting)


def test_a_link_in_an_error_is_blotted_out_and_a_long_one_is_cut() -> None:
    said = states.message({"errors": {"message": f"Already sent: {LINK} now", "payload": {}}})
    assert said == "message: Already sent: [link] now"
    assert len(states.message({"error": "x" * 10_000})) == states.LONGEST_MESSAGE


LEAVES = st.none() | st.booleans() | st.integers() | st.decimals() | st.text() | st.just(LINK)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["id", "external_id", "created_at", "status", "payment", "rewards"]
PARTS = ["id", "value", "delivery", "denomination", "total", "refund", "method", "link", "status"]


@given(
    st.dictionaries(st.sampled_from(FIELDS), JSON),
    st.dictionaries(st.sampled_from(PARTS), JSON),
    st.sampled_from(["payment", "reward", "none"]),
)
def test_no_answer_whatever_it_holds_breaks_the_reading_or_lets_a_link_through(
    changed: dict[str, Any], inner: dict[str, Any], where: str
) -> None:
    found = order(**changed)
    if where == "payment":
        found["payment"] = inner
    elif where == "reward":
        found["rewards"] = [inner]
    answer, line = outcome(found), states.entry(found)
    kept = json.dumps([answer.evidence, answer.rail_order_id, answer.reason, answer.details])
    assert "http" not in kept
    assert "/" not in kept
    assert "http" not in json.dumps([dict(line.evidence), line.reference, line.rail_order_id])


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (order(), "paid"),
        (order(rewards=[reward(delivery="PENDING")]), "paid"),
        (refunded("EXECUTED", "26.35"), "returned"),
        (refunded("EXECUTED", "1.00"), "paid"),
        (refunded("CANCELED", "26.35"), "returned"),
        (refunded("FAILED", "26.35"), "returned"),
        (order("FAILED"), "pending"),
        (unpaid("CANCELED"), "failed"),
        (unpaid("FAILED"), "failed"),
        (unpaid("PENDING APPROVAL"), "pending"),
        (unpaid("OPEN"), "pending"),
        (unpaid("HELD"), "pending"),
    ],
)
def test_a_line_of_their_books_says_where_the_money_is(found: dict[str, Any], state: str) -> None:
    entry = states.entry(found)
    assert (entry.state, entry.amount, entry.reference) == (state, 2_510, REFERENCE)
    assert (entry.rail_order_id, entry.at) == ("SOMEORDERID", MADE_AT)


def test_a_line_of_their_books_without_our_reference_or_in_another_currency_is_still_a_line() -> (
    None
):
    entry = states.entry(order(external_id=None, rewards=[reward(currency="EUR")]))
    assert (entry.reference, entry.amount, entry.cost, entry.state) == (None, None, None, "paid")
