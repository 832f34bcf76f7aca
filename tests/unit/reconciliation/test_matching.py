"""Matching on books made up at random: every cent lands in exactly one class on either side, and
each difference that was put in is found with its cause, and nothing else is."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payviox import ids
from payviox.ledger.suspense import BY_ITSELF, Item
from payviox.rails.protocol import Entry
from payviox.reconciliation.matching import match, match_unknown
from payviox.reconciliation.verdicts import Difference, Terms, Verdict
from payviox.withdrawals.queries.statements import Booked, SentAttempt
from payviox.withdrawals.statements import Stated

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
EARLIER = NOW - timedelta(hours=5)
TERMS = Terms(NOW, NOW - timedelta(days=35), lists_all=True)
BUSINESS = UUID(int=7)


def order(status: str, net: int, fees: int = 0, **more: Any) -> Booked:
    """An order that last changed five hours ago, with its money where its state says."""
    paid = status == "succeeded"
    is_open = status in ("review", "queued", "sending", "sent", "unknown")
    given: dict[str, Any] = {
        "business_id": BUSINESS,
        "id": ids.new(),
        "payout_user_id": UUID(int=8),
        "email": "ada@example.com",
        "provider": "paypal",
        "rail": "vendor",
        "status": status,
        "amount": net + fees,
        "fees": fees,
        "net_amount": net,
        "destination": {},
        "review_reasons": [],
        "reviewed_digest": None,
        "note": None,
        "failure": None,
        "waiting": None,
        "attempt": 1,
        "due_at": None,
        "rail_order_id": None,
        "details": {},
        "trace": None,
        "created_at": EARLIER,
        "updated_at": EARLIER,
        "settled": net if paid else 0,
        "paid_after_all": 0,
        "reserved": net + fees if is_open else 0,
        "cost": 0,
        "look_up_asked_at": None,
    }
    return Booked(**{**given, **more})


def stated(booked: Booked, attempts: int = 1, answered_at: datetime | None = EARLIER) -> Stated:
    """With its attempts, all made five hours ago."""
    made = [
        SentAttempt(
            booked.id,
            number,
            f"ord_{booked.id}.{number}",
            None,
            None,
            EARLIER,
            answered_at,
        )
        for number in range(1, attempts + 1)
    ]
    return Stated(booked, tuple(made))


def entry(ours: Stated, state: Any, amount: int | None, attempt: int = 1, **more: Any) -> Entry:
    reference = f"ord_{ours.order.id}.{attempt}"
    return Entry(reference, f"V-{reference}", state, amount, at=EARLIER, **more)


def item(found: Difference, **more: Any) -> Item:
    """An open item of this difference."""
    return Item(
        **{
            "business_id": BUSINESS,
            "id": ids.new(),
            "rail": "vendor",
            "cause": found.cause,
            "subject": "x",
            "order_id": None,
            "amount": found.amount,
            "evidence": {},
            "opened_at": NOW,
            "seen_at": NOW,
            "alerted_at": None,
            "resolved_at": None,
            "resolved_by": None,
            "resolution": None,
            "reason": None,
            **more,
        }
    )


@dataclass
class Case:
    """One order or payment, and what a comparison must make of it."""

    ours: Stated | None
    entries: list[Entry]
    wanted: list[tuple[str, int]] = field(default_factory=list)

    def judge(self, items: list[Item]) -> Verdict:
        if self.ours is None:
            return match_unknown(self.entries, items, TERMS)
        return match(self.ours, self.entries, items, TERMS)


Amounts = st.integers(1, 10**8)
LOOKED: dict[str, Any] = {"look_up_asked_at": EARLIER - timedelta(hours=1)}


def agreeing(draw: Callable[..., Any]) -> Case:
    net, cost = draw(Amounts), draw(st.integers(0, 500))
    kind = draw(st.sampled_from(["paid", "failed", "never", "returned", "pending", "review"]))
    match kind:
        case "paid":
            ours = stated(order("succeeded", net, cost=cost))
            return Case(ours, [entry(ours, "paid", net, cost=cost)])
        case "failed":
            ours = stated(order("failed", net), attempts=2)
            return Case(ours, [entry(ours, "failed", net, attempt=1)])
        case "never":
            return Case(stated(order("canceled", net), attempts=0), [])
        case "returned":
            ours = stated(order("returned", net, cost=cost))
            return Case(ours, [entry(ours, "returned", net, cost=cost)])
        case "pending":
            ours = stated(order("sent", net, 30))
            return Case(ours, [entry(ours, "pending", net)])
    return Case(stated(order("review", net, 30), attempts=0), [])


def differing(draw: Callable[..., Any]) -> Case:
    net, more = draw(Amounts), draw(Amounts)
    cause = draw(
        st.sampled_from(
            [
                "paid_after_all",
                "paid_not_booked",
                "not_paid",
                "unheard_of",
                "amount_differs",
                "cost_differs",
                "paid_twice",
                "unknown_payment",
                "returned_not_booked",
                "stuck",
            ]
        )
    )
    match cause:
        case "paid_after_all":
            ours = stated(order("failed", net, paid_after_all=net, **LOOKED))
            return Case(ours, [entry(ours, "paid", net)], [(cause, net)])
        case "paid_not_booked":
            status = draw(st.sampled_from(["canceled", "rejected", "queued", "failed", "sent"]))
            ours = stated(order(status, net, **LOOKED))
            return Case(ours, [entry(ours, "paid", more)], [(cause, more)])
        case "not_paid" | "unheard_of":
            ours = stated(order("succeeded", net))
            told = [entry(ours, "failed", net)] if cause == "not_paid" else []
            return Case(ours, told, [("not_paid", -net)])
        case "amount_differs":
            ours = stated(order("succeeded", net))
            told_amount = net + more if draw(st.booleans()) else draw(st.integers(0, net - 1))
            return Case(ours, [entry(ours, "paid", told_amount)], [(cause, told_amount - net)])
        case "cost_differs":
            ours = stated(order("succeeded", net, cost=5))
            return Case(ours, [entry(ours, "paid", net, cost=5 + more)], [(cause, more)])
        case "paid_twice":
            ours = stated(order("succeeded", net), attempts=2)
            both = [entry(ours, "paid", net, attempt=1), entry(ours, "paid", more, attempt=2)]
            return Case(ours, both, [(cause, more)])
        case "unknown_payment":
            name = str(ids.new())
            return Case(None, [Entry(None, name, "paid", more, at=EARLIER)], [(cause, more)])
        case "returned_not_booked":
            ours = stated(order("succeeded", net, **LOOKED))
            return Case(ours, [entry(ours, "returned", net)], [(cause, -net)])
    ours = stated(order("sent", net, updated_at=NOW - timedelta(days=4)))
    return Case(ours, [entry(ours, "pending", net)], [("stuck", 0)])


@st.composite
def cases(draw: Callable[..., Any]) -> Case:
    return differing(draw) if draw(st.booleans()) else agreeing(draw)


def check_every_cent(found: Verdict) -> None:
    """Each side's cents are in exactly one class, none of them less than nothing."""
    theirs = found.matched + found.coming + found.beyond + max(found.explained, 0)
    ours = found.matched + found.unconfirmed + found.missing + max(-found.explained, 0)
    assert (theirs, ours) == (found.told, found.booked)
    assert min(found.matched, found.coming, found.unconfirmed, found.beyond, found.missing) >= 0


