"""What every answer of a rail does to an order in every case, checked for what must always hold."""

import itertools
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payviox.order_states import GIVES_BACK, MAY_BECOME, SURELY_NOT_SENT, Status
from payviox.rails.protocol import Outcome
from payviox.withdrawals.model import (
    TAKING_BACK,
    UNCLAIMED,
)
from payviox.withdrawals.sending.decisions import (
    BELIEVE_NOT_FOUND_S,
    LAST_LOOK_S,
    MAX_ATTEMPTS,
    MAX_ROUNDS,
    NEEDS_A_PERSON,
    SLOWEST_LOOK_S,
    UNKNOWN_S,
    Action,
    Case,
    Decision,
    decide,
)

ANSWERS = get_args(Outcome.__annotations__["state"])
ENDED: tuple[Status, ...] = ("succeeded", *sorted(GIVES_BACK))
AT_A_RAIL: tuple[Status, ...] = ("sending", "sent", "unknown", *ENDED)
OLD = BELIEVE_NOT_FOUND_S * 10


def case(
    status: Status = "sending",
    attempt: int = 1,
    outcome: str | None = None,
    age_s: float = OLD,
    waiting: str | None = None,
    remembers_s: float | None = None,
) -> Case:
    return Case(status, attempt, outcome, age_s, age_s, waiting, remembers_s)


cases = st.builds(
    Case,
    status=st.sampled_from(AT_A_RAIL),
    attempt=st.integers(1, MAX_ATTEMPTS + 2),
    outcome=st.sampled_from([None, *ANSWERS]),
    attempt_age_s=st.floats(0, 1e8),
    order_age_s=st.floats(0, 1e8),
    waiting=st.sampled_from([None, "float_empty", NEEDS_A_PERSON, UNCLAIMED, TAKING_BACK]),
    remembers_s=st.sampled_from([None, 60.0, 86_400.0, 1e9]),
    authoritative=st.booleans(),
    rounds=st.integers(0, MAX_ROUNDS + 1),
    action=st.sampled_from(get_args(Action)),
    takes_back=st.booleans(),
)
answers = st.builds(
    Outcome,
    state=st.sampled_from(ANSWERS),
    reason=st.sampled_from([None, "why"]),
    retryable=st.booleans(),
    waiting=st.sampled_from([None, "float_empty", "approval_at_rail", UNCLAIMED]),
    again_s=st.sampled_from([None, 0.5, 30.0]),
)


@given(cases, answers)
def test_every_step_is_one_that_the_table_allows(at: Case, answer: Outcome) -> None:
    status = at.status
    for state in decide(at, answer).states:
        assert state in MAY_BECOME[status]
        status = state


@given(cases, answers)
def test_money_moves_exactly_with_the_states(at: Case, answer: Outcome) -> None:
    decision = decide(at, answer)
    assert ("settle" in decision.money) == ("succeeded" in decision.states)
    assert ("release" in decision.money) == bool(GIVES_BACK & set(decision.states))
    assert ("return" in decision.money) == ("returned" in decision.states)
    if "paid_after_all" in decision.money:
        assert at.status in GIVES_BACK
        assert at.outcome != "succeeded"
        assert decision.alert
    after_all = at.status in GIVES_BACK and at.outcome == "succeeded"
    assert ("back_after_all" in decision.money) == (after_all and answer.state == "returned")


@given(cases, answers)
def test_an_order_whose_end_is_open_is_always_looked_at_again(at: Case, answer: Outcome) -> None:
    decision = decide(at, answer)
    status = decision.states[-1] if decision.states else at.status
    if status in ("queued", "sent", "unknown", "sending"):
        assert decision.due_in_s is not None
        assert 0 <= decision.due_in_s <= SLOWEST_LOOK_S


@given(cases, answers)
def test_an_order_is_sent_again_only_when_nothing_can_still_arrive_or_be_paid_twice(
    at: Case, answer: Outcome
) -> None:
    decision = decide(at, answer)
    if decision.states == ("queued",):
        known = answer.state in ("not_sent", "failed")
        same_reference = answer.state == "not_found" and decision.outcome == "not_found"
        surely_not = answer.state == "not_found" and at.authoritative
        assert known or same_reference or surely_not
    if decision.states == ("queued",) and answer.state != "failed":
        assert at.outcome != "accepted"


