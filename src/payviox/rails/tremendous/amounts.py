"""Amounts as Tremendous writes them, decimal numbers of dollars, and ours, US cents. Neither way
goes through binary fractions."""

from decimal import Decimal

MOST = Decimal(10**12)
"""Dollars; whatever is more is no amount."""


def to_cents(value: object) -> int | None:
    """`Decimal("25.10")` → 2510; None where it is not an exact, finite, non-negative number of
    cents. A JSON number is an int or a Decimal here."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    dollars = Decimal(value)
    if not dollars.is_finite() or not 0 <= dollars <= MOST:
        return None
    cents = dollars * 100
    return int(cents) if cents == cents.to_integral_value() else None


def to_dollars(cents: int) -> Decimal:
    """2510 → `Decimal("25.10")`."""
    return Decimal(cents).scaleb(-2)
