"""What is asked of the allocation engine and what it answers. Amounts are US cents."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from payviox.actors import Actor
from payviox.errors import PayvioxError


class Item(msgspec.Struct, frozen=True):
    """One allocation to be made. `email` is canonical. `key_id` is the API key it came under, to be
    re-checked at the commit (None: a trusted command, or an operator). `idempotency_key` goes with
    the `digest` of its request, as hex; `actor` is kept where a person or a restricted key did it.
    `notify` says whether they get a mail (None: as the business has set it). `place` is the address
    that a restricted key was used from ("" where nobody knows), None for any other."""

    email: str
    amount: int
    key_id: str | None = None
    reference: str | None = None
    idempotency_key: str | None = None
    digest: str | None = None
    actor: Actor | None = None
    notify: bool | None = None
    place: str | None = None


def own_key(*parts: object) -> str:
    """An idempotency key that we make. It has blanks, as no caller's has: nobody who calls takes
    the place of what is paid here."""
    return " ".join(map(str, parts))


class Allocated(msgspec.Struct, frozen=True):
    """Money is with the payout user, committed; `replayed` when an earlier call did it. `hash` is
    empty for a restricted key that may not see it."""

    user_id: str
    hash: str
    replayed: bool = False


Outcome = Allocated | PayvioxError


class Refused(Exception):
    """Not everything of an all-or-nothing list could be allocated, so nothing was."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        super().__init__("some items were refused")
        self.outcomes = list(outcomes)


class Payout(msgspec.Struct):
    """The locked payout account and what of the business the allocations depend on."""

    account_id: str
    balance: int
    version: int
    hash_code: str
    enabled: bool
    hash_lifetime_days: int | None
    notify: bool
    keys: list[str]


class SpendingKey(msgspec.Struct):
    """A restricted key that works, with what it may do and has spent on this `day`, in cents;
    `spending` is what it spends in this group, `allowed` the addresses found to be its own."""

    id: str
    scopes: list[str]
    networks: list[str]
    amount_limit: int | None
    daily_limit: int | None
    day: str
    spent: int
    spending: int = 0
    allowed: set[str] = set()


class User(msgspec.Struct):
    """A payout user with the locked account's balance and version; `new` until written, `touched`
    when paid, `hash` once it was asked for."""

    id: str
    email: str
    active: bool
    hash_key_id: str
    generation: int
    balance: int
    version: int
    new: bool = False
    touched: bool = False
    hash: str = ""


class TransferRow(msgspec.Struct, omit_defaults=True):
    """One transfer as the engine's statement reads it: short names, they are sent a thousand at a
    time."""

    u: str
    a: int
    fv: int
    fb: int
    tv: int
    tb: int
    r: str | None = None
    k: str | None = None
    d: str | None = None
    ac: str | None = None


class AccountRow(msgspec.Struct):
    u: str
    b: int
    v: int


class UserRow(msgspec.Struct):
    u: str
    e: str
    k: str
    h: str


class NoticeRow(msgspec.Struct):
    """So many cents that a payout user gets a mail about."""

    u: str
    i: str
    a: int


class SpendingRow(msgspec.Struct):
    """So many cents that a restricted key has spent on a day."""

    k: str
    d: str
    a: int


class Writes(msgspec.Struct):
    """Everything that a group writes, ready for its statements."""

    business_id: UUID
    group_id: UUID
    payout: Payout
    users: list[UserRow]
    accounts: list[AccountRow]
    transfers: list[TransferRow]
    notices: list[NoticeRow]
    spending: list[SpendingRow]
