"""Tremendous' books: organizations, orders of one reward each, and the money that moves as an
order's status does."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from random import Random
from typing import Any
from uuid import uuid4

from .clock import Agenda
from .money import share

DAY = 86_400.0


@dataclass(frozen=True)
class Step:
    """A status, `after_s` simulated seconds after the one before it. `delivery` is the reward's."""

    status: str
    after_s: float = 0.0
    delivery: str = "SUCCEEDED"


def _at_last(status: str) -> tuple[Step, ...]:
    return (Step(status), Step("EXECUTED", DAY))


COURSES: dict[str, tuple[Step, ...]] = {
    "executed": (Step("EXECUTED"),),
    "cart": (Step("CART"),),
    "open": _at_last("OPEN"),
    "pending-approval": (Step("PENDING APPROVAL"),),
    "approved-later": _at_last("PENDING APPROVAL"),
    "pending-internal": _at_last("PENDING INTERNAL PAYMENT APPROVAL"),
    "pending-settlement": _at_last("PENDING SETTLEMENT"),
    "rejected": (Step("PENDING APPROVAL"), Step("CANCELED", DAY)),
    "failed": (Step("FAILED"),),
    "failed-later": (Step("OPEN"), Step("FAILED", DAY)),
    "canceled": (Step("EXECUTED"), Step("CANCELED", DAY)),
    "delivery-failed": (Step("EXECUTED", 0.0, "FAILED"),),
    "delivery-pending": (Step("EXECUTED", 0.0, "PENDING"), Step("EXECUTED", DAY)),
    "delivery-scheduled": (Step("EXECUTED", 0.0, "SCHEDULED"), Step("EXECUTED", DAY)),
    "failed-then-executed": (Step("FAILED"), Step("EXECUTED", DAY)),
    "regress": (Step("EXECUTED"), Step("OPEN", DAY), Step("EXECUTED", DAY)),
    "strange": (Step("UNDER REVIEW"),),
}
"""What becomes of an order, by its recipient's address: `failed@…`, `pending-approval+any@…`."""


@dataclass
class Organization:
    """Somebody's account. `dry` says what happens without funds: `refuse` the call (402), or `fail`
    the order. An order cannot be seen before `shows_after_s`. None in `per_second`: no limit."""

    api_key: str
    balance: int = 1_000_000_00
    funding_source_id: str = "FUNDINGSRC1"
    webhook_id: str = "WEBHOOK1TREM"
    webhook_key: str = "a private key of the webhook"
    callback_url: str | None = None
    fee_bp: int = 0
    dry: str = "refuse"
    per_second: int | None = None
    shows_after_s: float = 0.0
    course: str | None = None
    calls: list[float] = field(default_factory=list)
    put_in: int = 0
    id: str = field(default_factory=lambda: f"ORG{uuid4().hex[:9].upper()}")


@dataclass
class Order:
    """An order of one reward. `links` counts how many were ever made."""

    id: str
    reward_id: str
    organization: Organization = field(repr=False)
    sent: dict[str, Any]
    amount: int
    fee: int
    created: float
    status: str = "OPEN"
    delivery: str = "SCHEDULED"
    steps: list[Step] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    money_out: bool = False
    refunded: int = 0
    times_paid: int = 0
    times_returned: int = 0
    history: list[tuple[float, str]] = field(default_factory=list)
    turn: int = 0

    @property
    def reference(self) -> str:
        return str(self.sent.get("external_id") or "")

    @property
    def email(self) -> str:
        return str((self.sent["reward"].get("recipient") or {}).get("email") or "")

    @property
    def method(self) -> str:
        return str((self.sent["reward"].get("delivery") or {}).get("method") or "EMAIL")


@dataclass(frozen=True)
class Rule:
    """Orders that match all that is given take this course."""

    course: tuple[Step, ...]
    email: str = "*"
    reference: str = "*"
    amount: int | None = None
    product: str | None = None

    def matches(self, order: Order) -> bool:
        products = order.sent["reward"].get("products") or []
        return (
            fnmatchcase(order.email, self.email)
            and fnmatchcase(order.reference, self.reference)
            and self.amount in (None, order.amount)
            and (self.product is None or self.product in products)
        )


