"""The ledger's words: accounts named by their role, postings to make, transfers made."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

AccountKind = Literal[
    "main",
    "payout",
    "user",
    "in_transit",
    "settled",
    "fee_income",
    "rail_cost",
    "exchange",
    "suspense",
    "world",
]
TransferKind = Literal[
    "deposit",
    "funds_withdrawal",
    "fund",
    "defund",
    "allocation",
    "revocation",
    "expiry",
    "reserve",
    "settle",
    "fee",
    "cost",
    "exchange",
    "release",
    "return",
    "fee_return",
    "exchange_return",
    "paid_after_all",
    "suspense",
    "adjustment",
]

MAY_BE_NEGATIVE: frozenset[str] = frozenset({"world", "fee_income", "exchange", "suspense"})

MOVES: dict[str, frozenset[tuple[str, str, bool]]] = {
    "deposit": frozenset({("world", "main", False)}),
    "funds_withdrawal": frozenset({("main", "world", False)}),
    "fund": frozenset({("main", "payout", False)}),
    "defund": frozenset({("payout", "main", False)}),
    "allocation": frozenset({("payout", "user", False)}),
    "revocation": frozenset({("user", "payout", False)}),
    "expiry": frozenset({("user", "payout", False)}),
    "reserve": frozenset({("user", "in_transit", True)}),
    "settle": frozenset({("in_transit", "settled", True)}),
    "fee": frozenset({("in_transit", "fee_income", True)}),
    "cost": frozenset({("fee_income", "rail_cost", True)}),
    "exchange": frozenset({("settled", "exchange", True), ("exchange", "settled", True)}),
    "release": frozenset({("in_transit", "user", True)}),
    "return": frozenset({("settled", "user", True)}),
    "fee_return": frozenset({("fee_income", "user", True)}),
    "exchange_return": frozenset({("settled", "exchange", True), ("exchange", "settled", True)}),
    "paid_after_all": frozenset({("suspense", "settled", True)}),
    "suspense": frozenset(
        (*pair, for_order)
        for kind in ("settled", "rail_cost")
        for pair in (("suspense", kind), (kind, "suspense"))
        for for_order in (True, False)
    ),
    "adjustment": frozenset(
        (*pair, False)
        for ours in ("main", "payout", "user", "world")
        for theirs in ("suspense", "rail_cost", "fee_income")
        for pair in ((ours, theirs), (theirs, ours))
    ),
}
"""From which kind of account each kind of transfer moves money to which, and whether for an order
(the table in docs/architecture.md)."""


@dataclass(frozen=True, slots=True)
class AccountName:
    """An account by its role within one business. `rail` only for rails' accounts, `user_id` only
    for payout users'."""

    kind: AccountKind
    rail: str = ""
    user_id: UUID | None = None


def show_account(kind: str, rail: str) -> str:
    """How people and programs read an account: `main`, `in_transit:paypal`."""
    return f"{kind}:{rail}" if rail else kind


MAIN = AccountName("main")
PAYOUT = AccountName("payout")
WORLD = AccountName("world")
FEE_INCOME = AccountName("fee_income")
OF_EVERY_BUSINESS = (MAIN, PAYOUT, WORLD, FEE_INCOME)


def user(user_id: UUID) -> AccountName:
    return AccountName("user", user_id=user_id)


def in_transit(rail: str) -> AccountName:
    return AccountName("in_transit", rail)


def settled(rail: str) -> AccountName:
    return AccountName("settled", rail)


def rail_cost(rail: str) -> AccountName:
    return AccountName("rail_cost", rail)


def exchange(rail: str) -> AccountName:
    return AccountName("exchange", rail)


def suspense(rail: str) -> AccountName:
    return AccountName("suspense", rail)


@dataclass(slots=True)
class Account:
    """A locked account: its balance in cents and the version of its last transfer."""

    name: AccountName
    id: UUID
    balance: int
    version: int


@dataclass(frozen=True, slots=True)
class Posting:
    """A transfer to be made: `amount` cents from `source` to `target`."""

    kind: TransferKind
    amount: int
    source: AccountName
    target: AccountName
    order_id: UUID | None = None
    actor: str | None = None
    reason: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transfer that was made, with both sides' balances after it."""

    id: int
    kind: str
    amount: int
    from_account: UUID
    from_balance: int
    to_account: UUID
    to_balance: int
    created_at: datetime


class InsufficientFunds(Exception):
    """An account that may not be negative would be; nothing was written. Callers say it in the
    words of their contract."""

    def __init__(self, account: AccountName, held: int, asked: int) -> None:
        super().__init__(f"account {account.kind} {account.rail} has too little")
        self.account, self.held, self.asked = account, held, asked