@given(cases, answers)
def test_what_a_rail_once_accepted_is_never_forgotten(at: Case, answer: Outcome) -> None:
    vague = answer.state in ("unknown", "not_found", "not_sent")
    if vague and at.outcome == "accepted" and at.status not in ENDED:
        assert decide(at, answer).outcome == "accepted"


@pytest.mark.parametrize("status", ["sending", "unknown"])
def test_what_the_rail_never_heard_of_is_sent_again_under_the_same_reference(
    status: Status,
) -> None:
    assert decide(case(status), Outcome("not_found")) == Decision(
        ("queued",), due_in_s=0.0, outcome="not_found", rounds=1
    )


def test_where_a_look_up_proves_it_what_was_not_found_was_not_sent() -> None:
    decision = decide(replace(case("unknown"), authoritative=True), Outcome("not_found"))
    assert (decision.states, decision.outcome) == (("queued",), "not_sent")


def test_elsewhere_no_look_proves_anything() -> None:
    """It may have arrived by a call before the one that surely did not."""
    refused = Outcome("not_sent", waiting="float_empty")
    again = decide(case("sending", outcome="not_found"), refused)
    assert (again.states, again.outcome, again.waiting) == (
        ("unknown",),
        "not_found",
        "float_empty",
    )
    assert again.due_in_s is not None
    assert again.due_in_s >= BELIEVE_NOT_FOUND_S
    at = case("unknown", outcome="not_found", waiting="float_empty")
    decision = decide(at, Outcome("not_found"))
    assert (decision.states, decision.outcome, decision.waiting) == (
        ("queued",),
        "not_found",
        "float_empty",
    )
    assert decision.outcome not in SURELY_NOT_SENT


@pytest.mark.parametrize("remembers_s", [None, 3_600.0])
def test_what_may_have_been_sent_and_cannot_be_sent_again_for_a_day_is_for_a_person(
    remembers_s: float | None,
) -> None:
    limit = min(remembers_s or UNKNOWN_S, UNKNOWN_S)
    at = case("sending", outcome="not_found", age_s=limit, remembers_s=remembers_s)
    refused = Outcome("not_sent", waiting="credentials_refused")
    assert decide(at, refused).waiting == "credentials_refused"
    late = decide(replace(at, attempt_age_s=limit + 1), refused)
    assert (late.states, late.waiting, late.outcome) == (("unknown",), NEEDS_A_PERSON, "not_found")
    assert late.alert == "order.needs_a_person"


@given(cases, answers)
def test_what_a_person_looks_into_is_never_sent_again_by_itself(at: Case, answer: Outcome) -> None:
    decision = decide(replace(at, status="unknown", waiting=NEEDS_A_PERSON), answer)
    assert "queued" not in decision.states


def test_attempts_that_fail_for_want_of_money_are_made_ever_more_rarely() -> None:
    empty = Outcome("failed", retryable=True, waiting="float_empty")
    waits = [decide(case("sent", n, "accepted"), empty).due_in_s or 0 for n in range(1, 999)]
    assert waits[:3] == [60, 120, 240]
    assert max(waits) == 3600
    assert sum(waits) > 30 * 86_400


@given(cases, answers)
def test_what_has_ended_is_not_looked_up_for_ever(at: Case, answer: Outcome) -> None:
    old = replace(at, attempt_age_s=LAST_LOOK_S)
    if at.status in ENDED and answer.state in ("unknown", "accepted", "not_found"):
        assert decide(old, answer).due_in_s is None


def test_a_success_that_may_still_come_back_is_looked_at_when_the_rail_says() -> None:
    paid = case("succeeded", outcome="succeeded")
    assert decide(paid, Outcome("succeeded", again_s=30.0)).due_in_s == 30.0
    assert decide(paid, Outcome("succeeded")).due_in_s is None


def test_what_a_person_found_paid_is_looked_for_where_no_look_up_proves_anything() -> None:
    settled = case("succeeded", outcome="succeeded")
    decision = decide(settled, Outcome("not_found"))
    assert (decision.states, decision.alert) == ((), None)
    assert decision.due_in_s
    proven = decide(replace(settled, authoritative=True), Outcome("not_found"))
    assert (proven.due_in_s, proven.alert) == (None, "order.contradicted_after_success")


