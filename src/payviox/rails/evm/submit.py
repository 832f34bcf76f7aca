"""Sending a payment: what must hold before it gets a nonce, then signing, storing, broadcasting.
Before the nonce every trouble means that surely nothing was sent; after it the payment will be
made, by this call or by the look-ups that follow."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from payviox.rails.evm import gas
from payviox.rails.evm.books import (
    Ended,
    Fees,
    NotOurs,
    Payment,
    Seen,
    TooLittle,
    Transaction,
    Transfer,
    UsedElsewhere,
)
from payviox.rails.evm.chain_account import ChainAccount, basis_points, call
from payviox.rails.evm.client import NodeError, Reverted
from payviox.rails.evm.keys import SignerError
from payviox.rails.evm.node_answers import Broadcast
from payviox.rails.evm.prices import PriceError
from payviox.rails.evm.terms import Terms, terms
from payviox.rails.failures import failed
from payviox.rails.orders import ReadyOrder
from payviox.rails.protocol import Outcome
from payviox.rails.waiting import Waiting

TOLERANCE_BP = 200
"""How far a coin's price may have moved from an expired quote, in basis points, for the quoted
amount still to be sent."""

WAIT_S = 60.0
"""When to try again what waits for the operator or for the network, in seconds."""

UNREACHABLE_AGAIN_S = 20.0

PREPARE_S = 15.0
"""How long all that comes before the nonce may take; what is left of the call is for the rest."""

REFUSED = failed("network_refuses_address")
PRICE_MOVED = failed("price_moved")


class Stopped(Exception):
    """Nothing was sent and no nonce used; `outcome` says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.state)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class _Prepared:
    transfer: Transfer
    seen: Seen


async def submit(chain_account: ChainAccount, order: ReadyOrder, reference: str) -> Outcome:
    """Make the payment of this reference, once however often it is called."""
    payment = await chain_account.books.find(order.business_id, reference)
    if payment is not None:
        return await carry_on(chain_account, order, payment)
    try:
        payment = await _reserve(chain_account, order, reference)
    except Stopped as stopped:
        return stopped.outcome
    return await carry_on(chain_account, order, payment, payment.transfer.gas)


async def carry_on(
    chain_account: ChainAccount, order: ReadyOrder, payment: Payment, gas_now: int | None = None
) -> Outcome:
    """Sign and broadcast a payment that has its nonce. Never says that it was not sent. `gas_now`
    is what it may use, where that was found out just now."""
    transactions = await chain_account.books.transactions(payment)
    try:
        if transactions:
            latest = transactions[-1]
        else:
            latest = await _first(chain_account, order, payment, gas_now)
    except (SignerError, NodeError) as error:
        return Outcome("unknown", evidence={"error": str(error), "nonce": payment.nonce})
    except Ended:
        return Outcome("unknown", evidence={"nonce": payment.nonce})
    reception, evidence = await broadcast(chain_account, latest)
    waiting: Waiting | None = "gas_empty" if reception == "poor" else None
    return accepted(chain_account, order, latest, {"nonce": payment.nonce, **evidence}, waiting)


def accepted(
    chain_account: ChainAccount,
    order: ReadyOrder,
    latest: Transaction,
    evidence: Mapping[str, Any],
    waiting: Waiting | None = None,
) -> Outcome:
    """The network may have it; not mined yet. `waiting` says what the operator can do for it."""
    age_s = (datetime.now(UTC) - latest.created_at).total_seconds()
    return Outcome(
        "accepted",
        waiting=waiting,
        rail_order_id=latest.hash,
        details={
            "crypto_amount": terms(order.destination).crypto_amount,
            "tx_hash": latest.hash,
            "confirmations": 0,
        },
        again_s=min(max(age_s / 4, chain_account.chain.block_s, 1.0), 120.0),
        evidence=dict(evidence),
    )


