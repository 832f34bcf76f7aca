"""What a transaction offers for its gas, below the chain's cap. Prices in wei per gas."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from payviox.rails.evm.books import Fees
from payviox.rails.evm.chains import Chain
from payviox.rails.evm.client import LEAST_GAS, Node, Reverted

GWEI = 10**9

COIN_GAS = LEAST_GAS
"""What a transfer of the coin to a plain account uses, on every chain (Ethereum's rule)."""

TOKEN_GAS = 65_000
"""What a stablecoin's transfer uses at most, where it cannot be tried out."""

MOST_GAS = 100_000
"""What a payment may use beyond a plain transfer on its chain. A payee may be a contract, which
takes what gas it likes for being paid."""

SPARE_GAS = 25_000
"""A token's entry for a payee without a balance costs 17,100 more than one that is changed."""

QUOTE_PERCENT = 125
"""A quote's network fee in percent of the price of the moment: it may rise until it is sent."""


@dataclass(frozen=True, slots=True)
class Market:
    """What is asked now. `base_fee` None: one `tip` is the whole price (before EIP-1559)."""

    base_fee: int | None
    tip: int

    @property
    def price(self) -> int:
        return (self.base_fee or 0) + self.tip

    @property
    def quoted(self) -> int:
        return -(-self.price * QUOTE_PERCENT // 100)


async def ask(node: Node) -> Market:
    """Raises NodeError."""
    head = await node.head()
    if node.chain.legacy_fees or head.base_fee is None:
        return Market(None, await node.gas_price())
    return Market(head.base_fee, await node.tip())


def cap(chain: Chain) -> int:
    return chain.max_fee_gwei * GWEI


def offer(market: Market, most: int) -> Fees:
    """Enough for several full blocks on end, each of which raises the base fee by an eighth; never
    more than `most`."""
    if market.base_fee is None:
        return Fees(min(market.price * 110 // 100, most), None)
    max_price = min(2 * market.base_fee + market.tip, most)
    return Fees(max_price, min(market.tip, max_price))


def bumped(last: Fees, market: Market, most: int) -> Fees | None:
    """What replaces a transaction that offered `last`: an eighth more, or what is asked now. None
    where the cap does not allow it. Nodes want a tenth more, of both (geth)."""
    now = offer(market, most)
    max_price = max(_eighth_more(last.max_price), now.max_price)
    if max_price > most:
        return None
    if last.tip is None:
        return Fees(max_price, None)
    tip = max(_eighth_more(last.tip), now.tip or 0)
    return Fees(max_price, tip) if tip <= max_price else None


async def estimate(node: Node, wallet: str, transaction: Mapping[str, Any]) -> int:
    """The gas of a wallet's transaction. Raises Reverted where it would fail, or use too much, and
    NodeError."""
    used = await node.estimate({"from": wallet, **transaction})
    if used > await node.plain_gas(wallet) + MOST_GAS:
        raise Reverted
    return used


def limit(estimate: int) -> int:
    """The gas to allow for what was estimated: the chain may be another by then, such as the payee
    without a balance, whose entry costs more to make. A plain transfer of the coin is always the
    same."""
    return estimate if estimate == COIN_GAS else max(estimate * 130 // 100, estimate + SPARE_GAS)


def ran_out(used: int, allowed: int) -> bool:
    """Whether a transaction failed for want of gas: a contract that calls another one keeps a part
    of what is left (EIP-150)."""
    return used * 64 >= allowed * 63


def _eighth_more(price: int) -> int:
    return max(price + -(-price // 8), price + 1)
