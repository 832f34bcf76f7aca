"""The sandbox rail's prices and addresses."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payviox.rails.evm import addresses
from payviox.rails.orders import Invalid, Provider, Quote, Request
from payviox.rails.sandbox.quote import crypto_fee, gross_crypto
from payviox.rails.sandbox.rail import SandboxRail

pytestmark = pytest.mark.anyio

RAIL = SandboxRail(books=None)  # type: ignore[arg-type]  # nothing here is sent
ADDRESS = "0xdAC17F958D2ee523a2206206994597C13D831ec7"


@given(st.integers(1, 10**8))
def test_what_is_to_arrive_arrives_to_the_cent(net_amount: int) -> None:
    amount = gross_crypto(net_amount)
    assert amount - crypto_fee(amount) == net_amount
    less = amount - 1
    assert less - crypto_fee(less) < net_amount


@given(st.integers(2, 10**8))
def test_the_crypto_fee_is_a_percent_and_at_least_a_cent(amount: int) -> None:
    fee = crypto_fee(amount)
    assert fee >= 1
    assert abs(fee * 100 - amount) <= 50 or fee == 1


@pytest.mark.parametrize(
    ("provider", "destination"), [("paypal", {}), ("gift_card", {"product": "sandbox_card_5"})]
)
async def test_paypal_and_gift_cards_cost_nothing(
    provider: Provider, destination: dict[str, str]
) -> None:
    quote = await RAIL.quote(Request(uuid4(), provider, destination, amount=500))
    assert (quote.amount, quote.fees, quote.net_amount) == (500, 0, 500)


async def test_a_quote_by_net_amount_and_by_its_amount_agree() -> None:
    by_net = await RAIL.quote(Request(uuid4(), "crypto", {}, net_amount=4_950))
    by_gross = await RAIL.quote(Request(uuid4(), "crypto", {}, amount=by_net.amount))
    assert (by_gross.fees, by_gross.net_amount) == (by_net.fees, 4_950)


async def test_a_cent_of_crypto_is_all_fee_and_refused() -> None:
    with pytest.raises(Invalid) as caught:
        await RAIL.quote(Request(uuid4(), "crypto", {}, amount=1))
    assert caught.value.fields == {"amount": ["The amount must be at least 2."]}


@pytest.mark.parametrize(
    "address",
    [
        ADDRESS,
        ADDRESS.lower(),
        "0x" + ADDRESS[2:].upper(),
        # The examples of EIP-55.
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ],
)
def test_a_good_address_is_taken(address: str) -> None:
    assert addresses.problem(address) is None


@pytest.mark.parametrize(
    "address",
    [
        "",
        "0x",
        ADDRESS[:-1],
        ADDRESS + "0",
        ADDRESS.replace("dAC", "dAc"),
        ADDRESS.replace("0x", "0X"),
        "0x" + "0" * 40,
        "0x" + "0" * 39 + "g",
        ADDRESS + "\n",
        "0x" + "\u0661" * 40,
    ],
)
def test_a_bad_address_is_refused(address: str) -> None:
    assert addresses.problem(address) is not None


async def test_every_fault_of_a_crypto_destination_is_named_at_once() -> None:
    destination = {"currency": "DOGE", "chain": "TRC20", "to_address": "0x12"}
    with pytest.raises(Invalid) as caught:
        await RAIL.quote(Request(uuid4(), "crypto", destination, amount=500))
    assert set(caught.value.fields) == {"crypto.currency", "crypto.chain", "crypto.to_address"}


async def test_a_gift_card_costs_its_price() -> None:
    with pytest.raises(Invalid) as caught:
        await RAIL.quote(Request(uuid4(), "gift_card", {"product": "sandbox_card_10"}, amount=500))
    assert set(caught.value.fields) == {"amount"}


async def test_a_gift_card_is_not_sold_for_a_quote_of_another_price() -> None:
    with pytest.raises(Invalid):
        await RAIL.quote(Request(uuid4(), "gift_card", {}, amount=1))
    cheap = Quote(1, 0, 1, {}, datetime.now(UTC))
    request = Request(uuid4(), "gift_card", {"product": "sandbox_card_100"})
    with pytest.raises(Invalid) as caught:
        await RAIL.validate(uuid4(), cheap, request, "ada@example.com")
    assert set(caught.value.fields) == {"amount"}
