"""The rail protocol: quote, validate, submit, look up, and what a rail says of its own books. A
rail is never called inside a transaction, and never without a reference that is already committed.
Amounts are US cents."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable
from uuid import UUID

from payviox.rails.failures import FailureWords
from payviox.rails.fees import FeePolicy
from payviox.rails.orders import Provider, Quote, ReadyOrder, Request
from payviox.rails.waiting import Waiting


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the rail says of a reference.

    - accepted: the rail has it, its end is not known yet (look up again after `again_s`)
    - succeeded, failed: its end; failed with a `reason` for the payout user; `retryable` allows
      another attempt
    - returned: it had succeeded and the money came back
    - canceled: it was never claimed and is taken back; nobody was paid, nobody will be
    - not_sent: surely not sent, the same attempt may be handed back to the queue; `waiting` says
    why (`float_empty`, `out_of_stock`), so that the operator is told
    - unknown: sent or not, nobody can say yet
    - not_found: (look-up only) the rail never heard of the reference, or cannot be asked for it;
    unless the rail is `authoritative`, nothing but sending the same reference again finds out

    With accepted, `waiting` says what the rail itself waits for (`unclaimed`: the payee has not
    claimed it and it can still be taken back; `approval_at_rail`; `gas_empty`).

    `again_s` asks for another look-up after so many seconds; with succeeded or failed it says that
    the rail may still change its mind (returned after success, paid after all).
    `rail_order_id` is the rail's own id, `details` go into the webhook's provider object (and are
    plain JSON), `cost` is what the rail really charged, in cents, where it says so. `exchange` is
    what the payer keeps, in cents, of a payment in another currency by the rate that the books
    take, with succeeded; below zero for a loss.
    """

    state: Literal[
        "accepted",
        "succeeded",
        "failed",
        "returned",
        "canceled",
        "not_sent",
        "unknown",
        "not_found",
    ]
    reason: FailureWords | None = None
    retryable: bool = False
    waiting: Waiting | None = None
    rail_order_id: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    cost: int | None = None
    exchange: int = 0
    again_s: float | None = None
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Method:
    """A provider as a payout user may use it. Amounts in cents. `options` is what there is to
    choose from: of each kind the choices with what belongs to them, such as `chains` with their
    currencies."""

    provider: Provider
    enabled: bool
    min_amount: int
    max_amount: int
    options: Mapping[str, Any] = field(default_factory=dict)


Environment = Literal["sandbox", "live"]


@dataclass(frozen=True, slots=True)
class Account:
    """A business's own account at a rail. `environment` is live for live businesses alone. Limits
    and `low_float`, below which the operator is told, in cents. `settings` hold nothing secret,
    `credentials` nothing else."""

    business_id: UUID
    rail: str
    environment: Environment
    enabled: bool
    min_amount: int | None
    max_amount: int | None
    low_float: int | None
    fees: FeePolicy
    settings: Mapping[str, Any]
    credentials: Mapping[str, str] = field(repr=False)


class Accounts(Protocol):
    """Where rails find the account that a business connected."""

    async def find(self, business_id: UUID, rail: str) -> Account | None:
        """The account, enabled or not; None where the business has none that can be opened."""
        ...

    async def find_to_route(self, business_id: UUID, rail: str) -> Account | None:
        """The account by which it is decided where new orders go; None where the business has none.
        One whose credentials cannot be read is there, without them and disabled."""
        ...


@dataclass(frozen=True, slots=True)
class Holding:
    """What a rail's account still holds of one asset. `amount` is a decimal as text in the asset's
    own unit, `cents` its worth in US cents where that is known."""

    asset: str
    amount: str
    cents: int | None
    low: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """An attempt of ours, as a statement is compared with."""

    order: ReadyOrder
    reference: str
    created_at: datetime


