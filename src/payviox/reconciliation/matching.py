"""Laying our books and the rail's side by side, for one order, or for one payment that no order of
ours made. Pure, so that every combination can be tried. Amounts are US cents."""

from collections.abc import Sequence
from datetime import timedelta

from payviox.ledger.suspense import BY_ITSELF, Cause, Item
from payviox.order_states import OPEN
from payviox.rails.protocol import Entry
from payviox.reconciliation.verdicts import (
    Difference,
    Terms,
    Verdict,
    cost_difference,
    costs_of,
    open_now,
    paid_by,
    resolved_of,
    valued,
    weigh,
)
from payviox.withdrawals.statements import SentAttempt, Stated

LOOKED_UP = frozenset({"sent", "unknown", "succeeded", "failed"})
"""States of orders whose rail the worker asks when it is told to."""

CONFIRMABLE: frozenset[Cause] = frozenset({"paid_not_booked", "returned_not_booked"})
"""What a look-up would book by itself, if the rail tells it what it tells its statement."""


def match(ours: Stated, entries: Sequence[Entry], items: Sequence[Item], terms: Terms) -> Verdict:
    """An order of ours, the rail's entries of its attempts, and every item that it has had."""
    order = ours.order
    resolved = resolved_of(items, costs=False)
    booked = order.settled + resolved.kept
    told = sum(paid_by(entry, order.net_amount) for entry in entries)
    gap = told - booked - resolved.waived
    costs = costs_of(order.cost, entries, items)
    causes = _causes(ours, entries, items, gap, booked)
    stuck = [Difference("stuck", 0)] if not gap and _is_stuck(ours, items, terms) else []
    moving = _is_moving(ours, entries, terms, nothing_to_say=not (gap or items))
    asking = not moving and _awaits_look_up(ours, entries, items, causes, terms)
    if moving or asking:
        differences = [*open_now(items), *stuck]
    else:
        differences = [*causes, *cost_difference(costs), *stuck]
    return weigh(
        told,
        booked,
        resolved.waived,
        differences,
        costs,
        items,
        reserved=order.reserved,
        undecided=moving or asking,
        look_up=asking and order.look_up_asked_at is None,
    )


def match_unknown(entries: Sequence[Entry], items: Sequence[Item], terms: Terms) -> Verdict:
    """A payment in the rail's books that no order of ours made, and every item that it has had.

    What it is worth is what it was when it was first seen: a rail may reckon that by today's price
    of a coin.
    """
    paid = any(entry.state == "paid" for entry in entries)
    resolved = resolved_of(items, costs=False)
    told = sum(paid_by(entry, 0) for entry in entries)
    known = valued(items, costs=False)
    if paid and known:
        told = sum(item.amount for item in known)
    gap = told - resolved.kept - resolved.waived
    costs = costs_of(0, [] if valued(items, costs=True) else entries, items)
    causes: list[Difference] = []
    # Of a payment that nobody can value a person is told all the same.
    if gap > 0 or (paid and not told and not known):
        causes = [Difference("unknown_payment", gap)]
    elif gap < 0:
        returned = any(entry.state == "returned" for entry in entries)
        causes = [Difference("returned_not_booked" if returned else "amount_differs", gap)]
    moving = any(terms.is_young(entry.at) for entry in entries)
    differences = open_now(items) if moving else [*causes, *cost_difference(costs)]
    return weigh(told, resolved.kept, resolved.waived, differences, costs, items, undecided=moving)


def _causes(
    ours: Stated, entries: Sequence[Entry], items: Sequence[Item], gap: int, booked: int
) -> list[Difference]:
    """What a gap between what the rail paid and what is booked is made of."""
    order = ours.order
    paid = [paid_by(entry, order.net_amount) for entry in entries if entry.state == "paid"]
    causes: list[Difference] = []
    # Once such an item was closed, its booking and the processor's cancel each other out.
    closed = any(item.cause == "paid_after_all" and not item.is_open for item in items)
    if gap > 0 and order.paid_after_all and not closed:
        causes.append(Difference("paid_after_all", order.paid_after_all))
    elif gap > 0 and not booked:
        causes.append(Difference("paid_not_booked", min(gap, paid[0]) if paid else gap))
    rest = gap - sum(difference.amount for difference in causes)
    if rest > 0 and len(paid) > 1:
        causes.append(Difference("paid_twice", rest))
    elif rest > 0 or (rest < 0 and paid):
        causes.append(Difference("amount_differs", rest))
    elif rest < 0:
        returned = any(entry.state == "returned" for entry in entries)
        causes.append(Difference("returned_not_booked" if returned else "not_paid", rest))
    return causes


def _is_moving(
    ours: Stated, entries: Sequence[Entry], terms: Terms, *, nothing_to_say: bool
) -> bool:
    """Whether what differs may do so only because one side has not caught up with the other, or
    because the rail was not asked about it."""
    order = ours.order
    if nothing_to_say and not entries:
        return False
    if terms.is_young(order.updated_at) or any(terms.is_young(e.at) for e in entries):
        return True
    if any(terms.is_young(attempt.started_at) for attempt in ours.attempts):
        return True
    if not entries:
        return not _would_be_listed(ours, terms)
    pending = any(entry.state == "pending" for entry in entries)
    return pending and not terms.is_old(order.updated_at)


def _would_be_listed(ours: Stated, terms: Terms) -> bool:
    """Whether the rail's silence says that nothing was paid."""
    if not ours.attempts:
        return True
    return terms.lists_all and all(a.started_at >= terms.since for a in ours.attempts)


def _awaits_look_up(
    ours: Stated,
    entries: Sequence[Entry],
    items: Sequence[Item],
    differences: Sequence[Difference],
    terms: Terms,
) -> bool:
    """Whether the worker is to ask the rail first, which may book the difference by itself."""
    order = ours.order
    causes = {difference.cause for difference in differences} & CONFIRMABLE
    if not causes or order.status not in LOOKED_UP or not ours.attempts:
        return False
    if any(item.is_open and item.cause in causes for item in items):
        return False
    last, asked_at = ours.attempts[-1], order.look_up_asked_at
    if not any(names(entry, last) and entry.state in ("paid", "returned") for entry in entries):
        return False
    if asked_at is None:
        return True
    answered = last.finished_at is not None and last.finished_at > asked_at
    return not answered and terms.asked_at - asked_at < timedelta(seconds=terms.look_up_s)


def names(entry: Entry, attempt: SentAttempt) -> bool:
    """Whether an entry is about this attempt."""
    if entry.reference == attempt.reference:
        return True
    return entry.rail_order_id is not None and entry.rail_order_id == attempt.rail_order_id


def _is_stuck(ours: Stated, items: Sequence[Item], terms: Terms) -> bool:
    order = ours.order
    if order.status not in OPEN or order.status == "review" or order.waiting is not None:
        return False
    known = any(
        item.cause == "stuck"
        and item.resolved_by not in (None, BY_ITSELF)
        and item.opened_at > order.updated_at
        for item in items
    )
    return terms.is_old(order.updated_at) and not known
