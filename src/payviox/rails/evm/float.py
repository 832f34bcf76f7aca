"""What a wallet holds on its chains, without what its open payments will still take."""

from collections.abc import Sequence

from payviox.rails.evm import amounts, gas
from payviox.rails.evm.chain_account import ChainAccount
from payviox.rails.evm.chains import COIN_DECIMALS
from payviox.rails.evm.client import NodeError
from payviox.rails.evm.prices import PriceError
from payviox.rails.protocol import Holding, RailError

FEW_SENDS = 20
"""A coin that is left for fewer token transfers than this at the price of now is low."""


async def read(chain_accounts: Sequence[ChainAccount]) -> list[Holding]:
    """Raises RailError."""
    try:
        return [
            holding
            for chain_account in chain_accounts
            for holding in await _of_chain(chain_account)
        ]
    except NodeError as error:
        raise RailError(str(error)) from error


async def _of_chain(chain_account: ChainAccount) -> list[Holding]:
    """Raises NodeError."""
    free = await coin_left(chain_account)
    cents = await _worth(chain_account, chain_account.chain.coin, free)
    low = await sends_left(chain_account, free) < FEW_SENDS
    name = f"{chain_account.chain.name} {chain_account.chain.coin}"
    holdings = [Holding(name, amounts.text(free, COIN_DECIMALS), cents, low)]
    for token in chain_account.chain.tokens.values():
        seen = await chain_account.node.seen(chain_account.address, token.address)
        owed = await chain_account.books.owed(chain_account.wallet, seen.mined)
        free = max((seen.token or 0) - owed.tokens.get(token.address, 0), 0)
        cents = await _worth(chain_account, token.symbol, free)
        least = chain_account.account.low_float
        low = least is not None and cents is not None and cents < least
        name = f"{chain_account.chain.name} {token.symbol}"
        holdings.append(Holding(name, amounts.text(free, token.decimals), cents, low))
    return holdings


async def coin_left(chain_account: ChainAccount) -> int:
    """What is left of the coin, in wei. Raises NodeError."""
    seen = await chain_account.node.seen(chain_account.address, None)
    owed = await chain_account.books.owed(chain_account.wallet, seen.mined)
    return max(seen.native - owed.native, 0)


async def sends_left(chain_account: ChainAccount, free: int) -> int:
    """How many token transfers so much of the coin is enough for now. Raises NodeError."""
    market = await gas.ask(chain_account.node)
    return free // max(gas.TOKEN_GAS * market.price, 1)


async def _worth(chain_account: ChainAccount, currency: str, units: int) -> int | None:
    """What it is worth in cents, None where nobody knows."""
    try:
        rate = await chain_account.rate(currency)
    except PriceError:
        return None
    return amounts.worth(units, rate.rate, chain_account.chain.decimals(currency))