async def sign(
    chain_account: ChainAccount,
    order: ReadyOrder,
    payment: Payment,
    number: int,
    fees: Fees,
    gas_now: int | None = None,
) -> Transaction:
    """Sign and store; answers what is stored under this number. Raises SignerError, NodeError, and
    Ended where nothing may be sent for the order any more."""
    signer = await chain_account.signer()
    if signer.address != payment.wallet.address:
        raise SignerError(
            f"The payment has a nonce of the wallet {payment.wallet.address}, and the account now"
            f" has the key of {signer.address}."
        )
    transfer = payment.transfer
    transaction = call(transfer.token, transfer.to, transfer.units)
    head = await chain_account.node.head()
    if gas_now is None:
        gas_now = await _gas(chain_account, transfer, transaction)
    fees = replace(fees, gas=gas_now, block=head.number)
    transaction |= {"nonce": payment.nonce, "gas": fees.gas}
    if fees.tip is None:
        transaction["gasPrice"] = fees.max_price
    else:
        transaction["maxFeePerGas"] = fees.max_price
        transaction["maxPriorityFeePerGas"] = fees.tip
    signed = await signer.sign(payment.wallet.chain_id, transaction)
    return await chain_account.books.store(
        order.order_id, payment, number, signed.hash, signed.raw, fees
    )


async def _gas(
    chain_account: ChainAccount, transfer: Transfer, transaction: Mapping[str, Any]
) -> int:
    """What the payment may use: what was found out before it had its nonce, or more where the chain
    is another by now."""
    try:
        now = gas.limit(await gas.estimate(chain_account.node, chain_account.address, transaction))
    except (NodeError, Reverted):
        return transfer.gas
    return max(transfer.gas, now)


async def broadcast(
    chain_account: ChainAccount, transaction: Transaction
) -> tuple[Broadcast | None, dict[str, Any]]:
    """Hand a stored transaction to the network, again if need be; answers what the node said (None:
    nothing) and the same as evidence."""
    try:
        reception = await chain_account.node.broadcast(transaction.raw)
    except NodeError as error:
        return None, {"error": str(error)}
    return reception, {} if reception == "taken" else {"broadcast": reception}


async def _first(
    chain_account: ChainAccount, order: ReadyOrder, payment: Payment, gas_now: int | None
) -> Transaction:
    market = await gas.ask(chain_account.node)
    fees = gas.offer(market, gas.cap(chain_account.chain))
    return await sign(chain_account, order, payment, 1, fees, gas_now)


async def _reserve(chain_account: ChainAccount, order: ReadyOrder, reference: str) -> Payment:
    """Raises Stopped."""
    try:
        async with asyncio.timeout(PREPARE_S):
            prepared = await _prepare(chain_account, terms(order.destination), order.net_amount)
    except (NodeError, TimeoutError) as error:
        problem = str(error) or f"{chain_account.chain.name}: the node is too slow"
        raise _waits("rail_unreachable", UNREACHABLE_AGAIN_S, error=problem) from error
    try:
        return await chain_account.books.reserve(
            chain_account.wallet, order.order_id, reference, prepared.transfer, prepared.seen
        )
    except TooLittle as short:
        raise _waits(short.waiting, WAIT_S, **short.evidence) from short
    except UsedElsewhere as found:
        evidence = {"nonces_used": found.used, "nonces_known": found.ours}
        raise _waits("wallet_used_elsewhere", WAIT_S, **evidence) from found
    except NotOurs as error:
        raise _waits("wallet_of_another_business", WAIT_S) from error
    except Ended as error:
        raise Stopped(Outcome("unknown")) from error


async def _prepare(chain_account: ChainAccount, promised: Terms, cents: int) -> _Prepared:
    """Raises Stopped and NodeError."""
    if not promised.holds(chain_account.chain):
        raise _waits("chain_changed", WAIT_S)
    await _check_decimals(chain_account, promised)
    await _check_price(chain_account, promised)
    try:
        signer = await chain_account.signer()
    except SignerError as error:
        raise _waits("signer_unavailable", WAIT_S, error=str(error)) from error
    if signer.address != chain_account.address:
        raise _waits("signer_unavailable", WAIT_S, error="the key is another wallet's")
    market = await gas.ask(chain_account.node)
    if market.price > gas.cap(chain_account.chain):
        raise _waits("gas_price_high", WAIT_S, gas_price=str(market.price))
    seen = await chain_account.node.seen(chain_account.address, promised.token)
    await _check_first(chain_account, seen)
    estimate = await _estimate(chain_account, promised, seen)
    most = gas.offer(market, gas.cap(chain_account.chain)).max_price
    transfer = Transfer(
        promised.token,
        promised.to,
        promised.units,
        cents,
        gas.limit(estimate),
        most,
        await _coin_rate(chain_account),
        seen.block,
    )
    return _Prepared(transfer, seen)


