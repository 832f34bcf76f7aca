"""Amounts are integers in US cents everywhere. This module holds their bounds and how people read
them; it does no arithmetic that could lose a cent."""

import re

CURRENCY = "USD"

MAX_ALLOCATION = 100_000_000
"""The largest single allocation, in cents (the wire contract)."""

MAX_TREASURY = 10**12
"""The largest single deposit, fund or defund, in cents (the wire contract)."""


def dollars(cents: int) -> str:
    """`123456` → `$1,234.56`; `-5` → `-$0.05`."""
    sign = "-" if cents < 0 else ""
    return f"{sign}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"


class InvalidAmount(ValueError):
    """What somebody typed is no amount, or might be read as two. The message is for them."""


class OutOfRange(InvalidAmount):
    """An amount, but not one that may be typed here."""


_TYPED = re.compile(r"\$?([0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:\.([0-9]{1,2}))?", re.ASCII)


def typed_cents(text: str, most: int) -> int:
    """An amount in dollars as people type it, in cents: `1,234.50`, `1234.5`, `$20`; at least one
    cent and at most `most`. Raises InvalidAmount, also for `1.234,50`, `1.234` and `1,5`."""
    match = _TYPED.fullmatch(text.strip(" "))
    if match is None:
        raise InvalidAmount("Type dollars and cents such as 1,234.50.")
    cents = int(match[1].replace(",", "")) * 100 + int((match[2] or "").ljust(2, "0"))
    if not 1 <= cents <= most:
        raise OutOfRange(f"The amount must be {dollars(1)} to {dollars(most)}.")
    return cents


def decimal(cents: int) -> str:
    """`123456` → `1234.56`; `-5` → `-0.05`: as rails and their books write it."""
    return dollars(cents).replace("$", "").replace(",", "")


def percentage(cents: int, basis_points: int) -> int:
    """So many basis points of an amount, rounded half up to a cent."""
    return (cents * basis_points + 5_000) // 10_000
