"""What comes back of ACH credits: returns (addenda 99, R01…) and notifications of change (addenda
98, C01…), in a NACHA file that is held to every rule of one. Dishonored and contested returns,
which are between banks, are told as other entries."""

from payviox.rails.bank import amounts, nacha_records
from payviox.rails.bank.model import EntryStatus, Report, ReportEntry, Unreadable
from payviox.rails.bank.nacha_records import NachaBatch, NachaEntry

RETURN, CHANGE = "799", "798"


def read(content: bytes, digest: str) -> list[Report]:
    """The report. Raises Unreadable, also for a file without a single return or change, such as
    one of ours."""
    file = nacha_records.read(content)
    entries = [
        _entry(batch, entry, addenda)
        for batch in file.batches
        for entry in batch.entries
        for addenda in entry.addenda
        if addenda[:3] in {RETURN, CHANGE}
    ]
    if not entries:
        raise Unreadable("The file has no return and no notification of change")
    return [
        Report(
            kind="nacha.returns",
            digest=digest,
            message_id=f"{file.created}{file.modifier}",
            entries=entries,
            currency="USD",
        )
    ]


def _entry(batch: NachaBatch, entry: NachaEntry, addenda: str) -> ReportEntry:
    code, original_trace, trace = addenda[3:6].strip(), addenda[6:21], addenda[79:94]
    changed = addenda[:3] == CHANGE
    return ReportEntry(
        status=_status(code, changed=changed),
        entry_ref=amounts.reference(
            code, original_trace, trace, entry.individual_id, batch.effective_date, entry.amount
        ),
        end_to_end_id=entry.individual_id or None,
        amount=None if changed else entry.amount,
        currency=None if changed else "USD",
        direction=None if changed else "credit",
        reason_code=code,
        corrected=addenda[35:64].strip() or None if changed else None,
        evidence={"trace": trace, "original_trace": original_trace},
    )


def _status(code: str, *, changed: bool) -> EntryStatus:
    if changed:
        return "changed" if code[:1] == "C" and code <= "C14" else "other"
    return "returned" if code[:1] == "R" and code[1:].isdigit() and code < "R61" else "other"
