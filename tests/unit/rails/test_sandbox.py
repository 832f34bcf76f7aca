"""The sandbox rail's prices, addresses and table of endings."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payviox.rails import sandbox_endings
from payviox.rails.evm import addresses
from payviox.rails.protocol import Invalid, Provider, Quote, Request
from payviox.rails.sandbox import SandboxRail, crypto_fee, gross_crypto
from payviox.rails.sandbox_endings import ENDINGS, PRODUCTS, SUCCEED, ending_of

pytestmark = pytest.mark.anyio

RAIL = SandboxRail(books=None)  # type: ignore[arg-type]  # nothing here is sent
DOCUMENT = Path(__file__).parents[3] / "docs" / "sandbox.md"
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


def test_endings_are_told_apart() -> None:
    assert len({e.number for e in ENDINGS}) == len({e.name for e in ENDINGS}) == len(ENDINGS)
    assert all(addresses.problem(e.address) is None for e in ENDINGS)
    assert all(e.product_id in PRODUCTS for e in ENDINGS)


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_every_way_to_ask_for_an_ending_works(ending: sandbox_endings.Ending) -> None:
    crypto = {"to_address": ending.address}
    assert ending_of("paypal", 50_000 + ending.number, {"email": "a@x.com"}) is ending
    assert ending_of("paypal", 500, {"email": f"{ending.name}@example.com"}) is ending
    assert ending_of("crypto", 500, crypto) is ending
    assert ending_of("gift_card", 1_000, {"product": ending.product_id}) is ending


@given(st.integers(1, 10**8).filter(lambda a: not 6601 <= a % 10_000 <= 6609))
def test_what_the_table_does_not_list_succeeds(amount: int) -> None:
    assert ending_of("paypal", amount, {"email": "failure@example.com"}) is SUCCEED
    assert ending_of("crypto", amount, {"to_address": ADDRESS}) is SUCCEED


def test_the_documentations_table_is_the_codes() -> None:
    assert sandbox_endings.table() in DOCUMENT.read_text(encoding="utf-8")
