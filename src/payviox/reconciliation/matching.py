"""What one order, or one payment that no order of ours made, comes to when our books and the rail's
are laid side by side. Pure, so that every combination can be tried. Amounts are US cents.

Every cent of a subject is in exactly one class, on our side and on the rail's:

    what the rail says left  = matched + coming + Σ differences > 0 + explained > 0
    what our books say left  = matched + unconfirmed + |Σ differences < 0| + |explained < 0|
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from payviox.ledger.suspense import BY_ITSELF, COST_CAUSES, Cause, Item
from payviox.rails.base import Entry
from payviox.withdrawals.statements import OPEN, SentAttempt, Stated

LOOKED_UP = frozenset({"sent", "unknown", "succeeded", "failed"})
"""States of orders whose rail the worker asks when it is told to."""

CONFIRMABLE: frozenset[Cause] = frozenset({"paid_not_booked", "returned_not_booked"})
"""What a look-up would book by itself, if the rail tells it what it tells its statement."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a comparison judges. `asked_at` is when the rail's statement was asked for, `since` from
    when on it is told. Durations in seconds: what is younger than `young_s` is still moving, what
    waits for longer than `stuck_s` without a cause is stuck, and a look-up that nobody makes is
    waited for during `look_up_s`."""

    asked_at: datetime
    since: datetime
    lists_all: bool
    young_s: float = 300
    stuck_s: float = 3 * 86_400
    look_up_s: float = 3_600

    def is_young(self, at: datetime | None) -> bool:
        return at is not None and at > self.asked_at - timedelta(seconds=self.young_s)

    def is_old(self, at: datetime) -> bool:
        return at < self.asked_at - timedelta(seconds=self.stuck_s)


@dataclass(frozen=True, slots=True)
class Difference:
    """An item to be: its cause and what left by the rail beyond what our books say."""

    cause: Cause
    amount: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a subject comes to.

    `reserved` is in transit in our ledger; `coming` left by the rail and will be booked,
    `unconfirmed` is booked and not told by the rail yet: in transit too, for a while. `differences`
    are what is to be open as items, those of costs among them; while it is `undecided`, they are
    what is open already. `explained` is what people have explained by hand. `costs` are what we
    booked and what the rail charged, as far as it says. `look_up` asks for one.

    `booked` is what our books say left, and `told` what the rail says; `settled` is what of it is
    in the rail's settled account now, with what is open as items.
    """

    booked: int
    told: int
    settled: int
    matched: int
    reserved: int
    coming: int
    unconfirmed: int
    explained: int
    differences: tuple[Difference, ...]
    costs: tuple[int, int]
    undecided: bool = False
    look_up: bool = False

    @property
    def beyond(self) -> int:
        """What the rail paid beyond our books and nobody has explained."""
        return sum(max(d.amount, 0) for d in self.differences if d.cause not in COST_CAUSES)

    @property
    def missing(self) -> int:
        """What we booked, the rail did not pay, and nobody has explained."""
        return sum(max(-d.amount, 0) for d in self.differences if d.cause not in COST_CAUSES)


@dataclass(frozen=True, slots=True)
class _Resolved:
    """What persons have resolved: `kept` stays booked as left by the rail, `waived` is not, and is
    no difference any more either."""

    kept: int = 0
    waived: int = 0