EntryState = Literal["paid", "pending", "failed", "returned"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A payment in the rail's own books. `reference` is ours where the rail kept it; `amount` what
    the payee gets and `cost` what the rail charged, in cents, None where it does not say.

    paid: it left our account there; pending: it may still; failed: it did not, or came back before
    the payee had it; returned: the payee had it and it came back.
    """

    reference: str | None
    rail_order_id: str | None
    state: EntryState
    amount: int | None
    cost: int | None = None
    at: datetime | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check of an account found: `problem` says what is wrong and what to do about
    it, None where all is well. `harmless`: payments go on all the same."""

    subject: str
    problem: str | None = None
    detail: str | None = None
    harmless: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """A payment as a callback names it: by our reference, by the rail's own id of it, or by both.
    An id beside a reference is kept as a hint: a look-up by it still finds out whose it is."""

    reference: str | None = None
    rail_order_id: str | None = None


@dataclass(frozen=True, slots=True)
class Callback:
    """A rail's verified word that something happened: a hint. `event_id` is the rail's name for
    it, `named` the payments that it is about."""

    event_id: str
    named: tuple[Named, ...] = ()


class Forged(Exception):
    """A callback that its rail did not sign, or that nobody can check; the message says why."""


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
    countries: tuple[str, ...] = ()
    image: str | None = None
    max_face_value: int | None = None
    """Where the buyer chooses the value: the most; `face_value` and `price` are the least then."""
    is_test: bool = False
    """Whether it only tries how a payment can end."""


@dataclass(frozen=True, slots=True)
class RevealedCode:
    """What makes a gift card worth its money: for its owner's eyes alone. A code, or a link."""

    code: str | None = field(default=None, repr=False)
    pin: str | None = field(default=None, repr=False)
    link: str | None = field(default=None, repr=False)


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

    async def read_float(self, business_id: UUID) -> list[Holding]:
        """What the business's account at the rail still holds; nothing where that has no meaning.
        Raises RailError."""
        ...

    def statement(
        self, business_id: UUID, since: datetime, known: AsyncIterator[Sequence[Known]]
    ) -> AsyncIterator[Sequence[Entry]]:
        """The rail's own books since then, page by page: every payment where the rail lists them
        (`lists_all`), else those of the `known` attempts. Raises RailError."""
        ...

    lists_all: bool
    """Whether a statement has every payment, so that one that it lacks was not made."""


class RailError(Exception):
    """The rail could not be asked; the message says why and what to do."""


@runtime_checkable
class Connected(Protocol):
    """A rail at which each business has an account of its own."""

    def serves(self, account: Account, provider: Provider, destination: Mapping[str, Any]) -> bool:
        """Whether a destination is one of this account's; an empty one asks for the provider."""
        ...

    def options(self, account: Account) -> Mapping[str, Any]:
        """What there is to choose from, for `Method.options`."""
        ...

    async def check(self, account: Account) -> list[Finding]:
        """Calls something harmless with these credentials and says what is wrong, if anything."""
        ...

    async def close(self) -> None:
        """Hang up."""
        ...


class KeepsDestinations(Protocol):
    """Keeps what a payout user names of a destination where orders, quotes and saved destinations
    must not hold all of it."""

    async def keep(
        self, business_id: UUID, user_id: UUID, destination: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The destination as orders hold it; the same for what is named so again. Raises
        Invalid."""
        ...


@runtime_checkable
class NamesOwner(Protocol):
    """A rail that says whose account credentials open, which nothing else of the account does."""

    async def owner(self, account: Account) -> str:
        """The id of who owns the account there. Raises RailError."""
        ...


@runtime_checkable
class KeepsPayable(Protocol):
    """A rail at which a payment can stay payable for good, however long nothing comes of it."""

    async def still_payable(self, business_id: UUID, reference: str) -> str | None:
        """Why nobody may say of this reference that it was not paid and never will be, and what to
        do so that it is so; None where it is so."""
        ...


@runtime_checkable
class TakesBack(Protocol):
    """A rail at which what the payee has not claimed can be taken back."""

    async def take_back(self, order: ReadyOrder, reference: str) -> Outcome:
        """Take it back: canceled, or what became of it instead."""
        ...


@runtime_checkable
class CallsBack(Protocol):
    """A rail that tells us by HTTP that something happened."""

    async def parse_callback(
        self, account: Account, headers: Mapping[str, str], body: bytes
    ) -> Callback:
        """Verifies and reads it; header names are in lower case. Raises Forged, and RailError where
        it could not be verified just now."""
        ...


@runtime_checkable
class KeepsCatalogue(Protocol):
    """A rail whose catalogue is kept here and fetched anew now and then."""

    async def refresh(self, business_id: UUID) -> int:
        """Fetch it; answers how many products can be offered. Raises RailError, and the old ones
        stay."""
        ...


@runtime_checkable
class SellsGiftCards(Protocol):
    """A rail with gift cards of its own, beside the stock."""

    async def catalogue(self, business_id: UUID) -> Sequence[GiftCard]:
        """What it sells."""
        ...

    async def reveal(self, order: ReadyOrder) -> RevealedCode:
        """The code or link of an order that succeeded. Raises RailError."""
        ...