def read(course: Any) -> tuple[Step, ...]:
    """A course by its name, or written out as a list of steps."""
    if isinstance(course, str):
        return COURSES[course]
    return tuple(Step(**step) for step in course)


@dataclass
class Books:
    """All that Tremendous knows. `tell` is called with the name of an event and its order."""

    agenda: Agenda
    random: Random
    organizations: dict[str, Organization] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    by_reference: dict[tuple[str, str], Order] = field(default_factory=dict)
    by_reward: dict[str, Order] = field(default_factory=dict)
    tell: Callable[[str, Order], None] | None = None
    rules: list[Rule] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def new_id(self) -> str:
        start = f"{next(self._numbers):X}Z"
        return start + "".join(self.random.choices("23456789ABCDEFGHJK", k=12 - len(start)))

    def cost(self, organization: Organization, amount: int) -> int:
        return amount + share(amount, organization.fee_bp, None)

    def accept(self, organization: Organization, sent: dict[str, Any], amount: int) -> Order:
        """An order whose body is right. Its first status is there at once, as the call waits for
        it."""
        fee = share(amount, organization.fee_bp, None)
        now = self.agenda.now()
        order = Order(self.new_id(), self.new_id(), organization, sent, amount, fee, now)
        self.orders[order.id] = order
        self.by_reward[order.reward_id] = order
        if order.reference:
            self.by_reference[organization.id, order.reference] = order
        self._tell("ORDERS.CREATED", order)
        if amount + fee > organization.balance:
            self.move(order, "FAILED")
        else:
            order.steps = list(self.course_of(order))
            self._take_step(order, order.turn)
        return order

    def shown(self, organization: Organization, order: Order) -> bool:
        """Whether the organization can see an order, its own, yet."""
        seen_from = order.created + organization.shows_after_s
        return order.organization is organization and self.agenda.now() >= seen_from

    def move(self, order: Order, status: str, delivery: str | None = None) -> None:
        """The order's status changes, and the money with it."""
        order.turn += 1
        self._book(order, status)
        order.status = status
        order.history.append((self.agenda.now(), status))
        if delivery is not None and status == "EXECUTED":
            order.delivery = delivery
        if status == "EXECUTED" and order.method == "LINK" and not order.links:
            self.new_link(order)
        if status in ("CANCELED", "FAILED"):
            self._tell(f"ORDERS.{status}", order)
        if status == "EXECUTED" and order.method != "LINK":
            self._tell(f"REWARDS.DELIVERY.{order.delivery}", order)

    def new_link(self, order: Order) -> str:
        link = f"https://testflight.tremendous.com/rewards/payout/{uuid4().hex}"
        order.links.append(link)
        return link

    def course_of(self, order: Order) -> tuple[Step, ...]:
        for rule in self.rules:
            if rule.matches(order):
                return rule.course
        asked = COURSES.get(order.email.split("@")[0].split("+")[0].lower())
        return asked or read(order.organization.course or "executed")

    def _tell(self, event: str, order: Order) -> None:
        if self.tell is not None:
            self.tell(event, order)

    def _take_step(self, order: Order, turn: int) -> None:
        if order.turn != turn or not order.steps:
            return
        step = order.steps.pop(0)
        self.move(order, step.status, step.delivery)
        if order.steps:
            turn = order.turn
            self.agenda.after(order.steps[0].after_s, lambda: self._take_step(order, turn))

    def _book(self, order: Order, status: str) -> None:
        organization, price = order.organization, order.amount + order.fee
        # A pending order already holds its money; an executed one has spent it.
        out = status not in ("CANCELED", "FAILED")
        if out and not order.money_out:
            organization.balance -= price
            order.refunded = 0
        if not out and order.money_out:
            organization.balance += price
            order.refunded = price
        order.money_out = out
        if status == "EXECUTED" and order.status != "EXECUTED":
            order.times_paid += 1
        if order.status == "EXECUTED" and status != "EXECUTED":
            order.times_returned += 1
