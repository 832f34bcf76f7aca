"""Coins' units, their decimals and cents, exact in both directions."""

from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payviox.rails.evm import amounts, gas
from payviox.rails.evm.books import Fees
from payviox.rails.evm.gas import Market
from payviox.rails.evm.quote import priced
from payviox.rails.fees import FeePolicy
from payviox.rails.orders import Invalid, Price, Request

DECIMALS = st.integers(0, 24)
CENTS = st.integers(1, 100_000_000)
RATES = st.decimals("0.000001", "1000000", places=8)


@given(st.integers(0, 10**30), DECIMALS)
def test_units_survive_being_written_and_read(units: int, decimals: int) -> None:
    text = amounts.text(units, decimals)
    assert amounts.units(text, decimals) == units
    assert Decimal(text).as_tuple().exponent == -len(text.partition(".")[2])


@pytest.mark.parametrize("text", ["", "1e3", "-1", "1.", ".5", "NaN", "0x1", "1,5", "1.0000001"])
def test_what_is_no_amount_of_six_decimals_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"amount|decimals"):
        amounts.units(text, 6)


@given(CENTS, RATES, st.integers(0, 9_999), DECIMALS)
def test_what_is_bought_is_never_worth_more_than_was_paid(
    cents: int, rate: Decimal, spread_bp: int, decimals: int
) -> None:
    units = amounts.bought(cents, rate, spread_bp, decimals)
    price = Fraction(rate) * (10_000 + spread_bp) / 10_000
    worth = Fraction(units, 10**decimals) * price * 100
    one_more = Fraction(units + 1, 10**decimals) * price * 100
    assert worth <= cents < one_more
    assert amounts.loses_a_cent(cents, units, rate, spread_bp, decimals) == (cents - worth >= 1)


@given(CENTS, st.sampled_from([6, 18]))
def test_a_dollar_coin_pays_every_cent(cents: int, decimals: int) -> None:
    units = amounts.bought(cents, Decimal(1), 0, decimals)
    assert amounts.worth(units, Decimal(1), decimals) == cents
    assert Decimal(amounts.text(units, decimals)) == Decimal(cents) / 100


@given(st.integers(0, 10**24), RATES)
def test_worth_is_rounded_half_up_and_worth_at_least_up(wei: int, rate: Decimal) -> None:
    exact = Fraction(wei, 10**18) * Fraction(rate) * 100
    assert -Fraction(1, 2) < amounts.worth(wei, rate) - exact <= Fraction(1, 2)
    assert 0 <= amounts.worth_at_least(wei, rate) - exact < 1


POLICIES = st.builds(
    FeePolicy,
    st.sampled_from(["sender", "recipient"]),
    st.integers(0, 5_000),
    st.integers(0, 1_000),
    st.none() | st.integers(0, 5_000),
)


def asked(**amount: int) -> Request:
    return Request(UUID(int=1), "crypto", {}, **amount)


@given(POLICIES, CENTS, st.integers(0, 5_000))
def test_fees_and_what_arrives_add_up_in_both_directions(
    policy: FeePolicy, net_amount: int, network_fee: int
) -> None:
    price = priced(policy, asked(net_amount=net_amount), network_fee)
    assert price.amount - price.fees == price.net_amount == net_amount
    assert priced(policy, asked(amount=price.amount), network_fee) == price


def test_an_amount_that_its_fees_eat_up_is_refused() -> None:
    policy = FeePolicy("recipient", fixed=30)
    with pytest.raises(Invalid):
        priced(policy, asked(amount=100), 70)
    assert priced(policy, asked(amount=101), 70) == Price(101, 100, 1)


@given(
    st.integers(0, 10**12),
    st.integers(1, 10**11),
    st.none() | st.integers(0, 10**11),
    st.integers(0, 10**11),
)
def test_a_raised_offer_is_an_eighth_higher_in_both_caps_and_below_the_most(
    most: int, max_price: int, base_fee: int | None, tip: int
) -> None:
    market = Market(base_fee, tip)
    last = Fees(max_price, None if base_fee is None else min(tip, max_price))
    raised = gas.bumped(last, market, most)
    if raised is None:
        return
    assert raised.max_price <= most
    assert 8 * raised.max_price >= 9 * last.max_price
    assert (raised.tip is None) == (last.tip is None)
    if raised.tip is not None and last.tip is not None:
        assert 8 * raised.tip >= 9 * last.tip
        assert last.tip < raised.tip <= raised.max_price


@given(st.integers(1, 10**12), st.none() | st.integers(0, 10**11), st.integers(0, 10**11))
def test_an_offer_covers_the_price_of_now_where_the_cap_allows(
    most: int, base_fee: int | None, tip: int
) -> None:
    market = Market(base_fee, tip)
    offer = gas.offer(market, most)
    assert offer.max_price <= most
    assert offer.max_price >= min(market.price, most)
    assert offer.tip is None or offer.tip <= offer.max_price
