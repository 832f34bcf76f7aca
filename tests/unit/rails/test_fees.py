"""Fee policies add up to the cent, in both directions. Amounts are US cents."""

from hypothesis import example, given
from hypothesis import strategies as st

from payviox.money import MAX_ALLOCATION
from payviox.rails.fees import FeePolicy

AMOUNTS = st.integers(1, MAX_ALLOCATION)
CAPS = st.none() | st.integers(0, 100_000)
RECIPIENT_PAYS = st.builds(
    FeePolicy, st.just("recipient"), st.integers(0, 9_999), st.integers(0, 100_000), CAPS
)
SENDER_PAYS = st.builds(
    FeePolicy, st.just("sender"), st.integers(0, 9_999), st.integers(0, 100_000), CAPS
)
MOST_OF_ALL = FeePolicy("recipient", 9_999, 100_000, None)


@given(SENDER_PAYS, AMOUNTS)
def test_where_the_sender_pays_the_payout_user_pays_nothing(policy: FeePolicy, amount: int) -> None:
    assert policy.of_amount(amount) == 0
    assert policy.of_net(amount) == 0


@given(RECIPIENT_PAYS, AMOUNTS)
@example(MOST_OF_ALL, 1)
@example(MOST_OF_ALL, MAX_ALLOCATION)
def test_receiving_exactly_so_much_leaves_exactly_so_much(policy: FeePolicy, net: int) -> None:
    fee = policy.of_net(net)
    assert fee >= 0
    assert policy.of_amount(net + fee) == fee, "the fee of the gross amount is the same fee"


@given(RECIPIENT_PAYS, AMOUNTS)
@example(MOST_OF_ALL, 1)
def test_nothing_less_leaves_so_much(policy: FeePolicy, net: int) -> None:
    less = net + policy.of_net(net) - 1
    assert less - policy.of_amount(less) < net


@given(RECIPIENT_PAYS, AMOUNTS)
def test_spending_so_much_and_receiving_what_is_left_agree(policy: FeePolicy, amount: int) -> None:
    net = amount - policy.of_amount(amount)
    if net < 1:
        return
    gross = net + policy.of_net(net)
    assert gross <= amount, "the least amount that leaves it"
    assert gross - policy.of_amount(gross) == net


@given(RECIPIENT_PAYS, AMOUNTS)
def test_what_is_left_never_falls_and_grows_by_a_cent_at_most(
    policy: FeePolicy, amount: int
) -> None:
    left = amount - policy.of_amount(amount)
    more = amount + 1 - policy.of_amount(amount + 1)
    assert 0 <= more - left <= 1


@given(RECIPIENT_PAYS, AMOUNTS)
def test_the_fee_is_percentage_and_fixed_part_within_half_a_cent_and_at_most_the_cap(
    policy: FeePolicy, amount: int
) -> None:
    fee = policy.of_amount(amount)
    if policy.cap is not None:
        assert fee <= policy.cap
    if policy.cap is None or fee < policy.cap:
        exact = amount * policy.percentage_bp
        assert abs((fee - policy.fixed) * 10_000 - exact) <= 5_000


def test_some_fees_by_hand() -> None:
    policy = FeePolicy("recipient", percentage_bp=200, fixed=25, cap=100)
    assert policy.of_amount(1_000) == 45
    assert policy.of_amount(1_024) == 45, "20.48 is rounded down"
    assert policy.of_amount(1_025) == 46, "20.5 is rounded up"
    assert policy.of_amount(1_000_000) == 100, "the cap"
    assert policy.of_net(955) == 45
    assert policy.of_net(999_900) == 100
