"""What a coin is worth in US dollars, and until when that may be relied on. A stale price
refuses."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, Protocol

from payviox.rails.evm.chains import Chain
from payviox.rails.evm.client import NodeError, Reverted

Source = Literal["one", "fixed", "feed"]

ONE_FOR = timedelta(hours=1)
"""How long a stablecoin is taken for a dollar before that is looked at again: it has no end."""

MAX_AHEAD = timedelta(minutes=5)
"""How far the clock of a chain may be ahead of ours."""

MAX_HOURS = 24 * 7
"""Of a price that an operator sets."""

LATEST, DECIMALS = "0xfeaf968c", "0x313ce567"
"""The calls latestRoundData() and decimals() of Chainlink's AggregatorV3Interface."""

WORD = 32


class PriceError(Exception):
    """There is no price that may be relied on; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Rate:
    """US dollars for one whole coin, valid until `expires_at`."""

    rate: Decimal
    source: Source
    expires_at: datetime


class Caller(Protocol):
    """A chain's node: payviox.rails.evm.client.Node."""

    async def call(self, to: str, data: str) -> bytes:
        """Raises Reverted and NodeError."""
        ...


async def rate(node: Caller, chain: Chain, currency: str) -> Rate:
    """What one of the chain's currencies is worth: a stablecoin a dollar; the coin what the
    operator says, while that is valid, or else what the chain's feed says. Raises PriceError."""
    now = datetime.now(UTC)
    if currency != chain.coin:
        return Rate(Decimal(1), "one", now + ONE_FOR)
    fixed = chain.fixed_price
    if fixed is not None and now < fixed.expires_at:
        return Rate(fixed.rate, "fixed", fixed.expires_at)
    if chain.price_feed is not None:
        return await _feed(node, chain, chain.price_feed, now)
    state = "has no price" if fixed is None else "has a price that is too old"
    raise PriceError(f"{chain.coin} on {chain.name} {state}: set one by `payviox rail price`.")


def fixed(price: Decimal, hours: int) -> dict[str, Any]:
    """A price in US dollars as an account's settings keep it, under `price` of a chain. Raises
    PriceError."""
    if not (price.is_finite() and 0 < price < 10**9):
        raise PriceError("A price must be a positive number of US dollars.")
    if not 0 < hours <= MAX_HOURS:
        raise PriceError(f"A price is valid for 1 to {MAX_HOURS} hours.")
    until = datetime.now(UTC) + timedelta(hours=hours)
    return {"rate": f"{price:f}", "expires_at": until.isoformat(timespec="seconds")}


async def _feed(node: Caller, chain: Chain, feed: str, now: datetime) -> Rate:
    name = f"The price feed of {chain.name}"
    try:
        [decimals] = _words(await node.call(feed, DECIMALS), 1)
        words = _words(await node.call(feed, LATEST), 5)
    except (NodeError, Reverted) as error:
        raise PriceError(f"{name} cannot be read ({type(error).__name__}).") from error
    except ValueError:
        raise PriceError(f"{name} is none: {feed} does not answer as one.") from None
    round_id, answer, _, updated, answered_in = words
    if decimals > 36:
        raise PriceError(f"{name} is none: {feed} has {decimals} decimals.")
    # The answer is a signed number.
    if not 0 < answer < 2**255:
        raise PriceError(f"{name} has no positive price.")
    if updated == 0 or answered_in < round_id:
        raise PriceError(f"{name} carries an old price over: its round is not answered.")
    if updated > (now + MAX_AHEAD).timestamp():
        raise PriceError(f"{name} is ahead of this machine's clock, which may be wrong.")
    expires_at = datetime.fromtimestamp(updated, UTC) + timedelta(seconds=chain.price_max_age_s)
    if now >= expires_at:
        raise PriceError(f"{name} is stale: it was last renewed {_at(updated)}.")
    return Rate(Decimal(f"{answer}E-{decimals}"), "feed", expires_at)


def _words(answer: bytes, count: int) -> list[int]:
    """So many unsigned numbers. Raises ValueError."""
    if len(answer) < count * WORD:
        raise ValueError("too short")
    return [int.from_bytes(answer[i * WORD : (i + 1) * WORD], "big") for i in range(count)]


def _at(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="seconds")
