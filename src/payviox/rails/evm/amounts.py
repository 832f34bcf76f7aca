"""Amounts of coins: an asset's smallest units, its decimals as text, US cents. Exact; every
rounding is named by its function."""

import re
from decimal import Decimal
from fractions import Fraction

from payviox.rails.evm.chains import COIN_DECIMALS

PLAIN = re.compile(r"[0-9]{1,60}(\.[0-9]{1,60})?", re.ASCII)


def text(units: int, decimals: int) -> str:
    """`(49_500_000, 6)` → `"49.5"`."""
    whole, rest = divmod(units, _one(decimals))
    fraction = f"{rest:0{decimals}d}".rstrip("0") if rest else ""
    return f"{whole}.{fraction}" if fraction else str(whole)


def units(amount: str, decimals: int) -> int:
    """`("49.5", 6)` → `49_500_000`. Raises ValueError for what is no amount of so many decimals."""
    if not PLAIN.fullmatch(amount):
        raise ValueError(f"{amount!r} is no amount")
    exact = Fraction(amount) * _one(decimals)
    if exact.denominator != 1:
        raise ValueError(f"{amount} has more than {decimals} decimals")
    return exact.numerator


def bought(cents: int, rate: Decimal, spread_bp: int, decimals: int) -> int:
    """The units that so many cents buy at a rate in US dollars a coin, made dearer by so many basis
    points; rounded down."""
    exact = Fraction(cents, 100) / _dearer(rate, spread_bp) * _one(decimals)
    return exact.numerator // exact.denominator


def loses_a_cent(cents: int, units: int, rate: Decimal, spread_bp: int, decimals: int) -> bool:
    """Whether rounding down to so many units takes a cent or more away from the payee."""
    return cents - _cents(units, _dearer(rate, spread_bp), decimals) >= 1


def worth(amount: int, rate: Decimal, decimals: int = COIN_DECIMALS) -> int:
    """Units in cents, rounded half up."""
    exact = _cents(amount, Fraction(rate), decimals) + Fraction(1, 2)
    return exact.numerator // exact.denominator


def worth_at_least(amount: int, rate: Decimal, decimals: int = COIN_DECIMALS) -> int:
    """Units in cents, rounded up."""
    exact = _cents(amount, Fraction(rate), decimals)
    return -(-exact.numerator // exact.denominator)


def _cents(amount: int, rate: Fraction, decimals: int) -> Fraction:
    return Fraction(amount, _one(decimals)) * rate * 100


def _one(decimals: int) -> int:
    """The units of a whole coin."""
    return int(10**decimals)


def _dearer(rate: Decimal, spread_bp: int) -> Fraction:
    return Fraction(rate) * (10_000 + spread_bp) / 10_000
