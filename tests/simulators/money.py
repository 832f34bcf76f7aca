"""Amounts as the vendors write them, to and from cents."""

import re
from decimal import Decimal

PLAIN = re.compile(r"\d{1,9}\.\d{2}")


def cents_of(value: str) -> int | None:
    """Cents of `9.87`; None where it is no such amount."""
    return int(Decimal(value) * 100) if PLAIN.fullmatch(value) else None


def text_of(cents: int) -> str:
    """`9.87` of 987 cents."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02}"


def number_of(cents: int) -> int | float:
    """25 of 2,500 cents and 9.87 of 987: a JSON number."""
    return cents // 100 if cents % 100 == 0 else float(text_of(cents))


def share(cents: int, basis_points: int, cap: int | None) -> int:
    """A percentage in basis points, rounded half up, capped."""
    fee = (cents * basis_points + 5_000) // 10_000
    return fee if cap is None else min(fee, cap)