@pytest.mark.parametrize("status", sorted(GIVES_BACK))
def test_what_was_given_back_and_paid_all_the_same_is_booked_once_and_told(status: Status) -> None:
    paid = Outcome("succeeded", rail_order_id="V-1")
    decision = decide(case(status, outcome="not_found"), paid)
    assert (decision.states, decision.money) == ((), ("paid_after_all",))
    assert decision.alert == "order.paid_after_all"
    again = decide(case(status, outcome=decision.outcome), paid)
    assert (again.states, again.money, again.alert) == ((), (), None)
    not_there = decide(case(status, outcome="not_found"), Outcome("not_found"))
    assert (not_there.money, not_there.due_in_s, not_there.alert) == ((), None, None)


def test_an_attempt_is_sent_again_a_few_times_and_then_a_person_is_told() -> None:
    for rounds in range(MAX_ROUNDS):
        at = replace(case("unknown", outcome="unknown"), rounds=rounds)
        assert decide(at, Outcome("not_found")).rounds == rounds + 1
    at = replace(case("unknown", outcome="unknown"), rounds=MAX_ROUNDS)
    decision = decide(at, Outcome("not_found"))
    assert decision.states == ()
    assert (decision.waiting, decision.alert) == (NEEDS_A_PERSON, "order.needs_a_person")


@pytest.mark.parametrize("remembers_s", [None, 3_600.0, 1e9])
def test_what_stays_unknown_for_a_day_or_beyond_the_rails_memory_is_for_a_person(
    remembers_s: float | None,
) -> None:
    limit = min(remembers_s or UNKNOWN_S, UNKNOWN_S)
    for status in ("sending", "unknown"):
        young = case(status, outcome="unknown", age_s=limit, remembers_s=remembers_s)
        assert decide(young, Outcome("unknown")).waiting is None
        old = replace(young, attempt_age_s=limit + 1)
        decision = decide(old, Outcome("unknown"))
        assert (decision.waiting, decision.alert) == (NEEDS_A_PERSON, "order.needs_a_person")
        assert decision.due_in_s is not None
    sent = case("sent", outcome="accepted", age_s=limit + 1, remembers_s=remembers_s)
    assert decide(sent, Outcome("unknown")).alert is None, "the rail has it: one look may fail"


def test_a_young_attempt_that_the_rail_has_not_heard_of_may_be_on_its_way() -> None:
    decision = decide(case("sending", age_s=1), Outcome("not_found"))
    assert decision.states == ("unknown",)


def test_past_the_rails_memory_nothing_is_sent_again_and_a_person_is_told_once() -> None:
    at = case("unknown", outcome="unknown", age_s=90_000, remembers_s=86_400)
    decision = decide(at, Outcome("not_found"))
    assert decision.states == ()
    assert decision.waiting == NEEDS_A_PERSON
    assert decision.alert == "order.needs_a_person"
    unheard = decide(replace(at, status="sending", outcome=None), Outcome("not_found"))
    assert (unheard.waiting, unheard.outcome) == (NEEDS_A_PERSON, "unknown")
    told = case("unknown", 1, "unknown", 90_000, NEEDS_A_PERSON, 86_400)
    assert decide(told, Outcome("not_found")).alert is None


def test_what_was_accepted_and_then_lost_is_for_a_person() -> None:
    decision = decide(case("sent", outcome="accepted"), Outcome("not_found"))
    assert decision.states == ("unknown",)
    assert decision.alert == "order.needs_a_person"


def test_another_attempt_follows_a_retryable_failure_until_there_were_enough() -> None:
    failed = Outcome("failed", reason="why", retryable=True)
    for status in ("sending", "sent", "unknown"):
        for attempt in range(1, MAX_ATTEMPTS):
            assert decide(case(status, attempt), failed).states == ("queued",)
        assert decide(case(status, MAX_ATTEMPTS), failed).states == ("failed",)


def test_what_the_rail_took_and_then_had_no_money_for_waits_too() -> None:
    empty = Outcome("failed", reason="why", retryable=True, waiting="float_empty")
    decision = decide(case("sent", 50, "accepted"), empty)
    assert (decision.states, decision.money, decision.outcome) == (("queued",), (), "failed")
    assert (decision.waiting, decision.alert) == ("float_empty", "order.waiting")


