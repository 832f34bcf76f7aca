"""Amounts are integers in US cents everywhere. This module holds their bounds and how people read
them; it does no arithmetic that could lose a cent."""

CURRENCY = "USD"

MAX_ALLOCATION = 100_000_000
"""The largest single allocation, in cents (the wire contract)."""

MAX_TREASURY = 10**12
"""The largest single deposit, fund or defund, in cents (the wire contract)."""


def dollars(cents: int) -> str:
    """`123456` → `$1,234.56`; `-5` → `-$0.05`."""
    sign = "-" if cents < 0 else ""
    return f"{sign}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def decimal(cents: int) -> str:
    """`123456` → `1234.56`; `-5` → `-0.05`: as rails and their books write it."""
    return dollars(cents).replace("$", "").replace(",", "")


def percentage(cents: int, basis_points: int) -> int:
    """So many basis points of an amount, rounded half up to a cent."""
    return (cents * basis_points + 5_000) // 10_000
