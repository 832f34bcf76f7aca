"""Tax facts: what the ledger says of a year, and what the business noted. Amounts are US cents."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

State = Literal["w9", "w8", "vat", "exempt", "missing"]

STATES: Mapping[State, str] = {
    "w9": "a W-9 is on file",
    "w8": "a W-8 is on file",
    "vat": "registered for VAT",
    "exempt": "needs none",
    "missing": "asked for, and not there yet",
}


class Paid(msgspec.Struct, frozen=True):
    """What reached a payout user by one provider: `paid` in the year, `returned` of just that, at
    any time until now; `fees` were kept from them. Whoever got something is a row a provider."""

    user_id: UUID
    email: str
    provider: str
    orders: int
    paid: int
    returned: int
    fees: int
    state: State | None
    note: str | None

    @property
    def total(self) -> int:
        """What they were paid and did not come back."""
        return self.paid - self.returned


class Person(msgspec.Struct, frozen=True):
    """A payout user with a row a provider."""

    user_id: UUID
    email: str
    state: State | None
    note: str | None
    rows: list[Paid]

    @property
    def total(self) -> int:
        return sum(row.total for row in self.rows)


class Note(msgspec.Struct, frozen=True):
    """What the business noted of somebody, and when."""

    state: State
    note: str | None
    noted_at: datetime


class Threshold(msgspec.Struct, frozen=True):
    """A list of those who were paid at least so many cents in a year."""

    name: str
    amount: int
