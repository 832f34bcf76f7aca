"""A coin's price from a feed contract on a real node."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from payviox.rails.evm.chain_settings import build
from payviox.rails.evm.client import Node as ChainNode
from payviox.rails.evm.prices import PriceError, rate
from support.anvil import Contract, Node

pytestmark = pytest.mark.anyio

PRICE = 3_123_456_789_01
MAX_AGE_S = 3_600


@pytest.fixture
def feed(anvil: Node) -> Contract:
    return anvil.deploy("PriceFeed", 8, PRICE)


@pytest.fixture
async def node(anvil: Node, feed: Contract) -> AsyncIterator[ChainNode]:
    """A chain with this feed."""
    facts = {
        "chain_id": anvil.chain_id,
        "coin": "ETH",
        "confirmations": 1,
        "block_s": 1,
        "max_fee_gwei": 100,
        "price_feed": feed.address,
        "price_max_age_s": MAX_AGE_S,
    }
    made = ChainNode(build("LOCAL", facts, [anvil.url]))
    yield made
    await made.close()


def tell(feed: Contract, answer: int, age_s: int = 0, rounds: tuple[int, int] = (9, 9)) -> None:
    feed.write("set", answer, int(time.time()) - age_s, *rounds)


async def test_a_fresh_feed_is_read_to_the_last_digit(node: ChainNode, feed: Contract) -> None:
    tell(feed, PRICE, age_s=100)
    found = await rate(node, node.chain, "ETH")
    assert (found.rate, found.source) == (Decimal("3123.45678901"), "feed")
    left = (found.expires_at - datetime.now(UTC)).total_seconds()
    assert MAX_AGE_S - 110 < left < MAX_AGE_S - 90


async def test_decimals_are_the_feeds_own(anvil: Node, node: ChainNode) -> None:
    exact = 3_123_456789012345678901
    other = anvil.deploy("PriceFeed", 18, exact)
    found = await rate(node, replace(node.chain, price_feed=other.address), "ETH")
    assert found.rate == Decimal("3123.456789012345678901")


async def test_what_the_operator_says_goes_before_the_feed(node: ChainNode, feed: Contract) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    price = {"rate": "2900", "expires_at": until.isoformat()}
    facts = {"chain_id": 31337, "coin": "ETH", "confirmations": 1, "block_s": 1, "max_fee_gwei": 9}
    chain = build(
        "LOCAL", {**facts, "price_feed": feed.address, "price": price}, ["http://127.0.0.1:1"]
    )
    assert (await rate(node, chain, "ETH")).source == "fixed"
    price["expires_at"] = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    chain = build(
        "LOCAL", {**facts, "price_feed": feed.address, "price": price}, ["http://127.0.0.1:1"]
    )
    assert (await rate(node, chain, "ETH")).source == "feed"


@pytest.mark.parametrize(
    ("answer", "age_s", "rounds", "message"),
    [
        (PRICE, MAX_AGE_S + 1, (9, 9), "stale"),
        (PRICE, MAX_AGE_S * 1000, (9, 9), "stale"),
        (PRICE, -3_600, (9, 9), "clock"),
        (PRICE, 0, (9, 8), "carries an old price over"),
        (0, 0, (9, 9), "no positive price"),
        (-1, 0, (9, 9), "no positive price"),
        (-PRICE, 0, (9, 9), "no positive price"),
    ],
)
async def test_a_feed_that_cannot_be_relied_on_refuses(
    node: ChainNode,
    feed: Contract,
    answer: int,
    age_s: int,
    rounds: tuple[int, int],
    message: str,
) -> None:
    tell(feed, answer, age_s, rounds)
    with pytest.raises(PriceError, match=message):
        await rate(node, node.chain, "ETH")


async def test_a_round_that_has_not_begun_refuses(node: ChainNode, feed: Contract) -> None:
    feed.write("set", PRICE, 0, 9, 9)
    with pytest.raises(PriceError, match="not answered"):
        await rate(node, node.chain, "ETH")


async def test_what_is_no_feed_refuses(anvil: Node, node: ChainNode) -> None:
    token = anvil.deploy("ReturnlessToken")
    for address in (anvil.accounts[9], token.address):
        with pytest.raises(PriceError, match="price feed of LOCAL"):
            await rate(node, replace(node.chain, price_feed=address), "ETH")


async def test_a_node_that_is_gone_refuses(anvil: Node, feed: Contract) -> None:
    facts = {"chain_id": 31337, "coin": "ETH", "confirmations": 1, "block_s": 1, "max_fee_gwei": 9}
    chain = build("LOCAL", {**facts, "price_feed": feed.address}, ["http://127.0.0.1:1"])
    gone = ChainNode(chain)
    with pytest.raises(PriceError, match="cannot be read"):
        await rate(gone, chain, "ETH")
    await gone.close()
