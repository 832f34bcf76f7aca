"""Sending a payment: what must hold before it gets a nonce, then signing, storing, broadcasting.
Before the nonce every trouble means that surely nothing was sent; after it the payment will be
made, by this call or by the look-ups that follow."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from payviox.rails.base import Outcome, ReadyOrder
from payviox.rails.evm import gas
from payviox.rails.evm.answers import Broadcast
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
from payviox.rails.evm.desk import Desk, basis_points, call
from payviox.rails.evm.keys import SignerError
from payviox.rails.evm.node import NodeError, Reverted
from payviox.rails.evm.prices import PriceError
from payviox.rails.evm.terms import Terms, terms

TOLERANCE_BP = 200
"""How far a coin's price may have moved from an expired quote, in basis points, for the quoted
amount still to be sent."""

WAIT_S = 60.0
"""When to try again what waits for the operator or for the network, in seconds."""

UNREACHABLE_AGAIN_S = 20.0

PREPARE_S = 15.0
"""How long all that comes before the nonce may take; what is left of the call is for the rest."""

REFUSED = "The network refuses a payment to this address."
PRICE_MOVED = "The price changed before the payment could be sent. Please ask for a new quote."


class Stopped(Exception):
    """Nothing was sent and no nonce used; `outcome` says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.state)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class _Prepared:
    transfer: Transfer
    seen: Seen


async def send(desk: Desk, order: ReadyOrder, reference: str) -> Outcome:
    """Make the payment of this reference, once however often it is called."""
    payment = await desk.books.find(order.business_id, reference)
    if payment is None:
        try:
            payment = await _reserve(desk, order, reference)
        except Stopped as stopped:
            return stopped.outcome
    return await carry_on(desk, order, payment)


async def carry_on(desk: Desk, order: ReadyOrder, payment: Payment) -> Outcome:
    """Sign and broadcast a payment that has its nonce. Never says that it was not sent."""
    kept = await desk.books.transactions(payment)
    try:
        latest = kept[-1] if kept else await _first(desk, order, payment)
    except (SignerError, NodeError) as error:
        return Outcome("unknown", evidence={"error": str(error), "nonce": payment.nonce})
    except Ended:
        return Outcome("unknown", evidence={"nonce": payment.nonce})
    said, evidence = await broadcast(desk, latest)
    waiting = "gas_empty" if said == "poor" else None
    return accepted(desk, order, latest, {"nonce": payment.nonce, **evidence}, waiting)


def accepted(
    desk: Desk,
    order: ReadyOrder,
    latest: Transaction,
    evidence: Mapping[str, Any],
    waiting: str | None = None,
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
        again_s=min(max(age_s / 4, desk.chain.block_s, 1.0), 120.0),
        evidence=dict(evidence),
    )


async def sign(
    desk: Desk, order: ReadyOrder, payment: Payment, number: int, fees: Fees
) -> Transaction:
    """Sign and store; answers what is stored under this number. Raises SignerError, NodeError, and
    Ended where nothing may be sent for the order any more."""
    signer = await desk.signer()
    if signer.address != payment.wallet.address:
        raise SignerError(
            f"The payment has a nonce of the wallet {payment.wallet.address}, and the account now"
            f" has the key of {signer.address}."
        )
    transfer = payment.transfer
    transaction = call(transfer.token, transfer.to, transfer.units)
    head = await desk.node.head()
    fees = replace(fees, gas=await _gas(desk, transfer, transaction), block=head.number)
    transaction |= {"nonce": payment.nonce, "gas": fees.gas}
    if fees.tip is None:
        transaction["gasPrice"] = fees.max_price
    else:
        transaction["maxFeePerGas"] = fees.max_price
        transaction["maxPriorityFeePerGas"] = fees.tip
    signed = await signer.sign(payment.wallet.chain_id, transaction)
    return await desk.books.store(order.order_id, payment, number, signed.hash, signed.raw, fees)


async def _gas(desk: Desk, transfer: Transfer, transaction: Mapping[str, Any]) -> int:
    """What the payment may use: what was found out before it had its nonce, or more where the chain
    is another by now."""
    try:
        now = gas.limit(await gas.estimate(desk.node, desk.address, transaction))
    except (NodeError, Reverted):
        return transfer.gas
    return max(transfer.gas, now)


async def broadcast(
    desk: Desk, transaction: Transaction
) -> tuple[Broadcast | None, dict[str, Any]]:
    """Hand a stored transaction to the network, again if need be; answers what the node said (None:
    nothing) and the same as evidence."""
    try:
        said = await desk.node.broadcast(transaction.raw)
    except NodeError as error:
        return None, {"error": str(error)}
    return said, {} if said == "taken" else {"broadcast": said}


async def _first(desk: Desk, order: ReadyOrder, payment: Payment) -> Transaction:
    market = await gas.ask(desk.node)
    return await sign(desk, order, payment, 1, gas.offer(market, gas.cap(desk.chain)))


