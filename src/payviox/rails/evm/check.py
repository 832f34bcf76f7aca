"""What is wrong with an account's wallet, its chains and their nodes. Nothing is sent."""

import time
from collections.abc import Sequence

from payviox.money import dollars
from payviox.rails.evm import amounts, gas, nonce_gaps
from payviox.rails.evm import float as holdings
from payviox.rails.evm import quote as quoting
from payviox.rails.evm.chain_account import ChainAccount
from payviox.rails.evm.chains import Chain, shown_url
from payviox.rails.evm.client import Node, NodeError, WrongChain
from payviox.rails.evm.keys import SignerError
from payviox.rails.evm.prices import PriceError
from payviox.rails.protocol import Finding

LATE_S = 600.0
"""A newest block older than this, or than so many of its chain's, is a node that lags."""

LATE_BLOCKS = 60


async def check(chain_accounts: Sequence[ChainAccount]) -> list[Finding]:
    findings = (
        [await _key(chain_accounts[0])]
        if chain_accounts
        else [Finding("chains", "The account has no chain.")]
    )
    for chain_account in chain_accounts:
        findings += await _chain(chain_account)
    return findings


async def _key(chain_account: ChainAccount) -> Finding:
    try:
        signer = await chain_account.signer()
    except SignerError as error:
        return Finding("wallet", str(error))
    if signer.address != chain_account.address:
        return Finding("wallet", f"The key is of {signer.address}, not of {chain_account.address}.")
    return Finding("wallet", detail=chain_account.address)


async def contradictions(chain: Chain) -> list[str]:
    """What the chain's node says against its settings: another chain, other decimals; before
    anything is paid by them. Raises NodeError where it cannot be asked."""
    node = Node(chain)
    try:
        await node.head()
        findings = [
            await _token(node, token.symbol, token.address, token.decimals)
            for token in chain.tokens.values()
        ]
    except WrongChain as error:
        return [f"{error}."]
    finally:
        await node.close()
    return [f"{finding.subject}: {finding.problem}" for finding in findings if finding.problem]


async def _chain(chain_account: ChainAccount) -> list[Finding]:
    name = chain_account.chain.name
    nodes = ", ".join(shown_url(url) for url in chain_account.chain.rpc_urls)
    try:
        head = await chain_account.node.head()
        findings = [Finding(f"{name} node", _lag(chain_account, head.timestamp), nodes)]
        findings += [
            await _gas(chain_account),
            await _price(chain_account),
            await _nonces(chain_account),
            await _cost(chain_account),
        ]
        for token in chain_account.chain.tokens.values():
            findings.append(
                await _token(chain_account.node, token.symbol, token.address, token.decimals)
            )
    except NodeError as error:
        return [Finding(f"{name} node", f"{error}. Check its URL and key.", nodes)]
    return findings


def _lag(chain_account: ChainAccount, timestamp: int) -> str | None:
    age_s = time.time() - timestamp
    if age_s > max(LATE_S, LATE_BLOCKS * chain_account.chain.block_s):
        return f"The node lags: its newest block is {int(age_s)} s old."
    if age_s < -60:
        return "The newest block is from the future: this machine's clock is late."
    return None


async def _gas(chain_account: ChainAccount) -> Finding:
    left = await holdings.sends_left(chain_account, await holdings.coin_left(chain_account))
    problem = None
    if left < holdings.FEW_SENDS:
        problem = (
            f"The wallet has {chain_account.chain.coin} for about {left} more payments'"
            f" gas: send some to {chain_account.address}."
        )
    return Finding(f"{chain_account.chain.name} gas", problem, f"about {left} payments")


async def _price(chain_account: ChainAccount) -> Finding:
    try:
        rate = await chain_account.rate(chain_account.chain.coin)
    except PriceError as error:
        return Finding(f"{chain_account.chain.name} price", str(error))
    return Finding(f"{chain_account.chain.name} price", detail=f"{rate.rate:f} USD ({rate.source})")


async def _cost(chain_account: ChainAccount) -> Finding:
    """What a payment costs the business now, and what keeps small ones from costing more than they
    are worth."""
    subject = f"{chain_account.chain.name} fees"
    account = chain_account.account
    if account.fees.payer != "sender":
        return Finding(subject, detail="the payout user pays the network")
    try:
        rate = await chain_account.rate(chain_account.chain.coin)
    except PriceError:
        if account.min_amount is not None:
            return Finding(subject, detail="the business pays the network")
        problem = (
            "The business pays the network, the coin has no price and min_amount is not set: a"
            " payment may cost more than it is worth. Set min_amount, or fee_payer=recipient."
        )
        return Finding(subject, problem, harmless=True)
    market = await gas.ask(chain_account.node)
    cost = amounts.worth_at_least(gas.TOKEN_GAS * market.quoted, rate.rate)
    least = account.min_amount or quoting.LEAST_TIMES_COST * cost
    detail = f"the business pays about {dollars(cost)} a payment; the least is {dollars(least)}"
    if account.min_amount is not None and account.min_amount < cost:
        problem = f"{detail}, less than its cost: raise min_amount, or fee_payer=recipient."
        return Finding(subject, problem, harmless=True)
    return Finding(subject, detail=detail)


async def _nonces(chain_account: ChainAccount) -> Finding:
    """Whether anything that nobody sends stands before our payments."""
    seen = await chain_account.node.seen(chain_account.address, None)
    ours = await chain_account.books.next_nonce(chain_account.wallet)
    problem = None
    if ours is not None and seen.used > ours:
        problem = (
            f"The wallet has used {seen.used} nonces, our books know {ours}: compare its"
            " transactions with the orders, then `payviox rail accept-nonces`."
        )
    elif await nonce_gaps.is_blocked(chain_account, seen.mined):
        problem = (
            f"Payments wait for the wallet's nonce {seen.mined}, which nobody uses: send any"
            " transaction with it from the wallet."
        )
    return Finding(f"{chain_account.chain.name} nonces", problem, f"next {seen.mined}")


async def _token(node: Node, symbol: str, address: str, decimals: int) -> Finding:
    subject = f"{node.chain.name} {symbol}"
    if not await node.has_code(address):
        return Finding(subject, f"There is no contract at {address} on this chain.")
    try:
        contract_decimals = await node.token_decimals(address)
    except NodeError as error:
        return Finding(subject, f"{error}.")
    if contract_decimals != decimals:
        return Finding(
            subject, f"The contract says {contract_decimals} decimals, the settings say {decimals}."
        )
    return Finding(subject, detail=address)
