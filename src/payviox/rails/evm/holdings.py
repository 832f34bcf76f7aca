"""What a wallet holds on its chains, without what its open payments will still take."""

from collections.abc import Sequence

from payviox.rails.base import Holding, RailError
from payviox.rails.evm import amounts, gas
from payviox.rails.evm.chains import COIN_DECIMALS
from payviox.rails.evm.desk import Desk
from payviox.rails.evm.node import NodeError
from payviox.rails.evm.prices import PriceError

FEW_SENDS = 20
"""A coin that is left for fewer token transfers than this at the price of now is low."""


async def read(desks: Sequence[Desk]) -> list[Holding]:
    """Raises RailError."""
    try:
        return [holding for desk in desks for holding in await _of_chain(desk)]
    except NodeError as error:
        raise RailError(str(error)) from error


async def _of_chain(desk: Desk) -> list[Holding]:
    """Raises NodeError."""
    free = await coin_left(desk)
    cents = await _worth(desk, desk.chain.coin, free)
    low = await sends_left(desk, free) < FEW_SENDS
    name = f"{desk.chain.name} {desk.chain.coin}"
    held = [Holding(name, amounts.text(free, COIN_DECIMALS), cents, low)]
    for token in desk.chain.tokens.values():
        seen = await desk.node.seen(desk.address, token.address)
        owed = await desk.books.owed(desk.wallet, seen.mined)
        free = max((seen.token or 0) - owed.tokens.get(token.address, 0), 0)
        cents = await _worth(desk, token.symbol, free)
        least = desk.account.low_float
        low = least is not None and cents is not None and cents < least
        name = f"{desk.chain.name} {token.symbol}"
        held.append(Holding(name, amounts.text(free, token.decimals), cents, low))
    return held


async def coin_left(desk: Desk) -> int:
    """Of the coin, in wei. Raises NodeError."""
    seen = await desk.node.seen(desk.address, None)
    owed = await desk.books.owed(desk.wallet, seen.mined)
    return max(seen.native - owed.native, 0)


async def sends_left(desk: Desk, free: int) -> int:
    """How many token transfers so much of the coin is enough for now. Raises NodeError."""
    market = await gas.ask(desk.node)
    return free // max(gas.TOKEN_GAS * market.price, 1)


async def _worth(desk: Desk, currency: str, units: int) -> int | None:
    """In cents, None where nobody knows."""
    try:
        rate = await desk.rate(currency)
    except PriceError:
        return None
    return amounts.worth(units, rate.rate, desk.chain.decimals(currency))
