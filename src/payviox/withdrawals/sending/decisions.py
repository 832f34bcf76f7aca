"""What a rail's answer does to an order: the new states, the money, the next look. Pure, so that
every combination can be tried. Times are seconds."""

from dataclasses import dataclass
from typing import Literal

from payviox.acts import Alert
from payviox.order_states import GIVES_BACK, Status, check_transition
from payviox.rails.protocol import Outcome
from payviox.rails.waiting import Waiting
from payviox.withdrawals.model import (
    CAN_BE_TAKEN_BACK,
    TAKING_BACK,
    UNCLAIMED,
)

Action = Literal["submit", "look_up", "take_back"]
"""What a rail is called for."""

Money = Literal["settle", "release", "return", "paid_after_all", "back_after_all"]

MAX_ATTEMPTS = 5
"""Attempts that failed retryably before the order fails."""

BELIEVE_NOT_FOUND_S = 60.0
"""Younger attempts that the rail has not heard of may still be on their way."""

MAX_ROUNDS = 8
"""How often in a row an attempt is sent again because its rail has not heard of it. A rail that
breaks at every call would be tried for ever, and nobody told."""

SILENT_ROUNDS = 3
"""How many look-ups in a row may be in vain after a rail has taken an order."""

UNKNOWN_S = 24 * 3600.0
"""An attempt that is unknown for so long, or longer than its rail remembers, is for a person."""

FASTEST_LOOK_S, SLOWEST_LOOK_S = 1.0, 6 * 3600.0
FIRST_ROUND_S, LAST_ROUND_S = 60.0, 3 * 3600.0
FASTEST_WAIT_S, SLOWEST_WAIT_S = 5.0, 900.0

FASTEST_ATTEMPT_S, SLOWEST_ATTEMPT_S = 60.0, 3600.0
"""Between attempts that fail for want of something: each takes a number, and those are bounded."""

LAST_LOOK_S = 31 * 86_400.0
"""An attempt whose order has ended is not looked up again by itself when it is older: what changes
later, reconciliation finds."""

NEEDS_A_PERSON: Waiting = "person"
"""`waiting` of an order whose outcome nothing automatic will find out."""

NO_OPERATORS_BUSINESS = frozenset(
    {
        UNCLAIMED,
        TAKING_BACK,
        *("bank_answer", "bank_cooling", "bank_file", "bank_release", "bank_returns"),
    }
)
"""`waiting` of orders that wait for their payee, or for their rail to give them back; and of those
that go their usual way through a file."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is known when a rail answers. `outcome` is what the attempt's earlier answers came to;
    `rounds` is how often in a row it was sent again because its rail had not heard of it, or looked
    up in vain after the rail had taken it; `action` is what was asked, of a rail that takes back
    what nobody claims or that does not."""

    status: Status
    attempt: int
    outcome: str | None
    attempt_age_s: float
    order_age_s: float
    waiting: str | None
    remembers_s: float | None
    authoritative: bool = False
    rounds: int = 0
    action: Action = "look_up"
    takes_back: bool = False

    @property
    def was_accepted(self) -> bool:
        """Whether the rail once said that it has the payment."""
        return self.status == "sent" or self.outcome == "accepted"

    @property
    def is_for_a_person(self) -> bool:
        """Whether somebody was told to find out what became of it: nobody may act behind them."""
        return self.status == "unknown" and self.waiting == NEEDS_A_PERSON

    @property
    def is_overdue(self) -> bool:
        """Whether it has been open for so long that a person should know."""
        return self.attempt_age_s > min(self.remembers_s or UNKNOWN_S, UNKNOWN_S)


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do. `states` are entered one after another; `due_in_s` None means: no more looks;
    `rounds` None leaves the attempt's as they are."""

    states: tuple[Status, ...] = ()
    money: tuple[Money, ...] = ()
    due_in_s: float | None = None
    waiting: str | None = None
    failure: str | None = None
    outcome: str | None = None
    alert: Alert | None = None
    rounds: int | None = None


def decide(case: Case, answer: Outcome) -> Decision:
    """What this answer does to an order in this case."""
    if case.status == "succeeded":
        decision = _after_success(case, answer)
    elif case.status in GIVES_BACK:
        decision = _after_giving_back(case, answer)
    else:
        decision = _open(case, answer)
    status = case.status
    for state in decision.states:
        check_transition(status, state)
        status = state
    return decision


