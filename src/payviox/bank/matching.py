"""What an entry of a report does to a payment of ours, and why one does nothing. Payments are found
by their end-to-end id, files by their message's id, and by nothing looser. Pure."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal

import msgspec

from payviox.bank.model import FileStatus, Payment, PaymentStatus
from payviox.rails.bank.model import ReportEntry
from payviox.rails.bank.pain002 import DUPLICATES

Unmatched = Literal[
    "not_ours",
    "unknown",
    "not_released",
    "other_file",
    "amount",
    "twice",
    "after_return",
    "after_booking",
    "whole_file",
    "duplicate",
    "status",
]
"""Why an entry is no payment's:

- not_ours: it is none by its kind: a fee, or what somebody paid in
- unknown: it names no payment and no file of this business
- not_released: it names a file that was canceled or has not left, by our books, or its payment
- other_file: it answers another file of ours than the one that the payment is in
- amount: it is about another amount, currency or direction
- twice: the payment was booked, or came back, already
- after_return: it was rejected or came back before, and is accepted or comes back now
- after_booking: it, or a payment of the file, was booked or came back before, and is rejected now
- whole_file: it speaks of a whole file in a way that says nothing of each payment
- duplicate: it is rejected as one, alone of its file, and nothing says that it is paid
- status: it says of a payment what is not known here
"""

WHY: dict[Unmatched, str] = {
    "not_ours": "It is no payment by its kind.",
    "unknown": "No payment and no file of this business has this id.",
    "not_released": "The file was canceled, or has not left, by our books.",
    "other_file": "It answers another file than the one that the payment left in.",
    "amount": "It is about another amount, currency or direction.",
    "twice": "The payment was booked, or came back, already.",
    "after_return": "The payment came back, or was rejected, before.",
    "after_booking": "It was booked, or came back, before.",
    "whole_file": "It speaks of a whole file, and says nothing of each payment.",
    "duplicate": "The bank takes it for a copy of another, and may not pay it.",
    "status": "It says of the payment what is not known here.",
}

FOR_A_PERSON = frozenset(WHY) - {"not_ours", "unknown"}
"""What is said of a payment or a file of ours and changes nothing: somebody has to ask the bank."""

AT_THE_BANK: frozenset[PaymentStatus] = frozenset({"released", "accepted", "booked"})


class Effect(msgspec.Struct, frozen=True):
    """The payment's new status, None where it stays; or why the entry is not the payment's."""

    status: PaymentStatus | None = None
    unmatched: Unmatched | None = None


SAME = Effect()


def effect(payment: Payment, entry: ReportEntry, *, seen_alike: bool) -> Effect:  # noqa: PLR0911  # one for each word of a bank's
    """What this entry does to the payment that it names. `seen_alike`: another entry of such a
    report said the same of it before, so this one is not the same money in other words."""
    if payment.status == "taken_back" and entry.status == "booked":
        return _booked(payment, entry, seen_alike=seen_alike)  # it had left before a restore
    if payment.status in ("waiting", "in_file", "taken_back"):
        return Effect(unmatched="not_released")
    match entry.status:
        case "accepted":
            return _accepted(payment)
        case "changed" | "noted":
            return SAME
        case "rejected":
            if payment.status in ("released", "accepted"):
                return Effect("rejected")
            return SAME if payment.status == "rejected" else Effect(unmatched="after_booking")
        case "booked":
            return _booked(payment, entry, seen_alike=seen_alike)
        case "returned":
            return _returned(payment, entry, seen_alike=seen_alike)
        case "other":
            return _other(payment, entry)


def applied(payment: Payment, found: Effect, code: str | None, booked_on: date | None) -> Payment:
    """The payment as an entry with this effect, reason and day leaves it."""
    if found.status is None:
        return payment
    is_refused = found.status in ("rejected", "returned")
    is_booked = found.status == "booked"
    return msgspec.structs.replace(
        payment,
        status=found.status,
        code=(is_refused and code) or payment.code,
        booked_on=(is_booked and booked_on) or payment.booked_on,
    )


def _accepted(payment: Payment) -> Effect:
    if payment.status == "rejected":
        return Effect(unmatched="after_return")
    return Effect("accepted") if payment.status == "released" else SAME


def _other(payment: Payment, entry: ReportEntry) -> Effect:
    if entry.reason_code not in DUPLICATES:
        return Effect(unmatched="status")
    return Effect(unmatched="duplicate") if payment.status == "released" else SAME


def of_whole_file(payments: Sequence[Payment], entry: ReportEntry) -> Unmatched | None:
    """Why a word on the whole file of these payments changes none of them: it says too little, or
    the bank has said otherwise before, and nothing is given back or taken for paid on that."""
    if entry.status not in ("accepted", "rejected", "booked", "noted"):
        return "whole_file"
    statuses = {payment.status for payment in payments}
    if entry.status == "rejected" and statuses & {"booked", "returned"}:
        return "after_booking"
    return "after_return" if entry.status == "accepted" and statuses == {"rejected"} else None


def _booked(payment: Payment, entry: ReportEntry, *, seen_alike: bool) -> Effect:
    if not _same_money(payment, entry, "debit"):
        return Effect(unmatched="amount")
    if seen_alike:
        return Effect(unmatched="twice")
    if payment.status in ("released", "accepted", "rejected", "taken_back"):
        return Effect("booked")
    return SAME


def _returned(payment: Payment, entry: ReportEntry, *, seen_alike: bool) -> Effect:
    if not _same_money(payment, entry, "credit"):
        return Effect(unmatched="amount")
    if seen_alike:
        return Effect(unmatched="twice")
    if payment.status == "rejected":
        return Effect(unmatched="after_return")
    return Effect("returned") if payment.status in AT_THE_BANK else SAME


def _same_money(payment: Payment, entry: ReportEntry, direction: str) -> bool:
    """What an entry leaves unsaid contradicts nothing, but an amount has to be said."""
    return (
        entry.amount == payment.amount
        and entry.currency in (None, payment.currency)
        and entry.direction in (None, direction)
    )


def file_status(counts: Mapping[Any, int]) -> FileStatus | None:
    """What a file is whose payments stand so; None where it stays as it is."""
    if counts.get("released"):
        return "accepted" if len(counts) > 1 else None
    if counts.get("accepted"):
        return "accepted"
    if set(counts) == {"rejected"}:
        return "rejected"
    return "partly_returned" if counts.get("returned") or counts.get("rejected") else "settled"


def fingerprints(entries: Sequence[ReportEntry]) -> list[bytes]:
    """Names each entry the same in whatever report it stands. Of several that are alike in all
    that is known of them, each is another one."""
    seen: Counter[bytes] = Counter()
    found = []
    for entry in entries:
        said = [
            entry.status,
            entry.entry_ref,
            entry.end_to_end_id,
            entry.file_id,
            entry.amount,
            entry.currency,
            entry.direction,
            entry.reason_code,
            entry.booked_on,
        ]
        digest = hashlib.sha256(msgspec.json.encode(said)).digest()
        found.append(hashlib.sha256(digest + str(seen[digest]).encode()).digest())
        seen[digest] += 1
    return found
