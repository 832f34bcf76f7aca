"""Quotes at PayPal: both directions, limits, and who may be named as the payee."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payviox.rails.fees import FeePolicy
from payviox.rails.orders import Invalid, Price, Request
from payviox.rails.paypal.quote import MAX_ITEM, price, receiver
from payviox.rails.protocol import Account

BUSINESS = UUID(int=1)
ACCOUNT = Account(BUSINESS, "paypal", "live", True, None, None, None, FeePolicy(), {}, {})

policies = st.builds(
    FeePolicy,
    payer=st.sampled_from(["sender", "recipient"]),
    percentage_bp=st.integers(0, 9_999),
    fixed=st.integers(0, 500),
    cap=st.none() | st.integers(0, 5_000),
)


def wanted(**amount: int) -> Request:
    return Request(BUSINESS, "paypal", {}, **amount)


@given(policies, st.integers(1, MAX_ITEM))
def test_who_asks_to_receive_exactly_receives_exactly(policy: FeePolicy, net_amount: int) -> None:
    asked = price(wanted(net_amount=net_amount), replace(ACCOUNT, fees=policy))
    assert asked.amount - asked.fees == asked.net_amount == net_amount
    assert asked.fees >= 0
    assert price(wanted(amount=asked.amount), replace(ACCOUNT, fees=policy)) == asked


@given(policies, st.integers(1, MAX_ITEM))
def test_what_is_asked_for_is_split_to_the_cent_or_refused(policy: FeePolicy, amount: int) -> None:
    try:
        asked = price(wanted(amount=amount), replace(ACCOUNT, fees=policy))
    except Invalid as error:
        (message,) = error.fields["amount"]
        least = int(message.split()[-1].rstrip("."))
        assert amount < least
        assert price(wanted(amount=least), replace(ACCOUNT, fees=policy)).amount == least
    else:
        assert asked.amount == amount == asked.fees + asked.net_amount
        assert 0 <= asked.fees < amount


@pytest.mark.parametrize("net_amount", [0, -1])
def test_nothing_is_not_paid(net_amount: int) -> None:
    with pytest.raises(Invalid) as refused:
        price(wanted(net_amount=net_amount), ACCOUNT)
    assert list(refused.value.fields) == ["net_amount"]


def test_one_payment_is_at_most_what_paypal_allows_unless_the_account_has_another_limit() -> None:
    assert price(wanted(amount=MAX_ITEM), ACCOUNT) == Price(MAX_ITEM, 0, MAX_ITEM)
    for field in ("amount", "net_amount"):
        with pytest.raises(Invalid) as refused:
            price(wanted(**{field: MAX_ITEM + 1}), ACCOUNT)
        assert list(refused.value.fields) == [field]
    raised = replace(ACCOUNT, max_amount=6_000_000)
    assert price(wanted(amount=MAX_ITEM + 1), raised) == Price(MAX_ITEM + 1, 0, MAX_ITEM + 1)


@pytest.mark.parametrize("email", ["ada@example.com", "a" * 115 + "@example.com"])
def test_an_address_is_kept_as_it_is(email: str) -> None:
    assert receiver({"email": email}) == email


@pytest.mark.parametrize(
    "email", [None, "", 7, ["ada@example.com"], "a" * 116 + "@example.com", "ada@exämple.com"]
)
def test_what_paypal_would_not_take_is_refused(email: Any) -> None:
    with pytest.raises(Invalid) as refused:
        receiver({"email": email})
    assert list(refused.value.fields) == ["paypal.email"]