def _open(case: Case, answer: Outcome) -> Decision:  # noqa: PLR0911  # one for each answer
    if case.action == "take_back" and answer.state in ("not_sent", "not_found"):
        # Said of the taking back, not of the payment.
        return _unknown(case, answer)
    match answer.state:
        case "succeeded":
            return Decision(("succeeded",), ("settle",), answer.again_s, outcome="succeeded")
        case "returned":
            return Decision(
                ("succeeded", "returned"),
                ("settle", "return"),
                failure=answer.reason,
                outcome="returned",
            )
        case "failed":
            return _failed(case, answer)
        case "canceled":
            return Decision((*_via_sent(case), "canceled"), ("release",), outcome="canceled")
        case "accepted":
            return _accepted(case, answer)
        case "not_sent":
            return _not_sent(case, answer)
        case "not_found":
            return _not_found(case, answer)
        case "unknown":
            return _unknown(case, answer)


def _via_sent(case: Case) -> tuple[Status, ...]:
    return () if case.status == "sent" else ("sent",)


def _accepted(case: Case, answer: Outcome) -> Decision:
    # It was to be taken back and is still there: a look-up alone does not end that, the rail's
    # refusal does.
    still = case.takes_back and case.waiting == TAKING_BACK and case.action != "take_back"
    if still and answer.waiting in CAN_BE_TAKEN_BACK:
        return Decision(due_in_s=0.0, waiting=TAKING_BACK, outcome="accepted")
    return Decision(
        _via_sent(case),
        due_in_s=_next_look(case, answer),
        waiting=answer.waiting,
        outcome="accepted",
        alert=_waiting_alert(case, answer),
        rounds=0,
    )


def _failed(case: Case, answer: Outcome) -> Decision:
    if case.action == "submit" and case.outcome is not None and answer.rail_order_id is None:
        # This call was refused. An earlier one under the same reference may have been paid.
        return _needs_a_person(case, answer)
    another = answer.waiting or case.attempt < MAX_ATTEMPTS
    if answer.retryable and another and not case.is_for_a_person:
        due = answer.again_s
        if due is None:
            due = _next_attempt(case) if answer.waiting else 5.0 * 2**case.attempt
        return Decision(
            ("queued",),
            due_in_s=due,
            waiting=answer.waiting,
            outcome="failed",
            alert=_waiting_alert(case, answer),
        )
    return Decision(
        ("failed",), ("release",), answer.again_s, failure=answer.reason, outcome="failed"
    )


def _not_sent(case: Case, answer: Outcome) -> Decision:
    if case.was_accepted or case.is_for_a_person:
        # It took the order and now says that it never did: keep asking, tell somebody.
        return _needs_a_person(case, answer)
    alert = _waiting_alert(case, answer)
    if case.status == "sending" and case.outcome == "not_found":
        # An earlier call under the same reference may have arrived, whatever this one says of
        # itself: another look may find it, and then it is sent again.
        if case.is_overdue:
            return _needs_a_person(case, answer)
        return Decision(
            ("unknown",),
            due_in_s=max(_next_wait(case), BELIEVE_NOT_FOUND_S),
            waiting=answer.waiting,
            outcome="not_found",
            alert=alert,
            rounds=0,
        )
    earlier = case.outcome if case.status == "sending" else None
    return Decision(
        ("queued",),
        due_in_s=_next_wait(case) if answer.again_s is None else answer.again_s,
        waiting=answer.waiting,
        outcome=earlier or "not_sent",
        alert=alert,
        rounds=0,
    )


def _not_found(case: Case, answer: Outcome) -> Decision:
    if case.was_accepted or case.is_for_a_person:
        return _needs_a_person(case, answer)
    if case.attempt_age_s < BELIEVE_NOT_FOUND_S:
        return _unknown(case, answer)
    forgotten = case.remembers_s is not None and case.attempt_age_s >= case.remembers_s
    if forgotten or case.rounds >= MAX_ROUNDS:
        return _needs_a_person(case, answer)
    # Where a look-up proves nothing, the order is not taken for unsent: the same reference again
    # finds out. It still waits for what it waited for.
    return Decision(
        ("queued",),
        due_in_s=_next_round(case),
        waiting=None if case.waiting == NEEDS_A_PERSON else case.waiting,
        outcome="not_sent" if case.authoritative else "not_found",
        rounds=case.rounds + 1,
    )


