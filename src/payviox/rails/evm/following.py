"""What became of a payment that has its nonce: mined and how deep, waiting and too cheap, dropped,
or its nonce used by a transaction that is not ours."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import structlog

from payviox.rails.base import Outcome, ReadyOrder
from payviox.rails.evm import amounts, gas, outside, sending
from payviox.rails.evm.answers import Block, Receipt, Sent
from payviox.rails.evm.books import Payment, Transaction
from payviox.rails.evm.chains import COIN_DECIMALS
from payviox.rails.evm.desk import Desk
from payviox.rails.evm.keys import SignerError
from payviox.rails.evm.node import NodeError
from payviox.rails.evm.terms import terms

logger = structlog.get_logger(__name__)

BUMP_AFTER_BLOCKS = 10
BUMP_AFTER_S = 60.0
"""A transaction that so many blocks' time, and at least so many seconds, have passed over is
offered again for more."""

OLD_S = 60.0
"""What a block's age may exceed that of its depth by, in seconds, and still be looked at again."""

NEAR = 64
"""A payment with so many nonces before it is not broadcast again, nor is anything asked about
it: so that a hundred thousand that wait for one cost next to nothing."""

MAX_TRANSACTIONS = 30
"""The most transactions signed for one nonce; an eighth more each time, from a gwei to 30."""

DISAGREE = "the chain has the nonce, and no node has the transaction that used it"
"""A node is ahead of another, or has forgotten what is old."""

REVERTED = "The network refused the payment."
REPLACED = "The payment was replaced by another transaction of the paying wallet."


async def follow(desk: Desk, order: ReadyOrder, payment: Payment) -> Outcome:
    """Accepted, succeeded or failed; unknown where nobody can say now."""
    try:
        kept = await desk.books.transactions(payment)
        if not kept:
            return await sending.carry_on(desk, order, payment)
        found = await mined(desk, payment, kept)
        if found is None:
            return await _waiting(desk, order, payment, kept)
        return await _settle(desk, order, payment, found)
    except NodeError as error:
        return Outcome("unknown", evidence={"error": str(error), "nonce": payment.nonce})


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction that used the payment's nonce, in its `block` on the chain. `received` is what
    the payee got by it, in units; `outside`: it is not ours."""

    receipt: Receipt
    block: Block
    confirmations: int
    received: int
    outside: bool


async def mined(desk: Desk, payment: Payment, kept: Sequence[Transaction]) -> Mined | None:
    """What the chain has with the payment's nonce: one of ours, unless the wallet's key is used
    elsewhere too. None: nothing, or nodes that differ. Raises NodeError."""
    if await desk.node.mined(payment.wallet.address) <= payment.nonce:
        return None
    for transaction in reversed(kept):
        receipt = await desk.node.receipt(transaction.hash)
        if receipt is not None:
            return await _on_chain(desk, payment, receipt, replaced_by=None)
    head = await desk.node.head()
    found = await outside.find(desk.node, payment.wallet.address, payment.nonce, head)
    if found is None or found.hash in {transaction.hash for transaction in kept}:
        return None
    receipt = await desk.node.receipt(found.hash)
    if receipt is None:
        return None
    return await _on_chain(desk, payment, receipt, replaced_by=found)


async def _on_chain(
    desk: Desk, payment: Payment, receipt: Receipt, *, replaced_by: Sent | None
) -> Mined | None:
    head = await desk.node.head()
    block = await desk.node.block_at(receipt.block)
    if block.hash != receipt.block_hash:
        return None
    received = _received(payment, receipt, replaced_by)
    confirmations = max(head.number - receipt.block + 1, 1)
    return Mined(receipt, block, confirmations, received, replaced_by is not None)


def _received(payment: Payment, receipt: Receipt, replaced_by: Sent | None) -> int:
    """A token's contract may answer nothing, or a lie: its Transfer event counts."""
    transfer = payment.transfer
    if not receipt.ok:
        return 0
    if transfer.token is None:
        same = replaced_by is None or outside.pays(replaced_by, transfer)
        return transfer.units if same else 0
    units = sum(
        log.units
        for log in receipt.transfers
        if log.token == transfer.token.lower()
        and log.source == payment.wallet.address.lower()
        and log.target == transfer.to.lower()
    )
    # Another amount in another's transaction is another's payment.
    return units if replaced_by is None or units == transfer.units else 0


async def _settle(desk: Desk, order: ReadyOrder, payment: Payment, found: Mined) -> Outcome:
    """What a mined transaction comes to: nothing yet, or an end that is looked at once more."""
    receipt = found.receipt
    evidence = {"nonce": payment.nonce, "block": receipt.block, "block_hash": receipt.block_hash}
    if found.outside:
        evidence["replaced_by"] = receipt.hash
    units = found.received or payment.transfer.units
    outcome = Outcome(
        "accepted",
        rail_order_id=receipt.hash,
        details={
            "crypto_amount": amounts.text(units, terms(order.destination).decimals),
            "tx_hash": receipt.hash,
            "confirmations": found.confirmations,
            "network_fee": amounts.text(receipt.fee, COIN_DECIMALS),
        },
        again_s=_again(desk, desk.chain.confirmations - found.confirmations),
        evidence=evidence,
    )
    if found.confirmations < desk.chain.confirmations:
        return outcome
    again_s = _once_more(desk, found)
    ended = replace(outcome, cost=cost(payment, receipt), again_s=again_s)
    return await _end(desk, payment, found, ended)


