"""What a payment is to its order and to reconciliation: the bank's words, by the business's choice
of what counts as success. Pure."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from payviox import ids
from payviox.bank.model import Entry as BankEntry
from payviox.bank.model import Payment
from payviox.rails.bank import calendars, reasons
from payviox.rails.bank.terms import Terms
from payviox.rails.protocol import Entry, EntryState, Outcome
from payviox.rails.waiting import Waiting

LOOK_AGAIN_S = 6 * 3600.0
"""How late it is noticed that time alone changed something; whatever else does wakes the order."""

NO_MONEY = "AM04"
"""What ISO 20022 calls an account with too little money in it."""


def outcome(payment: Payment, terms: Terms | None, now: datetime) -> Outcome:
    """The order's state by the bank's words until now. Without terms, which say what success is, it
    is the cautious one: booked."""
    details = _details(payment)
    match payment.status:
        case "waiting":
            cooling = payment.is_cooling
            return Outcome(
                "accepted",
                waiting="bank_cooling" if cooling else "bank_file",
                again_s=_until(payment.not_before, now) if cooling else LOOK_AGAIN_S,
                details=details,
            )
        case "taken_back":
            return Outcome("canceled", details=details)
        case "rejected":
            return _rejected(payment, details)
        case "returned":
            words = reasons.failure(payment.code, "returned")
            return Outcome("returned", reason=words, details=details)
        case "in_file":
            return Outcome(
                "accepted", waiting="bank_release", again_s=LOOK_AGAIN_S, details=details
            )
        case "released" | "accepted" | "booked":
            return _left(payment, terms, now, details)


def _left(payment: Payment, terms: Terms | None, now: datetime, details: dict[str, Any]) -> Outcome:
    """Nothing counts as paid without a word of the bank's: a downloaded file may never have
    reached it."""
    waits_for_returns = terms is not None and terms.success == "not_returned"
    if payment.status == "booked" and not waits_for_returns:
        return Outcome("succeeded", exchange=_kept(payment), details=details)
    since = payment.booked_on or payment.settles_on
    if payment.status == "released" or not waits_for_returns or since is None:
        return Outcome("accepted", waiting="bank_answer", again_s=LOOK_AGAIN_S, details=details)
    until = datetime.combine(
        calendars.returns_until(payment.scheme, since), time(), UTC
    ) + timedelta(days=1)
    if now >= until:
        return Outcome("succeeded", exchange=_kept(payment), details=details)
    waits = _until(until, now)
    return Outcome("accepted", waiting="bank_returns", again_s=waits, details=details)


def _rejected(payment: Payment, details: dict[str, Any]) -> Outcome:
    """Another attempt follows where the fault was the paying account's or the file's."""
    words = reasons.failure(payment.code, "rejected")
    if not reasons.is_ours(payment.code):
        return Outcome("failed", reason=words, details=details)
    waiting: Waiting = "float_empty" if payment.code == NO_MONEY else "rail_misconfigured"
    return Outcome("failed", reason=words, retryable=True, waiting=waiting, details=details)


def entry(payment: Payment) -> Entry:
    """The payment as reconciliation compares it."""
    state: EntryState = "pending"
    if payment.status in ("rejected", "taken_back"):
        state = "failed"
    elif payment.status == "booked":
        state = "paid"
    elif payment.status == "returned":
        state = "returned"
    at = payment.booked_on or payment.settles_on
    return Entry(
        payment.reference,
        payment.end_to_end_id,
        state,
        payment.cents,
        at=None if at is None else datetime.combine(at, time(), UTC),
        evidence=_details(payment),
    )


def once_more(payment: Payment, said: BankEntry) -> Entry:
    """What left for a payment that had left already."""
    return Entry(
        payment.reference,
        f"{payment.end_to_end_id} {said.entry_ref}",
        "paid",
        payment.cents,
        at=None if said.booked_on is None else datetime.combine(said.booked_on, time(), UTC),
        evidence=_details(payment),
    )


def _details(payment: Payment) -> dict[str, Any]:
    details: dict[str, Any] = {"end_to_end_id": payment.end_to_end_id}
    if payment.file_id is not None:
        details["file"] = ids.show(ids.BANK_FILE, payment.file_id)
    if payment.code is not None:
        details["code"] = payment.code
    return details


def _kept(payment: Payment) -> int:
    """What the payer keeps by the rate of the day of the file: spread, rounding, and how the rate
    went since the quote."""
    return 0 if payment.worth is None else payment.cents - payment.worth


def _until(then: datetime, now: datetime) -> float:
    return min(max((then - now).total_seconds(), 1.0), LOOK_AGAIN_S)
