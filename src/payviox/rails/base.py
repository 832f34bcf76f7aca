"""The rail protocol: quote, validate, submit, look up. What is not validated cannot be submitted: a
`ReadyOrder` comes from `validate`, or from the row that such a one was kept in. A rail is never
called inside a transaction, and never without a reference that is already committed. Amounts are US
cents."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable
from uuid import UUID

Provider = Literal["paypal", "crypto", "gift_card"]


@dataclass(frozen=True, slots=True)
class Request:
    """What a payout user asks for: an amount to some destination. `destination` is the provider's
    object of the wire contract. Exactly one of `amount` (gross) and `net_amount` is given."""

    business_id: UUID
    provider: Provider
    destination: Mapping[str, Any]
    amount: int | None = None
    net_amount: int | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """What a withdrawal would cost: amount = fees + net_amount. `destination` is normalised."""

    amount: int
    fees: int
    net_amount: int
    destination: dict[str, Any]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ReadyOrder:
    """A validated order. Only a rail's `validate` makes one."""

    business_id: UUID
    order_id: UUID
    provider: Provider
    amount: int
    fees: int
    net_amount: int
    destination: dict[str, Any]
    recipient_email: str


class Invalid(Exception):
    """The request cannot be an order: field names (`paypal.email`) with their messages."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        super().__init__("the rail refuses the request")
        self.fields = dict(fields)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the rail says of a reference.

    - accepted: the rail has it, its end is not known yet (look up again after `again_s`)
    - succeeded, failed: its end; failed with a `reason` for the payout user; `retryable` allows
      another attempt
    - returned: it had succeeded and the money came back
    - not_sent: surely not sent, the same attempt may be handed back to the queue; `waiting` says
    why (`float_empty`, `out_of_stock`), so that the operator is told - unknown: sent or not, nobody
    can say yet - not_found: (look-up only) the rail never heard of the reference

    `again_s` asks for another look-up after so many seconds; with succeeded or failed it says that
    the rail may still change its mind (returned after success, paid after all).
    `rail_order_id` is the rail's own id, `details` go into the webhook's provider object (and are
    plain JSON), `cost` is what the rail really charged, in cents, where it says so.
    """

    state: Literal[
        "accepted", "succeeded", "failed", "returned", "not_sent", "unknown", "not_found"
    ]
    reason: str | None = None
    retryable: bool = False
    waiting: str | None = None
    rail_order_id: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    cost: int | None = None
    again_s: float | None = None
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Method:
    """A provider as a payout user may use it. Amounts in cents."""

    provider: Provider
    enabled: bool
    min_amount: int
    max_amount: int


@dataclass(frozen=True, slots=True)
class GiftCard:
    """A product that a rail sells. Price and face value in cents of their currencies."""

    id: str
    name: str
    brand: str
    country: str
    currency: str
    face_value: int
    price: int
    available: bool = True


@dataclass(frozen=True, slots=True)
class RevealedCode:
    """What makes a gift card worth its money: for its owner's eyes alone."""

    code: str = field(repr=False)
    pin: str | None = field(default=None, repr=False)


class Rail(Protocol):
    """One way for money to leave. The same verbs for all."""

    name: str
    """Names the rail's accounts in the ledger."""

    remembers_s: float | None
    """How long the rail deduplicates a reference, in seconds; None: for good. After that an unknown
    attempt is never sent again by itself."""

    authoritative: bool
    """Whether a look-up that finds nothing, once the call must have ended, proves that nothing was
    sent and that nothing of that call can still arrive."""

    async def quote(self, request: Request) -> Quote:
        """Fees, net and expiry. Raises Invalid. No side effects."""
        ...

    async def validate(
        self, order_id: UUID, quote: Quote, request: Request, email: str
    ) -> ReadyOrder:
        """A ready order. Raises Invalid. No side effects."""
        ...

    async def submit(self, order: ReadyOrder, reference: str) -> Outcome:
        """Send it under this reference. The same reference again never pays twice."""
        ...

    async def look_up(self, order: ReadyOrder, reference: str) -> Outcome:
        """What became of this reference."""
        ...


@runtime_checkable
class SellsGiftCards(Protocol):
    """A rail with gift cards of its own, beside the stock."""

    def catalogue(self) -> list[GiftCard]:
        """What it sells."""
        ...

    def reveal(self, order_id: UUID) -> RevealedCode:
        """The code of an order that succeeded; the same whenever it is asked for."""
        ...
