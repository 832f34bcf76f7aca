"""What the room's rows say: bank accounts, payments, files, and what the bank gave us. Amounts are
minor units of the currency beside them; `cents` are US cents."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

Scheme = Literal["sepa", "ach"]

PaymentStatus = Literal[
    "waiting", "in_file", "released", "accepted", "booked", "rejected", "returned", "taken_back"
]
FileStatus = Literal[
    "draft", "approved", "released", "accepted", "rejected", "settled", "partly_returned", "canceled"
]
Way = Literal["download", "folder", "sftp"]
"""How a file gets to the bank."""
Step = Literal["writing", "renaming", "person"]
"""How far a file is that is being handed over. Until `renaming` the bank surely has not got it;
what stopped there is looked up; and where that does not say, a `person` finds out."""
Source = Literal["upload", "folder", "sftp"]


class BankAccount(msgspec.Struct, frozen=True):
    """A payout user's bank account, without its number. `payee` is the same for every account of
    the business with that number."""

    business_id: UUID
    id: UUID
    payout_user_id: UUID
    payee: UUID
    scheme: Scheme
    country: str
    name: str
    masked: str
    usable_from: datetime
    changed_at: datetime | None
    changed_why: str | None
    created_at: datetime


class SealedAccount(msgspec.Struct, frozen=True):
    """The same with its encrypted number."""

    business_id: UUID
    id: UUID
    payout_user_id: UUID
    scheme: Scheme
    country: str
    name: str
    masked: str
    sealed: bytes
    key_id: str

    @property
    def place(self) -> str:
        """What the encryption is bound to."""
        return f"bank_accounts:{self.business_id}:{self.id}"