async def _check_first(chain_account: ChainAccount, seen: Seen) -> None:
    """Before a wallet's first payment nothing but the nodes knows its nonce. Raises Stopped."""
    first = await chain_account.node.once(
        ("next", chain_account.address),
        lambda: chain_account.books.next_nonce(chain_account.wallet),
    )
    if first is None and not await chain_account.node.agree_on(chain_account.address, seen.mined):
        problem = f"{chain_account.chain.name}: nodes differ on how much the wallet has sent"
        raise _waits("rail_unreachable", UNREACHABLE_AGAIN_S, error=problem)


async def _check_decimals(chain_account: ChainAccount, promised: Terms) -> None:
    """A token with other decimals than the settings say would be paid a thousandfold. Raises
    Stopped and NodeError."""
    if promised.token is None:
        return
    contract_decimals = await chain_account.node.token_decimals(promised.token)
    if contract_decimals != promised.decimals:
        evidence = {
            "decimals_of_the_contract": contract_decimals,
            "decimals_of_the_chain": promised.decimals,
        }
        raise _waits("rail_misconfigured", WAIT_S, **evidence)


async def _coin_rate(chain_account: ChainAccount) -> Decimal | None:
    try:
        return (await chain_account.rate(chain_account.chain.coin)).rate
    except PriceError:
        return None


async def _check_price(chain_account: ChainAccount, promised: Terms) -> None:
    """A quote that expired while its order waited is sent only while the coin is worth nearly what
    it was. Further away, in either direction, somebody would lose by it: the money goes back.
    Stablecoins do not expire. Raises Stopped and NodeError."""
    quoted = promised.rate
    if quoted.source == "one":
        return
    # The later of two clocks: a host whose own is behind would keep to old prices.
    head = await chain_account.node.head()
    chains_time = datetime.fromtimestamp(head.timestamp, UTC)
    if max(datetime.now(UTC), chains_time) < quoted.expires_at:
        return
    try:
        now = await chain_account.rate(promised.currency)
    except PriceError as error:
        raise _waits("price_stale", WAIT_S, error=str(error)) from error
    tolerance = basis_points(chain_account.account.settings, "price_tolerance_bp", TOLERANCE_BP)
    if abs(now.rate - quoted.rate) * 10_000 > quoted.rate * tolerance:
        evidence = {"quoted": _plain(quoted.rate), "now": _plain(now.rate)}
        raise Stopped(Outcome("failed", reason=PRICE_MOVED, evidence=evidence))


async def _estimate(chain_account: ChainAccount, promised: Terms, seen: Seen) -> int:
    """The gas of the transfer, tried out. Raises Stopped where the wallet lacks what it needs for
    this alone, or where the transfer would fail all the same."""
    balance = seen.native if promised.token is None else seen.token or 0
    if balance < promised.units:
        free = str(balance)
        raise _waits("float_empty", WAIT_S, units_needed=str(promised.units), units_free=free)
    if seen.native == 0:
        raise _waits("gas_empty", WAIT_S, coin_free="0")
    transfer = call(promised.token, promised.to, promised.units)
    try:
        return await gas.estimate(chain_account.node, chain_account.address, transfer)
    except Reverted as error:
        if promised.token is not None:
            balance = await chain_account.node.token_balance(promised.token, chain_account.address)
            if balance < promised.units:
                raise _waits("float_empty", WAIT_S) from error
        await _check_ourselves(chain_account, promised, seen)
        raise Stopped(Outcome("failed", reason=REFUSED)) from error


async def _check_ourselves(chain_account: ChainAccount, promised: Terms, seen: Seen) -> None:
    """Whether the wallet could pay itself. Where it cannot, the payee is not to blame: the token
    stands still, or has shut out the wallet, or the node lags, or it counts what earlier payments
    will take. Raises Stopped and NodeError."""
    try:
        await chain_account.node.estimate(
            {
                "from": chain_account.address,
                **call(promised.token, chain_account.address, promised.units),
            }
        )
    except Reverted as error:
        if promised.token is None:
            raise _waits("rail_unreachable", UNREACHABLE_AGAIN_S) from error
        owed = await chain_account.books.owed(chain_account.wallet, seen.mined)
        short = (seen.token or 0) - owed.tokens.get(promised.token, 0) < promised.units
        raise _waits("float_empty" if short else "token_refuses", WAIT_S) from error


def _waits(waiting: Waiting, again_s: float, **evidence: Any) -> Stopped:
    return Stopped(Outcome("not_sent", waiting=waiting, again_s=again_s, evidence=evidence))


def _plain(rate: Decimal) -> str:
    return f"{rate:f}"
