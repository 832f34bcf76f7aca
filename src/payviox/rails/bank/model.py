"""The values between a bank's file formats and the room `bank/`: who pays, what is to be paid, and
what a bank reports. Amounts are in minor units of their currency: cents of a dollar or a euro."""

from datetime import date
from typing import Literal

from msgspec import Struct, field

Scheme = Literal["sepa", "ach"]
AccountType = Literal["checking", "savings"]
Holder = Literal["person", "company"]

CURRENCY: dict[Scheme, str] = {"sepa": "EUR", "ach": "USD"}
"""What each scheme pays in."""

MOST_CHARACTERS_OF_NAME: dict[Scheme, int] = {"sepa": 70, "ach": 22}
"""How long a name may be as it is written into a file: see `characters`."""

MOST_CHARACTERS_OF_END_TO_END_ID: dict[Scheme, int] = {"sepa": 35, "ach": 15}
"""An ACH file has no other field that comes back with a return than one of 15 characters."""

MOST_INSTRUCTIONS = 20_000
"""Payments of one file: what banks take and one process holds in memory."""

MOST_AMOUNT: dict[Scheme, int] = {"sepa": 99_999_999_999, "ach": 9_999_999_999}
"""The largest payment that a file can hold, in minor units: €999,999,999.99 and $99,999,999.99."""


class Address(Struct, frozen=True, kw_only=True):
    """A postal address in parts. `country` has two letters (ISO 3166)."""

    city: str
    country: str
    street: str | None = None
    postal_code: str | None = None


class Iban(Struct, frozen=True, tag="sepa"):
    """An account by its IBAN, without spaces and in capitals."""

    number: str

    def __repr__(self) -> str:
        return f"Iban({self.number[:4]}…{self.number[-4:]})"


class AchAccount(Struct, frozen=True, kw_only=True, tag="ach"):
    """An account at a bank in the United States. A person is paid by a PPD entry, a company by a
    CCD entry."""

    routing_number: str
    account_number: str
    account_type: AccountType
    holder: Holder

    def __repr__(self) -> str:
        return f"AchAccount(…{self.account_number[-4:]})"


class Payer(Struct, frozen=True, kw_only=True):
    """Whose account pays. SEPA needs `iban`, and `address` to pay outside of the EEA; ACH needs
    what the bank assigned: `company_id` (10 characters, mostly 1 and the tax number) and
    `originating_dfi`, the routing number of the bank itself."""

    scheme: Scheme
    name: str
    iban: str | None = None
    bic: str | None = None
    address: Address | None = None
    company_id: str | None = None
    originating_dfi: str | None = None
    bank_name: str | None = None
    batch_booking: bool = False
    """Whether the bank's statement has one line for a SEPA file, and not one for each payment."""
    entry_description: str = "PAYOUT"
    """What payees of an ACH credit read beside the company's name: at most 10 characters."""


class Instruction(Struct, frozen=True, kw_only=True):
    """One payment of a file. `end_to_end_id` comes back in whatever the bank says of it: capitals
    and digits, at most `MOST_CHARACTERS_OF_END_TO_END_ID`. `id` is ours, for the bank's support:
    at most 35 letters, digits, dots or hyphens; ACH has no place for it. `remittance` is what a
    SEPA payee reads, at most 140 characters."""

    id: str
    end_to_end_id: str
    amount: int
    currency: str
    name: str
    account: Iban | AchAccount
    address: Address | None = None
    remittance: str | None = None


class Totals(Struct, frozen=True, kw_only=True):
    """What a file comes to. `entry_hash` is ACH's sum of the receiving banks' numbers."""

    count: int
    amount: int
    currency: str
    entry_hash: str | None = None


ReportKind = Literal["pain.002", "camt.052", "camt.053", "camt.054", "nacha.returns"]

EntryStatus = Literal["accepted", "rejected", "booked", "returned", "changed", "noted", "other"]
"""accepted: the bank has it and will pay it; rejected: it will not, and no money moved; booked: it
left the account; returned: it had been sent and the money is back or on its way back; changed: it
was paid, and the bank names what to correct the next time; noted: the bank has it, or has it
already, and says nothing more; other: none of ours by its kind, such as a fee or what somebody paid
in, or a status that is not known here."""

Direction = Literal["debit", "credit"]


class ReportEntry(Struct, frozen=True, kw_only=True):
    """What a bank says of one payment, or of one line of its statement.

    `end_to_end_id` is ours as the bank repeats it; one without it that names a `file_id` (our
    message's id) speaks of a whole file. `amount` is never negative, None where the bank does not
    say it; `direction` is seen from our account, None where no money moved. `entry_ref` names the
    entry within its account and is the same whenever the bank sends it again. `reason_code` is the
    bank's own: ISO's (`AC04`) or NACHA's (`R03`, `C01`); what it means is in `reasons`.
    `corrected` is what a notification of change says instead: part of an account's number, never to
    be shown. `evidence` has nothing secret.
    """

    status: EntryStatus
    entry_ref: str
    end_to_end_id: str | None = None
    file_id: str | None = None
    amount: int | None = None
    currency: str | None = None
    direction: Direction | None = None
    reason_code: str | None = None
    booked_on: date | None = None
    corrected: str | None = None
    evidence: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"ReportEntry({self.status} {self.end_to_end_id or self.entry_ref})"


class Report(Struct, frozen=True, kw_only=True):
    """One message of a bank: a statement, a notification, an answer to a file of ours. `digest` is
    the SHA-256 of the whole file, in which there may be several. `account` is masked as
    `Account.masked`; `account_number` is whole, to be compared and never shown. `opening` and
    `closing` are signed balances, where a statement has them; then its entries come to their
    difference."""

    kind: ReportKind
    digest: str
    message_id: str
    entries: list[ReportEntry]
    account: str | None = None
    account_number: str | None = None
    currency: str | None = None
    sequence: str | None = None
    period_from: date | None = None
    period_to: date | None = None
    opening: int | None = None
    closing: int | None = None

    def __repr__(self) -> str:
        return f"Report({self.kind} {self.message_id}, {len(self.entries)} entries)"


class Unwritable(ValueError):
    """A file cannot be written: the message says what of which payment is wrong. Nothing left."""


class Unreadable(ValueError):
    """A file of a bank cannot be read: the message says why, for the person who imports it."""
