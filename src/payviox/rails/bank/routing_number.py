"""Accounts at banks in the United States: the ABA routing number's shape, range and check digit,
and what an account number may look like. Which bank has a number only the Federal Reserve's
directory says."""

import re

SHAPE = re.compile(r"[0-9]{9}", re.ASCII)
ACCOUNT_SHAPE = re.compile(r"[0-9A-Z-]{4,17}", re.ASCII)

RANGES = (range(1, 13), range(21, 33), range(61, 73))
"""First two digits of banks that take ACH entries: the twelve districts, thrifts, and numbers for
electronic payments alone. 00 is the government's, 80 stands on travelers' checks."""

WEIGHTS = (3, 7, 1) * 3


def normalized(text: str) -> str:
    """Without the blanks and hyphens that people type."""
    return "".join(text.split()).replace("-", "")


def normalized_account(text: str) -> str:
    """As a file has it: capitals, without blanks."""
    return "".join(text.split()).upper()


def problem(routing_number: str) -> str | None:
    """Why a normalized routing number cannot be paid, or None. Words to follow the field's name."""
    if not SHAPE.fullmatch(routing_number):
        return "must be the nine digits of a routing number"
    if not any(int(routing_number[:2]) in numbers for numbers in RANGES):
        return "is no routing number of a bank that takes ACH payments"
    if sum(w * int(d) for w, d in zip(WEIGHTS, routing_number, strict=True)) % 10:
        return "has a wrong digit: its checksum does not match"
    return None


def account_problem(account_number: str) -> str | None:
    """Why a normalized account number cannot be written into an ACH file, or None."""
    if not ACCOUNT_SHAPE.fullmatch(account_number):
        return "must have 4 to 17 digits or letters"
    if not any(character.isdigit() for character in account_number):
        return "must have a digit"
    if not account_number.replace("-", "").strip("0"):
        return "may not be zeros alone"
    return None


def masked(account_number: str) -> str:
    """As everybody may see it: `•••• 6789`."""
    return f"•••• {account_number[-4:]}"
