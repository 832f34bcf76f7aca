"""From US cents to a currency's cents and back. Exact decimals, one rounding each, always named:
what is bought is rounded down, what something is worth to the nearest cent, halves to even."""

from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

from msgspec import Struct

from payviox.rates.model import ExchangeRate

BASIS_POINTS = 10_000
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
    """What so many US cents buy where a unit is `spread_bp` basis points dearer than the rate,
    rounded down: the payee never gets more than was paid for."""
    dearer = _EXACT.multiply(rate.rate, Decimal(BASIS_POINTS + spread_bp))
    exact = _EXACT.divide(Decimal(cents * BASIS_POINTS), dearer)
    amount = int(exact.to_integral_value(ROUND_FLOOR, _EXACT))
    return Bought(cents=cents, currency=rate.currency, amount=amount, worth=worth(amount, rate))


def worth(amount: int, rate: ExchangeRate) -> int:
    """What so many cents of the currency are worth in US cents."""
    exact = _EXACT.multiply(Decimal(amount), rate.rate)
    return int(exact.to_integral_value(ROUND_HALF_EVEN, _EXACT))
