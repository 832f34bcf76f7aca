"""What a coin is worth where no feed is asked."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from payviox.rails.evm.chain_settings import build
from payviox.rails.evm.chains import BUILT_IN, Chain, FixedPrice
from payviox.rails.evm.prices import MAX_HOURS, PriceError, fixed, rate

pytestmark = pytest.mark.anyio

CHAIN = replace(BUILT_IN["ERC20"], price_feed=None)


class NoNode:
    async def call(self, to: str, data: str) -> bytes:
        raise AssertionError("nothing is to be asked")


def priced(price: str, left: timedelta) -> Chain:
    return replace(CHAIN, fixed_price=FixedPrice(Decimal(price), datetime.now(UTC) + left))


async def test_a_stablecoin_is_worth_a_dollar() -> None:
    found = await rate(NoNode(), CHAIN, "USDT")
    assert (found.rate, found.source) == (Decimal(1), "one")
    assert found.expires_at > datetime.now(UTC)


async def test_an_operators_price_counts_until_its_end() -> None:
    chain = priced("3000.5", timedelta(minutes=1))
    found = await rate(NoNode(), chain, "ETH")
    assert (found.rate, found.source) == (Decimal("3000.5"), "fixed")
    assert chain.fixed_price is not None
    assert found.expires_at == chain.fixed_price.expires_at


async def test_an_old_price_and_no_price_refuse_and_say_what_to_do() -> None:
    with pytest.raises(PriceError, match=r"too old: set one by `payviox rail price`"):
        await rate(NoNode(), priced("3000", timedelta(0)), "ETH")
    with pytest.raises(PriceError, match="no price"):
        await rate(NoNode(), CHAIN, "ETH")


def test_a_price_is_kept_as_a_chains_settings_have_it() -> None:
    kept = fixed(Decimal("1E+3"), 2)
    assert kept["rate"] == "1000"
    chain = build("ERC20", {"price": kept}, ["https://node.example"])
    assert chain.fixed_price is not None
    left = chain.fixed_price.expires_at - datetime.now(UTC)
    assert timedelta(hours=1, minutes=59) < left <= timedelta(hours=2)


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity", "1e9"])
def test_a_price_that_is_none_is_refused(price: str) -> None:
    with pytest.raises(PriceError, match="positive number"):
        fixed(Decimal(price), 1)


@pytest.mark.parametrize("hours", [0, -1, MAX_HOURS + 1])
def test_a_price_without_an_end_in_sight_is_refused(hours: int) -> None:
    with pytest.raises(PriceError, match="hours"):
        fixed(Decimal(1), hours)