@given(st.lists(cases(), min_size=1, max_size=12))
def test_every_cent_is_in_one_class_and_each_difference_is_found_with_its_cause(
    made: list[Case],
) -> None:
    for case in made:
        verdict = case.judge([])
        check_every_cent(verdict)
        assert [(d.cause, d.amount) for d in verdict.differences] == case.wanted
        assert not verdict.undecided or not (case.wanted or verdict.look_up)
        reserved = 0 if case.ours is None else case.ours.order.reserved
        assert verdict.reserved == reserved
    told = sum(e.amount or 0 for case in made for e in case.entries if e.state == "paid")
    assert sum(case.judge([]).told for case in made) == told


@given(cases(), st.sampled_from(["explained", "absorbed", "charged", "written_off"]))
def test_a_difference_stays_one_item_until_a_person_resolves_it_for_good(
    case: Case, resolution: str
) -> None:
    open_items = [item(found) for found in case.judge([]).differences]
    again = case.judge(open_items)
    check_every_cent(again)
    assert [(d.cause, d.amount) for d in again.differences] == case.wanted
    resolved = [
        replace(
            each,
            resolved_at=NOW,
            resolved_by="ada",
            resolution=resolution if each.amount else "explained",
        )
        for each in open_items
    ]
    after = case.judge(resolved)
    check_every_cent(after)
    assert after.differences == ()