async def _reserve(desk: Desk, order: ReadyOrder, reference: str) -> Payment:
    """Raises Stopped."""
    try:
        async with asyncio.timeout(PREPARE_S):
            prepared = await _prepare(desk, terms(order.destination), order.net_amount)
    except (NodeError, TimeoutError) as error:
        problem = str(error) or f"{desk.chain.name}: the node is too slow"
        raise _waits("rail_unreachable", UNREACHABLE_AGAIN_S, error=problem) from error
    try:
        return await desk.books.reserve(
            desk.wallet, order.order_id, reference, prepared.transfer, prepared.seen
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


async def _prepare(desk: Desk, promised: Terms, cents: int) -> _Prepared:
    """Raises Stopped and NodeError."""
    if not promised.holds(desk.chain):
        raise _waits("chain_changed", WAIT_S)
    await _check_decimals(desk, promised)
    await _check_price(desk, promised)
    try:
        signer = await desk.signer()
    except SignerError as error:
        raise _waits("signer_unavailable", WAIT_S, error=str(error)) from error
    if signer.address != desk.address:
        raise _waits("signer_unavailable", WAIT_S, error="the key is another wallet's")
    market = await gas.ask(desk.node)
    if market.price > gas.cap(desk.chain):
        raise _waits("gas_price_high", WAIT_S, gas_price=str(market.price))
    seen = await desk.node.seen(desk.address, promised.token)
    await _check_first(desk, seen)
    estimate = await _estimate(desk, promised, seen)
    most = gas.offer(market, gas.cap(desk.chain)).max_price
    transfer = Transfer(
        promised.token,
        promised.to,
        promised.units,
        cents,
        gas.limit(estimate),
        most,
        await _coin_rate(desk),
        seen.block,
    )
    return _Prepared(transfer, seen)


async def _check_first(desk: Desk, seen: Seen) -> None:
    """Before a wallet's first payment nothing but the nodes knows its nonce. Raises Stopped."""
    first = await desk.node.once(("next", desk.address), lambda: desk.books.next_nonce(desk.wallet))
    if first is None and not await desk.node.agree_on(desk.address, seen.mined):
        problem = f"{desk.chain.name}: nodes differ on how much the wallet has sent"
        raise _waits("rail_unreachable", UNREACHABLE_AGAIN_S, error=problem)


async def _check_decimals(desk: Desk, promised: Terms) -> None:
    """A token with other decimals than the settings say would be paid a thousandfold. Raises
    Stopped and NodeError."""
    if promised.token is None:
        return
    told = await desk.node.token_decimals(promised.token)
    if told != promised.decimals:
        evidence = {"decimals_of_the_contract": told, "decimals_of_the_chain": promised.decimals}
        raise _waits("rail_misconfigured", WAIT_S, **evidence)


async def _coin_rate(desk: Desk) -> Decimal | None:
    try:
        return (await desk.rate(desk.chain.coin)).rate
    except PriceError:
        return None


async def _check_price(desk: Desk, promised: Terms) -> None:
    """A quote that expired while its order waited is sent only while the coin is worth nearly what
    it was. Further away, in either direction, somebody would lose by it: the money goes back.
    Stablecoins do not expire. Raises Stopped."""
    quoted = promised.rate
    if quoted.source == "one" or datetime.now(UTC) < quoted.expires_at:
        return
    try:
        now = await desk.rate(promised.currency)
    except PriceError as error:
        raise _waits("price_stale", WAIT_S, error=str(error)) from error
    tolerance = basis_points(desk.account.settings, "price_tolerance_bp", TOLERANCE_BP)
    if abs(now.rate - quoted.rate) * 10_000 > quoted.rate * tolerance:
        evidence = {"quoted": _plain(quoted.rate), "now": _plain(now.rate)}
        raise Stopped(Outcome("failed", reason=PRICE_MOVED, evidence=evidence))


async def _estimate(desk: Desk, promised: Terms, seen: Seen) -> int:
    """The gas of the transfer, tried out. Raises Stopped where the wallet lacks what it needs for
    this alone, or where the transfer would fail all the same."""
    held = seen.native if promised.token is None else seen.token or 0
    if held < promised.units:
        free = str(held)
        raise _waits("float_empty", WAIT_S, units_needed=str(promised.units), units_free=free)
    if seen.native == 0:
        raise _waits("gas_empty", WAIT_S, coin_free="0")
    asked = call(promised.token, promised.to, promised.units)
    try:
        return await gas.estimate(desk.node, desk.address, asked)
    except Reverted as error:
        if promised.token is not None:
            held = await desk.node.token_balance(promised.token, desk.address)
            if held < promised.units:
                raise _waits("float_empty", WAIT_S) from error
        await _check_ourselves(desk, promised, seen)
        raise Stopped(Outcome("failed", reason=REFUSED)) from error


async def _check_ourselves(desk: Desk, promised: Terms, seen: Seen) -> None:
    """Whether the wallet could pay itself. Where it cannot, the payee is not to blame: the token
    stands still, or has shut out the wallet, or the node lags, or it counts what earlier payments
    will take. Raises Stopped and NodeError."""
    try:
        await desk.node.estimate(
            {"from": desk.address, **call(promised.token, desk.address, promised.units)}
        )
    except Reverted as error:
        if promised.token is None:
            raise _waits("rail_unreachable", UNREACHABLE_AGAIN_S) from error
        owed = await desk.books.owed(desk.wallet, seen.mined)
        short = (seen.token or 0) - owed.tokens.get(promised.token, 0) < promised.units
        raise _waits("float_empty" if short else "token_refuses", WAIT_S) from error


def _waits(waiting: str, again_s: float, **evidence: Any) -> Stopped:
    return Stopped(Outcome("not_sent", waiting=waiting, again_s=again_s, evidence=evidence))


def _plain(rate: Decimal) -> str:
    return f"{rate:f}"
