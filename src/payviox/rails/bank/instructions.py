"""What every payment of a file must satisfy, whichever format it is written in, and what a file
comes to."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date

from payviox.rails.bank import calendars, iban, payers, routing_number
from payviox.rails.bank.characters import NotWritable, name_problem, written
from payviox.rails.bank.model import (
    CURRENCY,
    MOST_AMOUNT,
    MOST_CHARACTERS_OF_END_TO_END_ID,
    MOST_INSTRUCTIONS,
    AchAccount,
    Iban,
    Instruction,
    Payer,
    Totals,
    Unwritable,
)

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,34}", re.ASCII)
REMITTANCE = 140
"""Characters that a SEPA file has for what its payee reads."""
END_TO_END_ID = re.compile(r"[A-Z0-9]{1,35}", re.ASCII)


def check(
    payer: Payer, message_id: str, execution_date: date, instructions: Sequence[Instruction]
) -> None:
    """Raises Unwritable with the first thing that no bank could pay."""
    for field, problem in payers.problems(payer).items():
        raise Unwritable(f"The paying account's {field} {problem}")
    if not ID.fullmatch(message_id):
        raise Unwritable("The message's id must have 1 to 35 letters, digits, dots or hyphens")
    if not 0 < len(instructions) <= MOST_INSTRUCTIONS:
        raise Unwritable(
            f"A file has 1 to {MOST_INSTRUCTIONS:,} payments, not {len(instructions):,}"
        )
    if not calendars.is_banking_day(payer.scheme, execution_date):
        raise Unwritable(f"{execution_date} is no banking day of {payer.scheme.upper()}")
    for instruction in instructions:
        for problem in _problems(payer, instruction):
            raise Unwritable(f"Payment {instruction.id}: {problem}")
    for ids in (
        (each.id for each in instructions),
        (each.end_to_end_id for each in instructions),
    ):
        twice = next((name for name, times in Counter(ids).items() if times > 1), None)
        if twice is not None:
            raise Unwritable(f"{twice} is in the file twice")


def totals(instructions: Sequence[Instruction]) -> Totals:
    """What payments of one currency come to."""
    hashes = [
        int(each.account.routing_number[:8])
        for each in instructions
        if isinstance(each.account, AchAccount)
    ]
    return Totals(
        count=len(instructions),
        amount=sum(each.amount for each in instructions),
        currency=instructions[0].currency,
        entry_hash=f"{sum(hashes) % 10**10:010d}" if hashes else None,
    )


def _problems(payer: Payer, instruction: Instruction) -> Iterator[str]:
    scheme = payer.scheme
    most = MOST_CHARACTERS_OF_END_TO_END_ID[scheme]
    end_to_end_id, amount = instruction.end_to_end_id, instruction.amount
    if not ID.fullmatch(instruction.id):
        yield "its id must have 1 to 35 letters, digits, dots or hyphens"
    if len(end_to_end_id) > most or not END_TO_END_ID.fullmatch(end_to_end_id):
        yield f"its end-to-end id must have 1 to {most} capitals or digits"
    if instruction.currency != CURRENCY[scheme]:
        yield f"{scheme.upper()} pays in {CURRENCY[scheme]}, not in {instruction.currency}"
    if not 0 < amount <= MOST_AMOUNT[scheme]:
        yield f"its amount must be 1 to {MOST_AMOUNT[scheme]} cents"
    problem = name_problem(instruction.name, scheme)
    if problem is not None:
        yield f"the payee's name {problem}"
    if isinstance(instruction.account, Iban):
        yield from _sepa_problems(payer, instruction, instruction.account.number)
    else:
        yield from _ach_problems(payer, instruction.account)


def _sepa_problems(payer: Payer, instruction: Instruction, number: str) -> Iterator[str]:
    if payer.scheme != "sepa":
        yield "an IBAN cannot be paid by ACH"
    problem = iban.problem(number)
    if problem is not None:
        yield f"the payee's IBAN {problem}"
    if number == payer.iban:
        yield "the payee's account is the paying account itself"
    if payer.address is None and iban.needs_payer_address(number):
        yield f"a payment to {number[:2]} must name the payer's address"
    if instruction.remittance is not None:
        try:
            written(instruction.remittance, "sepa", REMITTANCE)
        except NotWritable as error:
            yield f"what the payee reads {error}"
    if instruction.address is not None:
        for field, text in payers.address_problems(instruction.address).items():
            yield f"the payee's address: {field} {text}"


def _ach_problems(payer: Payer, account: AchAccount) -> Iterator[str]:
    if payer.scheme != "ach":
        yield "an account in the United States cannot be paid by SEPA"
    problem = routing_number.problem(account.routing_number)
    if problem is not None:
        yield f"the payee's routing number {problem}"
    problem = routing_number.account_problem(account.account_number)
    if problem is not None:
        yield f"the payee's account number {problem}"
