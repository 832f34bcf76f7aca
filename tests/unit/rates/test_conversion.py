"""What US cents buy of a currency, and what it is worth."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from payviox.rates.conversion import buy, worth
from payviox.rates.model import ExchangeRate

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def euro(rate: str) -> ExchangeRate:
    return ExchangeRate(
        source="fixed",
        currency="EUR",
        rate=Decimal(rate),
        as_of=NOW,
        expires_at=NOW + timedelta(days=1),
    )


def test_a_hundred_dollars_buy_euros_rounded_down() -> None:
    bought = buy(100_00, euro("1.0825"))
    assert (bought.amount, bought.currency) == (92_37, "EUR")  # 92.3787…
    assert bought.worth == 99_99  # 92.37 * 1.0825 = 99.990525
    assert bought.kept == 1


def test_the_spread_stays_with_the_payer() -> None:
    bought = buy(100_00, euro("1"), spread_bp=150)
    assert (bought.amount, bought.worth, bought.kept) == (98_50, 98_50, 1_50)


def test_what_is_worth_half_a_cent_goes_to_the_even_one() -> None:
    assert [worth(1, euro("0.5")), worth(3, euro("0.5")), worth(5, euro("0.5"))] == [0, 2, 2]


rates = st.decimals("0.000001", "1000000", places=10).filter(lambda rate: rate >= Decimal("1e-6"))


@given(st.integers(1, 10**12), rates, st.integers(0, 1_000))
def test_no_payee_gets_more_than_was_paid_for_and_every_cent_is_somebodys(
    cents: int, rate: Decimal, spread_bp: int
) -> None:
    bought = buy(cents, euro(str(rate)), spread_bp)
    exact = Fraction(bought.amount) * Fraction(rate)
    share = Fraction(10_000 - spread_bp, 10_000)
    assert exact <= Fraction(cents) * share
    assert exact + Fraction(rate) > Fraction(cents) * share  # not a whole cent of it less
    assert bought.worth + bought.kept == cents
    assert abs(Fraction(bought.worth) - exact) <= Fraction(1, 2)
    assert bought.kept >= 0
