"""What is wrong with an account's wallet, its chains and their nodes. Nothing is sent."""

import time
from collections.abc import Sequence

from payviox.rails.base import Finding
from payviox.rails.evm import holdings
from payviox.rails.evm.chains import shown_url
from payviox.rails.evm.desk import Desk
from payviox.rails.evm.keys import SignerError
from payviox.rails.evm.node import NodeError
from payviox.rails.evm.prices import PriceError

LATE_S = 600.0
"""A newest block older than this, or than so many of its chain's, is a node that lags."""

LATE_BLOCKS = 60


async def check(desks: Sequence[Desk]) -> list[Finding]:
    found = [await _key(desks[0])] if desks else [Finding("chains", "The account has no chain.")]
    for desk in desks:
        found += await _chain(desk)
    return found


async def _key(desk: Desk) -> Finding:
    try:
        signer = await desk.signer()
    except SignerError as error:
        return Finding("wallet", str(error))
    if signer.address != desk.address:
        return Finding("wallet", f"The key is of {signer.address}, not of {desk.address}.")
    return Finding("wallet", detail=desk.address)


async def _chain(desk: Desk) -> list[Finding]:
    name = desk.chain.name
    nodes = ", ".join(shown_url(url) for url in desk.chain.rpc_urls)
    try:
        head = await desk.node.head()
        found = [Finding(f"{name} node", _lag(desk, head.timestamp), nodes)]
        found += [await _gas(desk), await _price(desk), await _nonces(desk)]
        for token in desk.chain.tokens.values():
            found.append(await _token(desk, token.symbol, token.address, token.decimals))
    except NodeError as error:
        return [Finding(f"{name} node", f"{error}. Check its URL and key.", nodes)]
    return found


def _lag(desk: Desk, timestamp: int) -> str | None:
    age_s = time.time() - timestamp
    if age_s > max(LATE_S, LATE_BLOCKS * desk.chain.block_s):
        return f"The node lags: its newest block is {int(age_s)} s old."
    if age_s < -60:
        return "The newest block is from the future: this machine's clock is late."
    return None


async def _gas(desk: Desk) -> Finding:
    left = await holdings.sends_left(desk, await holdings.coin_left(desk))
    problem = None
    if left < holdings.FEW_SENDS:
        problem = (
            f"The wallet has {desk.chain.coin} for about {left} more payments' gas: send some to"
            f" {desk.address}."
        )
    return Finding(f"{desk.chain.name} gas", problem, f"about {left} payments")


async def _price(desk: Desk) -> Finding:
    try:
        rate = await desk.rate(desk.chain.coin)
    except PriceError as error:
        return Finding(f"{desk.chain.name} price", str(error))
    return Finding(f"{desk.chain.name} price", detail=f"{rate.rate:f} USD ({rate.source})")


async def _nonces(desk: Desk) -> Finding:
    """Whether anything that nobody sends stands before our payments."""
    mined = await desk.node.mined(desk.address)
    following = await desk.books.missing(desk.wallet, mined, mined + 1)
    owed = await desk.books.owed(desk.wallet, mined)
    blocked = bool(following) and owed.native > 0
    problem = (
        f"Payments wait for the wallet's nonce {mined}, which is not ours: send any transaction"
        " with it from the wallet."
    )
    return Finding(f"{desk.chain.name} nonces", problem if blocked else None, f"next {mined}")


async def _token(desk: Desk, symbol: str, address: str, decimals: int) -> Finding:
    subject = f"{desk.chain.name} {symbol}"
    if not await desk.node.has_code(address):
        return Finding(subject, f"There is no contract at {address} on this chain.")
    try:
        told = await desk.node.token_decimals(address)
    except NodeError as error:
        return Finding(subject, f"{error}.")
    if told != decimals:
        return Finding(subject, f"The contract says {told} decimals, the settings say {decimals}.")
    return Finding(subject, detail=address)