def _unknown(case: Case, answer: Outcome) -> Decision:
    if case.was_accepted:
        return _silent(case, answer)
    if case.is_overdue:
        return _needs_a_person(case, answer)
    states: tuple[Status, ...] = ("unknown",) if case.status == "sending" else ()
    return Decision(
        states, due_in_s=_next_look(case, answer), waiting=case.waiting, outcome="unknown"
    )


def _silent(case: Case, answer: Outcome) -> Decision:
    """The rail had taken the order and cannot say what became of it. Once may be a bad moment."""
    if case.rounds >= SILENT_ROUNDS and case.attempt_age_s > UNKNOWN_S:
        return _needs_a_person(case, answer)
    return Decision(
        due_in_s=_next_look(case, answer),
        waiting=case.waiting,
        outcome="accepted",
        rounds=case.rounds + 1,
    )


def _needs_a_person(case: Case, answer: Outcome) -> Decision:
    """Stays unknown and is still looked up, ever more rarely; nothing is sent again by itself."""
    return Decision(
        () if case.status == "unknown" else ("unknown",),
        due_in_s=_next_look(case, answer),
        waiting=NEEDS_A_PERSON,
        outcome="accepted" if case.was_accepted else case.outcome or "unknown",
        alert=None if case.waiting == NEEDS_A_PERSON else "order.needs_a_person",
    )


def _after_success(case: Case, answer: Outcome) -> Decision:
    match answer.state:
        case "returned":
            return Decision(("returned",), ("return",), failure=answer.reason, outcome="returned")
        case "succeeded":
            return Decision(due_in_s=answer.again_s, outcome="succeeded")
        case "unknown":
            return Decision(due_in_s=_second_look(case, answer), outcome="succeeded")
        case "not_found" if not case.authoritative:
            # A person found it before the rail's look-up does.
            return Decision(due_in_s=_second_look(case, answer), outcome="succeeded")
        case _:
            return Decision(outcome="succeeded", alert="order.contradicted_after_success")


def _after_giving_back(case: Case, answer: Outcome) -> Decision:
    """The payout user has the money again: failed, or taken back before it was sent, as we knew."""
    if case.outcome == "succeeded":  # booked as paid after all already
        back: tuple[Money, ...] = ("back_after_all",) if answer.state == "returned" else ()
        return Decision(money=back, outcome="succeeded")
    match answer.state:
        case "succeeded":
            return Decision(
                money=("paid_after_all",), outcome="succeeded", alert="order.paid_after_all"
            )
        case "failed":
            return Decision(due_in_s=answer.again_s, outcome="failed")
        case "unknown":
            return Decision(due_in_s=_second_look(case, answer), outcome=case.outcome)
        case "not_found" | "not_sent" | "returned" | "canceled":
            return Decision(outcome=case.outcome)
        case "accepted":
            return Decision(
                due_in_s=_second_look(case, answer),
                outcome=case.outcome,
                alert="order.contradicted_after_failure",
            )


def _waiting_alert(case: Case, answer: Outcome) -> Alert | None:
    quiet = (None, case.waiting, *NO_OPERATORS_BUSINESS)
    return None if answer.waiting in quiet else "order.waiting"


def _next_look(case: Case, answer: Outcome) -> float:
    """When to look again: as the rail asks, else the older the attempt, the later."""
    if answer.again_s is not None:
        return answer.again_s
    return min(max(case.attempt_age_s / 2, FASTEST_LOOK_S), SLOWEST_LOOK_S)


def _second_look(case: Case, answer: Outcome) -> float | None:
    return _next_look(case, answer) if case.attempt_age_s < LAST_LOOK_S else None


def _next_attempt(case: Case) -> float:
    return min(FASTEST_ATTEMPT_S * 2.0 ** min(case.attempt - 1, 10), SLOWEST_ATTEMPT_S)


def _next_round(case: Case) -> float:
    """When to try again: at once, then ever later, to within half a day: a rail that is ill for an
    hour leaves nothing for a person to do."""
    if not case.rounds:
        return 0.0
    return min(FIRST_ROUND_S * 4.0 ** (case.rounds - 1), LAST_ROUND_S)


def _next_wait(case: Case) -> float:
    """Ever more rarely: a hundred thousand orders that wait must not keep the others waiting."""
    return min(max(case.order_age_s / 4, FASTEST_WAIT_S), SLOWEST_WAIT_S)
