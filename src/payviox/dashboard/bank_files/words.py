"""What files, payments and reports of the bank are called on pages."""

from collections.abc import Mapping

from payviox.bank.model import FileStatus, PaymentStatus, Scheme, Source, Way
from payviox.rails.bank import reasons
from payviox.rails.failures import FAILURES

SIGNS = {"USD": "$", "EUR": "€"}
SCHEMES: Mapping[Scheme, str] = {"sepa": "SEPA credit transfer", "ach": "ACH credit"}
WAYS: Mapping[Way, str] = {
    "download": "downloaded",
    "folder": "by the folder",
    "sftp": "by SFTP",
}
SOURCES: Mapping[Source, str] = {
    "upload": "uploaded",
    "folder": "from the folder",
    "sftp": "by SFTP",
}
KINDS: Mapping[str, str] = {
    "pain.002": "Answer to a file (pain.002)",
    "camt.052": "Report within the day (camt.052)",
    "camt.053": "Statement (camt.053)",
    "camt.054": "Notification (camt.054)",
    "nacha.returns": "Returns and changes (NACHA)",
}
FILES: Mapping[FileStatus, str] = {
    "draft": "It has to be approved before it can leave.",
    "approved": "It can be handed to the bank.",
    "released": "The bank has it and has said nothing yet.",
    "accepted": "The bank has accepted it, and has not booked all of it yet.",
    "rejected": "The bank rejected all of it. The money is with the payout users again.",
    "settled": "The bank has booked all of it.",
    "partly_returned": "The bank has booked it in part; the rest was rejected or came back.",
    "canceled": "It never left. Its payments wait for another file.",
}
"""What a file's state means."""
PAYMENTS: Mapping[PaymentStatus, str] = {
    "waiting": "waits for a file",
    "in_file": "in the file",
    "released": "at the bank",
    "accepted": "accepted",
    "booked": "booked",
    "rejected": "rejected",
    "returned": "returned",
    "taken_back": "taken back",
}
ENTRIES: Mapping[str, str] = {
    "accepted": "accepted",
    "rejected": "rejected",
    "booked": "booked",
    "returned": "returned",
    "changed": "to be corrected",
    "noted": "noted",
    "other": "other",
}


def reason(code: str | None) -> str | None:
    """What a bank's code means; None where it is no code that we know."""
    if code is not None and code in reasons.CHANGES:
        return reasons.CHANGES[code]
    known = reasons.ISO.get(code or "") or reasons.NACHA.get(code or "")
    if known is None and reasons.is_ours(code):
        known = "bank_file_refused"
    return None if known is None else FAILURES[known].meaning


def money_in(amount: int | None, currency: str | None) -> str:
    """Minor units as people read them: `€1,234.50`; nothing where there is no amount."""
    if amount is None:
        return ""
    sign = SIGNS.get(currency or "")
    number = f"{abs(amount) / 100:,.2f}"
    minus = "\u2212" if amount < 0 else ""
    return f"{minus}{sign}{number}" if sign else f"{minus}{number} {currency or ''}".strip()
