"""What the bank writes to its customer in NACHA: returns and notifications of change."""

from collections.abc import Iterable
from datetime import date

from payviox.cli.demo.bank.books import BankPayment

BANK, COMPANY = "021000021", "1234567890"

Entry = tuple[str, str]
"""An entry record and its addenda record."""


def returns(payments: Iterable[BankPayment], day: date, modifier: str = "A") -> bytes:
    """A file of what is said of these payments: that they came back where they did, else what was
    wrong with their account."""
    payments = list(payments)
    came_back = [_return(each) for each in payments if each.state == "returned"]
    changed = [_change(each) for each in payments if each.state != "returned"]
    batches = [(name, each) for name, each in (("PPD", came_back), ("COR", changed)) if each]
    lines = [
        f"101 {COMPANY[:9]}{BANK} {day:%y%m%d}0800{modifier}094101{'DEMO BANK':23}{'':31}",
    ]
    for number, (entry_class, entries) in enumerate(batches, 1):
        ends = f"{BANK[:8]}{number:07}"
        lines.append(f"5220{'DEMO':36}{COMPANY}{entry_class}{'RETURN':16}{day:%y%m%d}{'':3}1{ends}")
        lines += [record for entry in entries for record in entry]
        lines.append(f"8220{_totals(entries, 6)}{COMPANY}{'':25}{ends}")
    blocks = -(-(len(lines) + 1) // 10)
    everything = came_back + changed
    lines.append(f"9{len(batches):06}{blocks:06}{_totals(everything, 8)}{'':39}")
    lines += ["9" * 94] * (blocks * 10 - len(lines))
    return "".join(f"{line}\n" for line in lines).encode()


def _totals(entries: list[Entry], width: int) -> str:
    hashes = sum(int(entry[3:11]) for entry, _ in entries)
    credits_ = sum(int(entry[29:39]) for entry, _ in entries)
    return f"{2 * len(entries):0{width}}{hashes % 10**10:010}{0:012}{credits_:012}"


def _return(payment: BankPayment) -> Entry:
    sent = payment.order.record
    trace = sent[3:11] + sent[87:94]
    entry = f"6{sent[1]}1{sent[3:78]}1{trace}"
    return entry, f"799{payment.course.returned}{sent[79:94]}{'':6}{sent[79:87]}{'':44}{trace}"


def _change(payment: BankPayment) -> Entry:
    sent = payment.order.record
    code, corrected = payment.course.changed or ("C01", "")
    trace = sent[3:11] + sent[87:94]
    entry = f"6{sent[1]}1{sent[3:29]}{0:010}{sent[39:78]}1{trace}"
    said = f"{code}{sent[79:94]}{'':6}{sent[79:87]}{corrected:29}{'':15}"
    return entry, f"798{said}{trace}"
