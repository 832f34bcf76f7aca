"""ACH credits as files: NACHA, a PPD batch for people and a CCD batch for companies. A file has
credits alone (service class 220): the bank takes the sum from the account that it has agreed on.
What is written is read again by the file's own rules before anybody gets it."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import count

from payviox.rails.bank import instructions as rules
from payviox.rails.bank import nacha_records
from payviox.rails.bank.calendars import ZONES
from payviox.rails.bank.characters import written, written_name
from payviox.rails.bank.model import AchAccount, Holder, Instruction, Payer, Unwritable
from payviox.rails.bank.payers import BANK_NAME, COMPANY_NAME, ENTRY_DESCRIPTION

ENTRY_CLASS: dict[Holder, str] = {"person": "PPD", "company": "CCD"}
CREDIT = {"checking": "22", "savings": "32"}
CREDITS_ONLY = "220"

MOST_TOTAL = 10**12 - 1
"""Cents that a control record can hold."""


def write(
    payer: Payer,
    message_id: str,
    execution_date: date,
    created_at: datetime,
    instructions: Sequence[Instruction],
    *,
    modifier: str = "A",
) -> bytes:
    """The file. `created_at` is aware. ACH has no place for a message's id: a bank knows a file by
    the minute that it was made in and by `modifier` (A to Z, 0 to 9), so two files of a minute need
    two; the id's last 8 characters are the header's reference. Raises Unwritable before anything
    leaves."""
    rules.check(payer, message_id, execution_date, instructions)
    if not (len(modifier) == 1 and modifier.isascii() and modifier.isalnum()):
        raise Unwritable("The file's modifier must be a letter or a digit")
    total = sum(each.amount for each in instructions)
    if total > MOST_TOTAL:
        raise Unwritable("The payments come to more than an ACH file can hold: split them")
    lines = list(_records(payer, message_id, execution_date, created_at, instructions, modifier))
    lines += [nacha_records.PADDING] * (-len(lines) % nacha_records.BLOCK)
    content = "".join(f"{line}\r\n" for line in lines).encode("ascii")
    _compare(content, instructions)
    return content


def _records(
    payer: Payer,
    message_id: str,
    execution_date: date,
    created_at: datetime,
    instructions: Sequence[Instruction],
    modifier: str,
) -> Iterator[str]:
    bank = payer.originating_dfi or ""
    local = created_at.astimezone(ZONES["ach"])
    bank_name = written(payer.bank_name, "ach", BANK_NAME) if payer.bank_name else ""
    company = written(payer.name, "ach", COMPANY_NAME)
    yield (
        f"101 {bank}{payer.company_id}{local:%y%m%d%H%M}{modifier.upper()}094101"
        f"{bank_name:23}{company:23}{message_id[-8:]:8}"
    )
    numbers = count(1)
    batches = records = 0
    for holder, entry_class in ENTRY_CLASS.items():
        batch = [each for each in instructions if _account(each).holder == holder]
        if not batch:
            continue
        batches += 1
        records += len(batch)
        yield (
            f"5{CREDITS_ONLY}{company:16}{'':20}{payer.company_id}{entry_class}"
            f"{written(payer.entry_description, 'ach', ENTRY_DESCRIPTION):10}"
            f"{'':6}{execution_date:%y%m%d}{'':3}1{bank[:8]}{batches:07}"
        )
        for each in batch:
            yield _entry(each, f"{bank[:8]}{next(numbers):07}")
        totals = rules.totals(batch)
        yield (
            f"8{CREDITS_ONLY}{totals.count:06}{totals.entry_hash}{0:012}{totals.amount:012}"
            f"{payer.company_id}{'':25}{bank[:8]}{batches:07}"
        )
    totals = rules.totals(instructions)
    blocks = -(-(2 + 2 * batches + records) // nacha_records.BLOCK)
    yield (
        f"9{batches:06}{blocks:06}{totals.count:08}{totals.entry_hash}{0:012}{totals.amount:012}"
        f"{'':39}"
    )


def _entry(instruction: Instruction, trace: str) -> str:
    account = _account(instruction)
    return (
        f"6{CREDIT[account.account_type]}{account.routing_number}{account.account_number:17}"
        f"{instruction.amount:010}{instruction.end_to_end_id:15}"
        f"{written_name(instruction.name, 'ach'):22}{'':2}0{trace}"
    )


def _account(instruction: Instruction) -> AchAccount:
    assert isinstance(instruction.account, AchAccount)  # noqa: S101  # the rules have looked
    return instruction.account


def _compare(content: bytes, instructions: Sequence[Instruction]) -> None:
    """Compares the file's entries with the payments that were asked for: a fault of ours must not
    leave as money."""
    entries = [
        (
            entry.individual_id,
            entry.amount,
            entry.receiving_dfi + entry.check_digit,
            entry.account_number,
        )
        for batch in nacha_records.read(content).batches
        for entry in batch.entries
    ]
    asked = [
        (each.end_to_end_id, each.amount, account.routing_number, account.account_number)
        for each in instructions
        for account in (_account(each),)
    ]
    if sorted(entries) != sorted(asked):
        raise Unwritable("The file does not hold the payments that were asked for")