@given(cases())
def test_what_explained_itself_once_and_differs_again_is_an_item_again(case: Case) -> None:
    closed = [
        item(found, resolved_at=NOW, resolved_by=BY_ITSELF, resolution="explained")
        for found in case.judge([]).differences
    ]
    found = [(d.cause, d.amount) for d in case.judge(closed).differences]
    assert len(found) == len(case.wanted)
    assert sum(amount for _, amount in found) == sum(amount for _, amount in case.wanted)


@given(cases(), st.sampled_from(["order", "entry"]))
def test_nothing_is_decided_while_either_side_is_still_moving(case: Case, which: str) -> None:
    if case.ours is None:
        which = "entry"
    elif not case.entries:
        which = "order"
    if which == "entry":
        case.entries = [replace(each, at=NOW) for each in case.entries]
    elif case.ours is not None:
        case.ours = Stated(replace(case.ours.order, updated_at=NOW), case.ours.attempts)
    if case.wanted == [("stuck", 0)]:
        return
    verdict = case.judge([])
    check_every_cent(verdict)
    assert verdict.differences == ()
    assert not verdict.look_up


@given(cases())
def test_what_is_open_stays_open_while_either_side_is_still_moving(case: Case) -> None:
    open_items = [item(found) for found in case.judge([]).differences if found.cause != "stuck"]
    case.entries = [replace(each, at=NOW) for each in case.entries]
    if case.ours is not None:
        case.ours = Stated(replace(case.ours.order, updated_at=NOW), case.ours.attempts)
    verdict = case.judge(open_items)
    check_every_cent(verdict)
    assert [(d.cause, d.amount) for d in verdict.differences] == [
        (each.cause, each.amount) for each in open_items
    ]


@pytest.mark.parametrize("status", ["sent", "unknown", "failed"])
def test_a_payment_that_a_look_up_would_book_is_looked_up_first(status: str) -> None:
    ours = stated(order(status, 100))
    told = [entry(ours, "paid", 100)]
    assert match(ours, told, [], TERMS).look_up
    asked = replace(ours.order, look_up_asked_at=NOW - timedelta(minutes=1))
    waiting = match(Stated(asked, ours.attempts), told, [], TERMS)
    assert (waiting.look_up, waiting.coming, waiting.differences) == (False, 100, ())
    late = replace(ours.order, look_up_asked_at=NOW - timedelta(hours=2), updated_at=EARLIER)
    (found,) = match(Stated(late, ours.attempts), told, [], TERMS).differences
    assert found == Difference("paid_not_booked", 100), "nobody looks"


def test_an_older_attempt_is_not_looked_up_by_the_worker() -> None:
    ours = stated(order("failed", 100), attempts=2)
    (found,) = match(ours, [entry(ours, "paid", 100, attempt=1)], [], TERMS).differences
    assert found == Difference("paid_not_booked", 100)


def test_both_attempts_of_an_order_that_was_not_booked_are_told_apart() -> None:
    ours = stated(order("canceled", 100), attempts=2)
    both = [entry(ours, "paid", 100, attempt=1), entry(ours, "paid", 100, attempt=2)]
    assert match(ours, both, [], TERMS).differences == (
        Difference("paid_not_booked", 100),
        Difference("paid_twice", 100),
    )