def match(ours: Stated, entries: Sequence[Entry], items: Sequence[Item], terms: Terms) -> Verdict:
    """An order of ours, the rail's entries of its attempts, and every item that it has had."""
    order = ours.order
    resolved = _resolved(items, costs=False)
    booked = order.settled + resolved.kept
    told = sum(_paid(entry, order.net_amount) for entry in entries)
    gap = told - booked - resolved.waived
    costs = _costs(order.cost, entries, items)
    found = _causes(ours, entries, items, gap, booked)
    stuck = [Difference("stuck", 0)] if not gap and _is_stuck(ours, items, terms) else []
    moving = _is_moving(ours, entries, terms, nothing_to_say=not (gap or items))
    asking = not moving and _awaits_look_up(ours, entries, items, found, terms)
    if moving or asking:
        differences = [*_open_now(items), *stuck]
    else:
        differences = [*found, *_cost_difference(costs), *stuck]
    return _verdict(
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
    resolved = _resolved(items, costs=False)
    told = sum(_paid(entry, 0) for entry in entries)
    valued = _valued(items, costs=False)
    if paid and valued:
        told = sum(item.amount for item in valued)
    gap = told - resolved.kept - resolved.waived
    costs = _costs(0, [] if _valued(items, costs=True) else entries, items)
    found: list[Difference] = []
    # Of a payment that nobody can value a person is told all the same.
    if gap > 0 or (paid and not told and not valued):
        found = [Difference("unknown_payment", gap)]
    elif gap < 0:
        returned = any(entry.state == "returned" for entry in entries)
        found = [Difference("returned_not_booked" if returned else "amount_differs", gap)]
    moving = any(terms.is_young(entry.at) for entry in entries)
    differences = _open_now(items) if moving else [*found, *_cost_difference(costs)]
    return _verdict(
        told, resolved.kept, resolved.waived, differences, costs, items, undecided=moving
    )


def _valued(items: Sequence[Item], *, costs: bool) -> list[Item]:
    """The items that hold, of those about payments or those about costs."""
    return [
        item
        for item in items
        if (item.amount != 0 if item.is_open else item.resolved_by != BY_ITSELF)
        and (item.cause in COST_CAUSES) == costs
    ]


def _verdict(
    told: int,
    booked: int,
    waived: int,
    differences: Sequence[Difference],
    costs: tuple[int, int],
    items: Sequence[Item],
    *,
    reserved: int = 0,
    undecided: bool = False,
    look_up: bool = False,
) -> Verdict:
    payments = [d.amount for d in differences if d.cause not in COST_CAUSES]
    rest = told - booked - waived - sum(payments)
    beyond = sum(amount for amount in payments if amount > 0)
    now = sum(d.amount for d in _open_now(items) if d.cause not in COST_CAUSES)
    return Verdict(
        booked=booked,
        told=told,
        settled=booked + now,
        matched=told - max(rest, 0) - beyond - max(waived, 0),
        reserved=reserved,
        coming=max(rest, 0),
        unconfirmed=max(-rest, 0),
        explained=waived,
        differences=tuple(differences),
        costs=costs,
        undecided=undecided,
        look_up=look_up,
    )


def _paid(entry: Entry, net_amount: int) -> int:
    """What left by this entry. A rail that names no amount is believed to have paid ours."""
    if entry.state != "paid":
        return 0
    return net_amount if entry.amount is None else entry.amount


def _resolved(items: Sequence[Item], *, costs: bool) -> _Resolved:
    by_persons = [
        item
        for item in items
        if not item.is_open
        and item.resolved_by != BY_ITSELF
        and (item.cause in COST_CAUSES) == costs
    ]
    waived = sum(item.amount for item in by_persons if item.resolution == "explained")
    return _Resolved(sum(item.amount for item in by_persons) - waived, waived)


def _open_now(items: Sequence[Item]) -> list[Difference]:
    return [
        Difference(cast("Cause", item.cause), item.amount)
        for item in items
        if item.is_open and item.cause != "stuck"
    ]


def _causes(
    ours: Stated, entries: Sequence[Entry], items: Sequence[Item], gap: int, booked: int
) -> list[Difference]:
    """What a gap between what the rail paid and what is booked is made of."""
    order = ours.order
    paid = [_paid(entry, order.net_amount) for entry in entries if entry.state == "paid"]
    found: list[Difference] = []
    # Once such an item was closed, its booking and the processor's cancel each other out.
    closed = any(item.cause == "paid_after_all" and not item.is_open for item in items)
    if gap > 0 and order.paid_after_all and not closed:
        found.append(Difference("paid_after_all", order.paid_after_all))
    elif gap > 0 and not booked:
        found.append(Difference("paid_not_booked", min(gap, paid[0]) if paid else gap))
    rest = gap - sum(difference.amount for difference in found)
    if rest > 0 and len(paid) > 1:
        found.append(Difference("paid_twice", rest))
    elif rest > 0 or (rest < 0 and paid):
        found.append(Difference("amount_differs", rest))
    elif rest < 0:
        returned = any(entry.state == "returned" for entry in entries)
        found.append(Difference("returned_not_booked" if returned else "not_paid", rest))
    return found


def _costs(booked: int, entries: Sequence[Entry], items: Sequence[Item]) -> tuple[int, int]:
    """What is booked and explained, and what the rail charged; what it says nothing of is as it
    was."""
    resolved = _resolved(items, costs=True)
    ours = booked + resolved.kept + resolved.waived
    told = [e.cost for e in entries if e.state in ("paid", "returned") and e.cost is not None]
    if told:
        return ours, sum(told)
    still = sum(item.amount for item in items if item.is_open and item.cause in COST_CAUSES)
    return ours, ours + still


def _cost_difference(costs: tuple[int, int]) -> list[Difference]:
    booked, charged = costs
    return [Difference("cost_differs", charged - booked)] if booked != charged else []


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
    found: Sequence[Difference],
    terms: Terms,
) -> bool:
    """Whether the worker is to ask the rail first, which may book the difference by itself."""
    order = ours.order
    causes = {difference.cause for difference in found} & CONFIRMABLE
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
