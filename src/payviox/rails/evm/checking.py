"""What is wrong with an account's wallet, its chains and their nodes. Nothing is sent."""

import time
from collections.abc import Sequence

from payviox.rails.base import Finding
from payviox.rails.evm import front, holdings
from payviox.rails.evm.chains import Chain, shown_url
from payviox.rails.evm.desk import Desk
from payviox.rails.evm.keys import SignerError
from payviox.rails.evm.node import Node, NodeError, WrongChain
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


async def contradictions(chain: Chain) -> list[str]:
    """What the chain's node says against its settings: another chain, other decimals; before
    anything is paid by them. Raises NodeError where it cannot be asked."""
    node = Node(chain)
    try:
        await node.head()
        found = [
            await _token(node, token.symbol, token.address, token.decimals)
            for token in chain.tokens.values()
        ]
    except WrongChain as error:
        return [f"{error}."]
    finally:
        await node.close()
    return [f"{finding.subject}: {finding.problem}" for finding in found if finding.problem]


async def _chain(desk: Desk) -> list[Finding]:
    name = desk.chain.name
    nodes = ", ".join(shown_url(url) for url in desk.chain.rpc_urls)
    try:
        head = await desk.node.head()
        found = [Finding(f"{name} node", _lag(desk, head.timestamp), nodes)]
        found += [await _gas(desk), await _price(desk), await _nonces(desk)]
        for token in desk.chain.tokens.values():
            found.append(await _token(desk.node, token.symbol, token.address, token.decimals))
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
    seen = await desk.node.seen(desk.address, None)
    ours = await desk.books.next_nonce(desk.wallet)
    problem = None
    if ours is not None and seen.used > ours:
        problem = (
            f"The wallet has used {seen.used} nonces, our books know {ours}: compare its"
            " transactions with the orders, then `payviox rail accept-nonces`."
        )
    elif await front.is_blocked(desk, seen.mined):
        problem = (
            f"Payments wait for the wallet's nonce {seen.mined}, which nobody uses: send any"
            " transaction with it from the wallet."
        )
    return Finding(f"{desk.chain.name} nonces", problem, f"next {seen.mined}")


async def _token(node: Node, symbol: str, address: str, decimals: int) -> Finding:
    subject = f"{node.chain.name} {symbol}"
    if not await node.has_code(address):
        return Finding(subject, f"There is no contract at {address} on this chain.")
    try:
        told = await node.token_decimals(address)
    except NodeError as error:
        return Finding(subject, f"{error}.")
    if told != decimals:
        return Finding(subject, f"The contract says {told} decimals, the settings say {decimals}.")
    return Finding(subject, detail=address)