def test_silence_about_an_attempt_from_before_the_statement_says_nothing() -> None:
    ours = stated(order("succeeded", 100))
    old = tuple(replace(a, started_at=NOW - timedelta(days=40)) for a in ours.attempts)
    verdict = match(Stated(ours.order, old), [], [], TERMS)
    assert (verdict.unconfirmed, verdict.differences) == (100, ())


def test_a_rail_that_names_no_amount_is_believed_to_have_paid_ours() -> None:
    ours = stated(order("succeeded", 100))
    verdict = match(ours, [entry(ours, "paid", None)], [], TERMS)
    assert (verdict.matched, verdict.differences) == (100, ())


def test_a_payment_that_the_rail_still_calls_pending_is_missed_after_days() -> None:
    ours = stated(order("succeeded", 100))
    told = [entry(ours, "pending", 100)]
    assert match(ours, told, [], TERMS).unconfirmed == 100
    old = Stated(replace(ours.order, updated_at=NOW - timedelta(days=4)), ours.attempts)
    assert match(old, told, [], TERMS).differences == (Difference("not_paid", -100),)


@pytest.mark.parametrize(
    "more", [{"waiting": "unclaimed"}, {"status": "review"}, {"updated_at": EARLIER}]
)
def test_what_has_a_cause_to_wait_or_has_moved_is_not_stuck(more: dict[str, Any]) -> None:
    ours = stated(order(**{"status": "sent", "net": 1, "updated_at": NOW - timedelta(9), **more}))
    assert match(ours, [entry(ours, "pending", 1)], [], TERMS).differences == ()


def test_an_unknown_payment_is_worth_what_it_was_when_it_was_first_seen() -> None:
    first = Entry(None, "0x1", "paid", 5_000, 12, at=EARLIER)
    opened = [item(found) for found in match_unknown([first], [], TERMS).differences]
    assert [(each.cause, each.amount) for each in opened] == [
        ("unknown_payment", 5_000),
        ("cost_differs", 12),
    ]
    dearer = replace(first, amount=5_100, cost=13)
    again = match_unknown([dearer], opened, TERMS)
    assert [d.amount for d in again.differences] == [5_000, 12]
    decided = [
        replace(each, resolved_at=NOW, resolved_by="ada", resolution="absorbed") for each in opened
    ]
    assert match_unknown([dearer], decided, TERMS).differences == ()


def test_an_unknown_payment_without_a_worth_is_told_and_valued_later() -> None:
    unpriced = Entry(None, "0x1", "paid", None, at=EARLIER)
    (found,) = match_unknown([unpriced], [], TERMS).differences
    assert found == Difference("unknown_payment", 0)
    assert match_unknown([unpriced], [item(found)], TERMS).differences == (found,)
    priced = replace(unpriced, amount=70)
    assert match_unknown([priced], [item(found)], TERMS).differences == (
        Difference("unknown_payment", 70),
    )
    known = item(found, resolved_at=NOW, resolved_by="ada", resolution="explained")
    assert match_unknown([unpriced], [known], TERMS).differences == ()
    assert match_unknown([priced], [known], TERMS).differences == ()


@pytest.mark.parametrize(("booked", "differs"), [(0, []), (4, [-1]), (3, []), (2, [])])
def test_a_cost_beside_a_failed_payment_counts_as_far_as_it_is_booked(
    booked: int, differs: list[int]
) -> None:
    ours = stated(order("failed", 100, cost=booked))
    told = [entry(ours, "failed", 100, cost=3)]
    assert [d.amount for d in match(ours, told, [], TERMS).differences] == differs


def test_what_every_attempt_cost_is_charged() -> None:
    ours = stated(order("succeeded", 100, cost=8), attempts=2)
    told = [entry(ours, "failed", 100, 1, cost=3), entry(ours, "paid", 100, 2, cost=5)]
    assert match(ours, told, [], TERMS).costs == (8, 8)
