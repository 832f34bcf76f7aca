"""From US cents to a currency's cents and back. Exact decimals, one rounding each, always named:
what is bought is rounded down, what something is worth to the nearest cent, halves to even."""

from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

from msgspec import Struct

from payviox.rates.model import ExchangeRate

BASIS_POINTS = 10_000
MOST_SPREAD_BP = 1_000
"""Ten percent."""

# Ample: 15 digits of cents times 20 of a rate.
_EXACT = Context(prec=60)


class Bought(Struct, frozen=True, kw_only=True):
    """`amount` in cents of the currency for `cents` US cents. `worth` is what that amount is worth
    in US cents at the rate itself: the rest, spread and rounding, stays with the payer."""

    cents: int
    currency: str
    amount: int
    worth: int

    @property
    def kept(self) -> int:
        """What the payer keeps of it in US cents; below zero by one where rounding says so."""
        return self.cents - self.worth


def buy(cents: int, rate: ExchangeRate, spread_bp: int = 0) -> Bought:
    """What so many US cents buy, `spread_bp` basis points below the rate, rounded down: the payee
    never gets more than was paid for."""
    share = _EXACT.divide(Decimal(BASIS_POINTS - spread_bp), Decimal(BASIS_POINTS))
    exact = _EXACT.divide(_EXACT.multiply(Decimal(cents), share), rate.rate)
    amount = int(exact.to_integral_value(ROUND_FLOOR, _EXACT))
    return Bought(cents=cents, currency=rate.currency, amount=amount, worth=worth(amount, rate))


def worth(amount: int, rate: ExchangeRate) -> int:
    """What so many cents of the currency are worth in US cents."""
    exact = _EXACT.multiply(Decimal(amount), rate.rate)
    return int(exact.to_integral_value(ROUND_HALF_EVEN, _EXACT))
