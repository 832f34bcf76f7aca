"""What the rail must remember of its wallets: which nonce is for which payment, and every
transaction that was signed. Amounts are in an asset's smallest unit, prices in wei per gas."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, Protocol
from uuid import UUID

from payviox.rails.waiting import Waiting


@dataclass(frozen=True, slots=True)
class Wallet:
    """A wallet on a chain, and whose it is. `address` in EIP-55 spelling."""

    business_id: UUID
    chain_id: int
    address: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a payment moves: `units` of a token, or of the native coin where `token` is None, for so
    many US cents of an order; and what it may use for it: so much `gas` at `max_price` each.
    `coin_rate` is what the native coin was worth then, in US dollars, where that was known: by it
    the network's fee is booked and stated alike. `block` was the newest when this was found out:
    what a block has that is not newer does not pay it."""

    token: str | None
    to: str
    units: int
    cents: int
    gas: int
    max_price: int
    coin_rate: Decimal | None = None
    block: int = 0

    @property
    def fee(self) -> int:
        """The most that the network may take for it, in wei."""
        return self.gas * self.max_price


@dataclass(frozen=True, slots=True)
class Seen:
    """What a node said of a wallet as of one `block`: how many of its transactions that block's
    chain has (`mined`), with those that wait (`pending`), and what it holds, in wei and in the
    token's units."""

    mined: int
    pending: int
    native: int
    token: int | None = None
    block: int = 0

    @property
    def used(self) -> int:
        """How many nonces are used, or will be as soon as there is room in a block."""
        return max(self.mined, self.pending)


@dataclass(frozen=True, slots=True)
class Payment:
    """The nonce that is for a reference, for good."""

    wallet: Wallet
    nonce: int
    reference: str
    transfer: Transfer
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Fees:
    """What a transaction offers, in wei per gas: EIP-1559's two caps, or one price (`tip` None); so
    much `gas` that it may use, None for the payment's; and the newest block when it was signed."""

    max_price: int
    tip: int | None
    gas: int | None = None
    block: int = 0


@dataclass(frozen=True, slots=True)
class Transaction:
    """A signed transaction of a payment, the `number`-th for its nonce. Whoever has `raw` can send
    it."""

    number: int
    hash: str
    raw: bytes = field(repr=False)
    fees: Fees
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Owed:
    """What payments that a block does not have yet will still take out of a wallet: of the native
    coin with all fees, in wei, and of each token, in its units."""

    native: int
    tokens: Mapping[str, int]


class TooLittle(Exception):
    """The wallet holds too little for one more payment; `waiting` says of what."""

    def __init__(self, waiting: Waiting, evidence: Mapping[str, Any]) -> None:
        super().__init__(waiting)
        self.waiting = waiting
        self.evidence = dict(evidence)


class NotOurs(Exception):
    """The wallet is another business's on this chain: their books could not be told apart."""


class UsedElsewhere(Exception):
    """The chain has `used` nonces of the wallet, and by our books only `ours` were given out:
    somebody else pays from it, or our books are older than what was paid by them."""

    def __init__(self, used: int, ours: int) -> None:
        super().__init__(f"{used} nonces are used, of which we know {ours}")
        self.used = used
        self.ours = ours


class Ended(Exception):
    """The call that asks is not the order's current one any more, or the order has ended: nothing
    may be sent for it."""


Holder = Literal["nobody", "open", "paid", "given_back"]
"""Whose a nonce is: no payment's; an order's that is under way and sees to it itself; one's that
has succeeded; one's whose money the payout user has again, or who gets it by a later nonce."""


class Books(Protocol):
    """Where nonces and transactions are kept. A payment once reserved is never given up: its nonce
    must be used, or all behind it wait for ever."""

    async def reserve(
        self, wallet: Wallet, order_id: UUID, reference: str, transfer: Transfer, seen: Seen
    ) -> Payment:
        """The next nonce, for this reference; the same again for the same reference. What earlier
        payments will still take is kept aside. Raises TooLittle, NotOurs, UsedElsewhere and Ended,
        and then no nonce was used."""
        ...

    async def find(self, business_id: UUID, reference: str) -> Payment | None:
        """The payment of a reference; None: it has no nonce, so nothing was ever signed for it."""
        ...

    async def transactions(self, payment: Payment) -> list[Transaction]:
        """Every transaction signed for it, in order."""
        ...

    async def store(
        self,
        order_id: UUID,
        payment: Payment,
        number: int,
        hash_: str,
        raw: bytes,
        fees: Fees,
    ) -> Transaction:
        """Keep a signed transaction before it is broadcast. Of several under one number the first
        is kept, and answered to all. Raises Ended where the order's money was given back, or where
        a later attempt pays it."""
        ...

    async def owed(self, wallet: Wallet, mined: int) -> Owed:
        """What the payments from this nonce on will still take."""
        ...

    async def next_nonce(self, wallet: Wallet) -> int | None:
        """How many nonces of the wallet were given out or used before; None before its first
        payment."""
        ...

    async def holder(self, wallet: Wallet, nonce: int) -> tuple[Holder, Payment | None]:
        """Whose a nonce is."""
        ...

    async def missing(self, wallet: Wallet, start: int, end: int) -> list[int]:
        """The nonces from `start` to before `end` that are no payment's of ours."""
        ...

    async def payments(
        self, business_id: UUID, since: datetime, after: str | None, limit: int
    ) -> Sequence[Payment]:
        """Payments reserved since then, by reference, behind the reference `after`."""
        ...

    async def hashes(self, business_id: UUID, hashes: Sequence[str]) -> set[str]:
        """Find which of these transaction hashes are ours."""
        ...