def test_an_empty_float_never_fails_an_order_however_often() -> None:
    empty = Outcome("not_sent", waiting="float_empty")
    decision = decide(case(attempt=50), empty)
    assert decision.states == ("queued",)
    assert decision.waiting == "float_empty"


def test_an_operator_is_told_once_that_an_order_waits() -> None:
    empty = Outcome("not_sent", waiting="float_empty")
    assert decide(case(), empty).alert == "order.waiting"
    assert decide(case(waiting="float_empty"), empty).alert is None


@pytest.mark.parametrize(
    ("status", "answer"),
    list(
        itertools.product(
            ENDED,
            ("accepted", "unknown", "not_found", "not_sent", "canceled"),
        )
    ),
)
def test_final_states_stand_whatever_the_rail_says_later(status: Status, answer: str) -> None:
    decision = decide(case(status, outcome=status), Outcome(answer))  # type: ignore[arg-type]  # drawn
    assert decision.states == ()
    assert decision.money == ()


def test_a_payment_that_came_back_before_it_was_seen_to_succeed_passes_through_both() -> None:
    decision = decide(case("unknown"), Outcome("returned", reason="why"))
    assert decision.states == ("succeeded", "returned")
    assert decision.money == ("settle", "return")


@pytest.mark.parametrize(
    ("status", "states"),
    [
        ("sending", ("sent", "canceled")),
        ("unknown", ("sent", "canceled")),
        ("sent", ("canceled",)),
    ],
)
def test_what_the_rail_gave_back_unclaimed_is_canceled_and_released(
    status: Status, states: tuple[Status, ...]
) -> None:
    decision = decide(case(status), Outcome("canceled"))
    assert (decision.states, decision.money) == (states, ("release",))
    assert (decision.due_in_s, decision.outcome) == (None, "canceled")


@given(cases)
def test_a_payment_given_back_after_it_had_ended_moves_no_money(at: Case) -> None:
    decision = decide(at, Outcome("canceled"))
    if at.status in ENDED:
        assert (decision.states, decision.money) == ((), ())
        assert (decision.alert is not None) == (at.status == "succeeded")


def test_an_operator_is_told_what_the_rail_waits_for_but_not_that_the_payee_takes_time() -> None:
    at = case("sent", outcome="accepted")
    approval = Outcome("accepted", waiting="approval_at_rail")
    decision = decide(at, approval)
    assert (decision.waiting, decision.alert) == ("approval_at_rail", "order.waiting")
    assert decide(replace(at, waiting="approval_at_rail"), approval).alert is None
    decision = decide(at, Outcome("accepted", waiting=UNCLAIMED))
    assert (decision.waiting, decision.alert) == (UNCLAIMED, None)
    decision = decide(replace(at, waiting=UNCLAIMED), Outcome("accepted"))
    assert decision.waiting is None


def test_only_the_rails_refusal_ends_the_taking_back() -> None:
    still = Outcome("accepted", waiting=UNCLAIMED)
    looked = replace(
        case("sent", outcome="accepted", waiting=TAKING_BACK), takes_back=True, action="look_up"
    )
    decision = decide(looked, still)
    assert (decision.waiting, decision.due_in_s) == (TAKING_BACK, 0.0)
    refused = decide(replace(looked, action="take_back"), still)
    assert refused.waiting == UNCLAIMED
    assert refused.due_in_s
    unable = decide(replace(looked, takes_back=False), still)
    assert unable.waiting == UNCLAIMED
    assert unable.due_in_s
    lost = decide(replace(looked, action="take_back"), Outcome("unknown"))
    assert (lost.states, lost.waiting, lost.outcome) == ((), TAKING_BACK, "accepted")


@given(cases, answers)
def test_no_order_is_tried_again_and_again_without_a_pause(at: Case, answer: Outcome) -> None:
    """Due at once is what is then asked something else: sent again, or taken back."""
    decision = decide(at, answer)
    if decision.due_in_s == 0:
        again = decision.states == ("queued",) and decision.rounds == at.rounds + 1
        assert again or (decision.waiting == TAKING_BACK and at.takes_back)