async def _end(desk: Desk, payment: Payment, found: Mined, ended: Outcome) -> Outcome:
    if found.outside:
        logger.warning(
            "a nonce was used outside",
            chain=desk.chain.name,
            reference=payment.reference,
            transaction=found.receipt.hash,
        )
    if found.received == 0:
        return await _failed(desk, payment, found, ended)
    if found.received != payment.transfer.units:
        logger.warning(
            "a token moved another amount", chain=desk.chain.name, reference=payment.reference
        )
        moved = {"asked": str(payment.transfer.units), "moved": str(found.received)}
        ended = replace(ended, evidence={**ended.evidence, **moved})
    return replace(ended, state="succeeded")


async def _failed(desk: Desk, payment: Payment, found: Mined, ended: Outcome) -> Outcome:
    """Nothing arrived, and nothing of this nonce will. Another attempt could work where the cause
    was ours: the nonce was used for something else, the gas did not suffice, the wallet was
    emptied meanwhile."""
    transfer = payment.transfer
    waiting = None
    if not found.outside and transfer.token is not None:
        held = await desk.node.token_balance(transfer.token, payment.wallet.address)
        waiting = "float_empty" if held < transfer.units else None
    ran_out = not found.receipt.ok and found.receipt.gas >= transfer.gas
    another = found.outside or ran_out or waiting is not None
    return replace(
        ended,
        state="failed",
        reason=REPLACED if found.outside else REVERTED,
        retryable=another,
        waiting=waiting,
        again_s=None if another else ended.again_s,
        details={},
    )


def _once_more(desk: Desk, found: Mined) -> float | None:
    """When to look whether an end still stands: once it is twice as deep, or old where a chain
    makes no blocks."""
    depth = 2 * desk.chain.confirmations
    age_s = datetime.now(UTC).timestamp() - found.block.timestamp
    if found.confirmations >= depth or age_s > 2 * depth * desk.chain.block_s + OLD_S:
        return None
    return (depth - found.confirmations + 1) * desk.chain.block_s


def cost(payment: Payment, receipt: Receipt) -> int | None:
    """The network's fee in cents, None where nobody knew what the coin is worth."""
    rate = payment.transfer.coin_rate
    return None if rate is None else amounts.worth(receipt.fee, rate)


def _again(desk: Desk, blocks_left: int) -> float:
    """When to look again, in seconds: several times until it is as deep as wanted."""
    left_s = max(blocks_left, 1) * desk.chain.block_s
    return min(max(left_s / 3, desk.chain.block_s, 1.0), 60.0)


async def _waiting(
    desk: Desk, order: ReadyOrder, payment: Payment, kept: list[Transaction]
) -> Outcome:
    """Not mined: broadcast again, which brings a dropped one back, and offer more where it is the
    next to be mined and has waited for long."""
    latest = kept[-1]
    evidence: dict[str, Any] = {"nonce": payment.nonce}
    used = await desk.node.mined(payment.wallet.address)
    if used > payment.nonce:
        return Outcome("unknown", evidence={**evidence, "error": DISAGREE})
    if payment.nonce - used >= NEAR:
        return sending.accepted(desk, order, latest, evidence)
    waiting = None
    if used == payment.nonce and await _is_stuck(desk, latest):
        raised, waiting = await _raise(desk, payment, kept)
        latest = raised or latest
    elif used < payment.nonce:
        # Nonces of nobody's before it hold it up until they are used.
        missing = await desk.books.missing(payment.wallet, used, payment.nonce)
        if missing:
            waiting = "nonce_missing"
            evidence["missing_nonces"] = missing[:10]
    said, told = await sending.broadcast(desk, latest)
    waiting = "gas_empty" if said == "poor" else waiting
    evidence |= told
    if latest.number > 1:
        evidence["transactions"] = latest.number
    return sending.accepted(desk, order, latest, evidence, waiting)


async def _is_stuck(desk: Desk, latest: Transaction) -> bool:
    """Whether blocks were made without it for long; where none are made, more fee does not help."""
    head = await desk.node.head()
    waited_s = head.timestamp - latest.created_at.timestamp()
    return waited_s > max(BUMP_AFTER_BLOCKS * desk.chain.block_s, BUMP_AFTER_S)


async def _raise(
    desk: Desk, payment: Payment, kept: list[Transaction]
) -> tuple[Transaction | None, str | None]:
    """The same payment for a higher fee, stored; or what that waits for."""
    latest = kept[-1]
    market = await gas.ask(desk.node)
    fees = gas.bumped(latest.fees, market, gas.cap(desk.chain))
    if fees is None or len(kept) >= MAX_TRANSACTIONS:
        return None, "gas_price_high"
    try:
        return await sending.sign(desk, payment, latest.number + 1, fees), None
    except SignerError:
        return None, "signer_unavailable"
