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
    "draft",
    "approved",
    "released",
    "accepted",
    "rejected",
    "settled",
    "partly_returned",
    "canceled",
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


class Payment(msgspec.Struct, frozen=True):
    """One attempt of an order on its way through a file, as it was at `read_at`, by the database's
    clock."""

    business_id: UUID
    reference: str
    order_id: UUID
    account_id: UUID
    end_to_end_id: str
    scheme: Scheme
    name: str
    currency: str
    amount: int
    cents: int
    worth: int | None
    status: PaymentStatus
    file_id: UUID | None
    not_before: datetime
    is_cooling: bool
    code: str | None
    settles_on: date | None
    booked_on: date | None
    created_at: datetime
    updated_at: datetime
    read_at: datetime


class BankFile(msgspec.Struct, frozen=True):
    """A file as it was cut, without its bytes. `digest` is their SHA-256 in hex, `total` what its
    payments come to, `cents` what they come to in US cents. `step` says how far it is while
    somebody hands it over, `problem` what went wrong with that."""

    business_id: UUID
    id: UUID
    scheme: Scheme
    format: str
    message_id: str
    name: str
    execution_date: date
    currency: str
    payments: int
    total: int
    cents: int
    digest: str
    status: FileStatus
    created_by: str
    created_at: datetime
    approved_at: datetime | None
    way: Way | None
    step: Step | None
    is_leased: bool
    problem: str | None
    released_by: str | None
    released_at: datetime | None
    ended_at: datetime | None

    @property
    def place(self) -> str:
        """What the encryption of its bytes is bound to."""
        return f"bank_files:{self.business_id}:{self.id}"


class Import(msgspec.Struct, frozen=True):
    """A report of the bank: of its `entries` so many were known before (`repeated`), so many are
    none of our payments (`unmatched`)."""

    business_id: UUID
    id: UUID
    kind: str
    digest: str
    number: int
    message_id: str
    file_name: str
    source: Source
    account: str | None
    currency: str | None
    period_from: date | None
    period_to: date | None
    opening: int | None
    closing: int | None
    entries: int
    repeated: int
    unmatched: int
    created_by: str
    created_at: datetime


class Entry(msgspec.Struct, frozen=True):
    """What the bank said of one payment, of a file, or of something else. `unmatched` says why it
    is none of our payments'."""

    business_id: UUID
    id: UUID
    import_id: UUID
    status: str
    end_to_end_id: str | None
    message_id: str | None
    direction: str | None
    amount: int | None
    currency: str | None
    code: str | None
    booked_on: date | None
    entry_ref: str
    evidence: dict[str, Any]
    reference: str | None
    file_id: UUID | None
    unmatched: str | None
    created_at: datetime
