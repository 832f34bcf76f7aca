"""The rows of quotes, orders and attempts, what names an order's destination, and which event each
state makes. States are in payviox.order_states. Amounts are US cents."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from payviox import ids
from payviox.order_states import GIVES_BACK, Status
from payviox.rails.orders import Provider, Quote, ReadyOrder
from payviox.rails.waiting import Waiting

EVENT_OF: dict[Status, str] = {
    "created": "payout.created",
    "sending": "payout.processing",
    "succeeded": "payout.succeeded",
    "failed": "payout.failed",
    "rejected": "payout.rejected",
    "canceled": "payout.canceled",
    "returned": "payout.returned",
}
"""What the business is told on entering a state: once for each order and type."""

UNCLAIMED: Waiting = "unclaimed"
"""`waiting` of a sent order that the payee has not claimed: it can still be taken back."""
CAN_BE_TAKEN_BACK: frozenset[str | None] = frozenset({UNCLAIMED, "bank_cooling", "bank_file"})
"""`waiting` of a sent order that its rail has and can still take back: the payee has not claimed
it, or it is in no file to the bank yet."""
TAKING_BACK: Waiting = "taking_back"
"""`waiting` of such an order after somebody canceled it, until its rail has said what came of
it."""

MAX_REFERENCE = 44
"""`ord_<uuid>.<number>`, for 999 attempts; the strictest rail takes 63 characters."""


def reference(order_id: UUID, attempt: int) -> str:
    """The name of one attempt at the rail, committed before the rail is called."""
    text = f"{ids.show(ids.ORDER, order_id)}.{attempt}"
    if len(text) > MAX_REFERENCE:
        raise OverflowError(f"order {order_id} has had too many attempts")
    return text


@dataclass(frozen=True, slots=True)
class Order:
    """An order's row with its payout user's email address."""

    business_id: UUID
    id: UUID
    payout_user_id: UUID
    email: str
    provider: Provider
    rail: str
    status: Status
    amount: int
    fees: int
    net_amount: int
    destination: dict[str, Any]
    review_reasons: list[str]
    reviewed_digest: bytes | None
    note: str | None
    failure: str | None
    waiting: str | None
    attempt: int
    due_at: datetime | None
    rail_order_id: str | None
    details: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    trace: str | None

    @property
    def can_be_taken_back(self) -> bool:
        """Whether its rail has it and can still take it back."""
        return self.status == "sent" and self.waiting in CAN_BE_TAKEN_BACK

    @property
    def digest(self) -> bytes:
        """What a review binds: how much goes where."""
        return review_digest(self.provider, self.amount, self.net_amount, self.destination)

    @property
    def ready(self) -> ReadyOrder:
        """The order as it was validated before it was kept, with the rail's id that it has now."""
        return ReadyOrder(
            self.business_id,
            self.id,
            self.provider,
            self.rail,
            self.amount,
            self.fees,
            self.net_amount,
            self.destination,
            self.email,
            self.rail_order_id,
            given_back=self.status in (*GIVES_BACK, "returned"),
        )


@dataclass(frozen=True, slots=True)
class KeptQuote(Quote):
    """What a rail quoted, as it was kept for one payout user."""

    id: UUID
    provider: Provider
    rail: str
    expired: bool
    used: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call to a rail and what came of it."""

    number: int
    reference: str
    outcome: str | None
    answer: dict[str, Any] | None
    rail_order_id: str | None
    started_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class StateEntry:
    """One line of an order's story."""

    number: int
    status: str
    actor: str
    note: str | None
    created_at: datetime


def destination_digest(provider: Provider, destination: dict[str, Any]) -> bytes:
    """Names a destination, so that its other uses are found; what a rail promised to send there is
    no part of it."""
    if provider == "crypto":
        destination = {name: destination[name] for name in ("currency", "chain", "to_address")}
    if provider == "bank":
        destination = {"account": destination["account"]}
    return _digest([provider, destination])


def payee_digest(provider: Provider, destination: dict[str, Any]) -> bytes | None:
    """Names who is paid at a destination however it is spelled: a crypto address on whatever chain,
    a PayPal address without what its mailbox ignores, a bank account by its number. None for gift
    cards, which everybody buys for themselves."""
    match provider:
        case "paypal":
            return _digest([provider, _mailbox(destination["email"])])
        case "crypto":
            return _digest([provider, destination["to_address"].lower()])
        case "gift_card":
            return None
        case "bank":
            return _digest([provider, destination["payee"]])


def _mailbox(email: str) -> str:
    """`a.da+1@googlemail.com` → `ada@gmail.com`. Whoever else's mail ignores plus tags is reviewed
    rather than missed."""
    local, _, domain = email.rpartition("@")
    local = local.partition("+")[0] or local
    if domain in ("gmail.com", "googlemail.com"):
        return f"{local.replace('.', '')}@gmail.com"
    return f"{local}@{domain}"


def review_digest(
    provider: Provider, amount: int, net_amount: int, destination: dict[str, Any]
) -> bytes:
    return _digest([provider, amount, net_amount, destination])


def _digest(value: object) -> bytes:
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).digest()
