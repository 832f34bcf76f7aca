"""What a comparison makes of one order or payment: the classes that its cents are in, and what
earlier items say of them. Pure; amounts are US cents.

Every cent of a subject is in exactly one class, on our side and on the rail's:

    what the rail says left  = matched + coming + Σ differences > 0 + explained > 0
    what our books say left  = matched + unconfirmed + |Σ differences < 0| + |explained < 0|
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from payviox.ledger.suspense import BY_ITSELF, COST_CAUSES, Cause, Item
from payviox.rails.protocol import Entry


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
class Resolved:
    """What persons have resolved: `kept` stays booked as left by the rail, `waived` is not, and is
    no difference any more either."""

    kept: int = 0
    waived: int = 0


def valued(items: Sequence[Item], *, costs: bool) -> list[Item]:
    """The items that hold, of those about payments or those about costs."""
    return [
        item
        for item in items
        if (item.amount != 0 if item.is_open else item.resolved_by != BY_ITSELF)
        and (item.cause in COST_CAUSES) == costs
    ]


def weigh(
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
    """Puts every cent into its class: what differs and is no difference to be told of is moving."""
    payments = [d.amount for d in differences if d.cause not in COST_CAUSES]
    rest = told - booked - waived - sum(payments)
    beyond = sum(amount for amount in payments if amount > 0)
    now = sum(d.amount for d in open_now(items) if d.cause not in COST_CAUSES)
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


def paid_by(entry: Entry, net_amount: int) -> int:
    """What left by this entry. A rail that names no amount is believed to have paid ours."""
    if entry.state != "paid":
        return 0
    return net_amount if entry.amount is None else entry.amount


def resolved_of(items: Sequence[Item], *, costs: bool) -> Resolved:
    by_persons = [
        item
        for item in items
        if not item.is_open
        and item.resolved_by != BY_ITSELF
        and (item.cause in COST_CAUSES) == costs
    ]
    waived = sum(item.amount for item in by_persons if item.resolution == "explained")
    return Resolved(sum(item.amount for item in by_persons) - waived, waived)


def open_now(items: Sequence[Item]) -> list[Difference]:
    return [
        Difference(cast("Cause", item.cause), item.amount)
        for item in items
        if item.is_open and item.cause != "stuck"
    ]


def costs_of(booked: int, entries: Sequence[Entry], items: Sequence[Item]) -> tuple[int, int]:
    """What is booked and explained, and what the rail charged; what it says nothing of is as it
    was. What a rail shows beside a payment that failed may have been charged (a network's fee) or
    not (a vendor's): it counts as far as it is booked."""
    resolved = resolved_of(items, costs=True)
    ours = booked + resolved.kept + resolved.waived
    costs = [(entry.state, entry.cost) for entry in entries if entry.cost is not None]
    paid = [cost for state, cost in costs if state in ("paid", "returned")]
    failed = [cost for state, cost in costs if state == "failed"]
    if paid or failed:
        return ours, sum(paid) + min(sum(failed), max(ours - sum(paid), 0))
    still = sum(item.amount for item in items if item.is_open and item.cause in COST_CAUSES)
    return ours, ours + still


def cost_difference(costs: tuple[int, int]) -> list[Difference]:
    booked, charged = costs
    return [Difference("cost_differs", charged - booked)] if booked != charged else []
