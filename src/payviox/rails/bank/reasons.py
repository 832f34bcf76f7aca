"""What the codes of banks mean: ISO 20022's external codes of rejections and returns, and Nacha's
of returns and changes. A code that is missing here is not guessed at."""

from collections.abc import Mapping

from payviox.rails.bank.model import EntryStatus
from payviox.rails.failures import Failure, FailureWords, failed, unknown_vendor_reason

ISO: Mapping[str, Failure] = {
    "AC01": "bank_account_unknown",
    "AC03": "bank_account_unknown",
    "AC04": "bank_account_closed",
    "AC06": "bank_account_blocked",
    "AC07": "bank_account_closed",
    "AC14": "bank_account_refuses",
    "AC16": "bank_account_blocked",
    "AC17": "bank_account_blocked",
    "AG01": "bank_account_refuses",
    "AG03": "bank_account_refuses",
    "AM01": "bank_amount_refused",
    "AM02": "bank_amount_refused",
    "AM05": "bank_returned",
    "AM06": "bank_amount_refused",
    "AM12": "bank_amount_refused",
    "AM13": "bank_amount_refused",
    "AM14": "bank_amount_refused",
    "BE01": "bank_holder_differs",
    "BE04": "bank_needs_address",
    "BE06": "bank_account_unknown",
    "CNOR": "bank_unreachable",
    "CUST": "bank_called_back",
    "DUPL": "bank_called_back",
    "FOCR": "bank_called_back",
    "FRAD": "bank_legal_reasons",
    "FR01": "bank_legal_reasons",
    "MD07": "bank_account_blocked",
    "MS02": "bank_holder_refused",
    "RC01": "bank_unreachable",
    "RC03": "bank_file_refused",
    "RC04": "bank_unreachable",
    "RR03": "bank_needs_address",
    "RR04": "bank_legal_reasons",
    "TECH": "bank_called_back",
}
"""Of a payment: why, as the payout user reads it."""

ISO_OURS = frozenset(
    {
        "AC02", "AC05", "AC10", "AC13", "AG02", "AG08", "AM03", "AM04", "AM09", "AM10",
        "AM11", "AM18", "AM19", "AM20", "BE05", "BE07", "CH03", "CH04", "DT01",
        "FF01", "FF02", "FF03", "FF05", "RC07", "RF01", "RR01", "RR02", "TM01",
    }
)  # fmt: skip
"""Something of the payer's: the account, its float, the file, its day or its totals. No payee can
help it, whoever pays can. No code of a duplicate is among them: what a bank has already must not
be paid again."""

UNSPECIFIED = frozenset({"ARDT", "MS03", "NARR", "NOAS"})
"""By these a bank says that it gives no reason, or only words."""

NACHA: Mapping[str, Failure] = {
    "R02": "bank_account_closed",
    "R03": "bank_account_unknown",
    "R04": "bank_account_unknown",
    "R06": "bank_called_back",
    "R12": "bank_account_unknown",
    "R13": "bank_unreachable",
    "R14": "bank_account_blocked",
    "R15": "bank_account_blocked",
    "R16": "bank_account_blocked",
    "R17": "bank_account_refuses",
    "R20": "bank_account_refuses",
    "R21": "bank_file_refused",
    "R22": "bank_holder_differs",
    "R23": "bank_holder_refused",
    "R24": "bank_called_back",
    "R28": "bank_unreachable",
    "R31": "bank_called_back",
    "R32": "bank_unreachable",
    "R34": "bank_unreachable",
}
"""Those that a credit entry can have; what else there is belongs to debits."""

NACHA_OURS = frozenset({"R18", "R19", "R25", "R26", "R27", "R30", "R35", "R36"})
"""The file or an entry of it was wrong."""

CHANGES: Mapping[str, str] = {
    "C01": "The account's number was wrong.",
    "C02": "The routing number was wrong.",
    "C03": "The routing number and the account's number were wrong.",
    "C04": "The name was wrong.",
    "C05": "The kind of account was wrong.",
    "C06": "The account's number and its kind were wrong.",
    "C07": "The routing number, the account's number and its kind were wrong.",
    "C09": "The id of the entry was wrong.",
    "C13": "The addenda record was wrong.",
    "C14": "The kind of entry was wrong.",
}
"""What a notification of change corrects: the payment was made, the next needs the correction."""


def is_ours(code: str | None) -> bool:
    """Whether a code speaks of the paying account or the file, so that the same payment may be made
    once somebody has mended it."""
    return code in ISO_OURS or code in NACHA_OURS


def failure(code: str | None, status: EntryStatus) -> FailureWords:
    """The words of a payment that was `rejected` or `returned` with this code; one that nobody
    documents is logged."""
    known = ISO.get(code or "") or NACHA.get(code or "")
    if known is not None:
        return failed(known)
    if is_ours(code):
        return failed("bank_file_refused")
    otherwise: Failure = "bank_returned" if status == "returned" else "bank_refused"
    if code is None or code in UNSPECIFIED:
        return failed(otherwise)
    return unknown_vendor_reason("bank", code, otherwise)
