"""What became of a payment that has its nonce: mined and how deep, waiting and too cheap, dropped,
or its nonce used by a transaction that is not ours."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from payviox.event_log import EventLogger
from payviox.rails.evm import amounts, gas, nonce_gaps, receipts, submit
from payviox.rails.evm.books import Ended, Payment, Transaction
from payviox.rails.evm.chain_account import ChainAccount
from payviox.rails.evm.chains import COIN_DECIMALS
from payviox.rails.evm.client import NodeError
from payviox.rails.evm.keys import SignerError
from payviox.rails.evm.receipts import Mined
from payviox.rails.evm.terms import terms
from payviox.rails.failures import failed
from payviox.rails.orders import ReadyOrder
from payviox.rails.protocol import Outcome
from payviox.rails.waiting import Waiting

logger = EventLogger(__name__)

BUMP_AFTER_BLOCKS = 10
BUMP_AFTER_S = 60.0
"""A transaction that so many blocks, and at least so many seconds' worth of them, have passed over
is offered again for more."""

OLD_S = 60.0
"""What a block's age may exceed that of its depth by, in seconds, and still be looked at again."""

NEAR = 64
"""A payment with so many nonces before it is not broadcast again, nor is anything asked about it
alone: so that a hundred thousand that wait for one cost next to nothing."""

SAID: Mapping[str, Waiting] = {"poor": "gas_empty", "refused": "refused_by_node"}
"""What a payment waits for that a node does not take when it is handed over again."""

MAX_TRANSACTIONS = 30
"""The most transactions signed for one nonce; an eighth more each time, from a gwei to 30."""

DISAGREE = "the chain has the nonce, and no node has the transaction that used it"
"""A node is ahead of another, or has forgotten what is old."""

UNSURE = "the transaction succeeded, and how much arrived by it is not known for sure"

REVERTED = failed("network_refused")
REPLACED = failed("replaced")


async def look_up(chain_account: ChainAccount, order: ReadyOrder, payment: Payment) -> Outcome:
    """Accepted, succeeded or failed; unknown where nobody can say now. For an order whose money was
    given back nothing is signed or sent."""
    try:
        transactions = await chain_account.books.transactions(payment)
        if not transactions and not order.given_back:
            return await submit.carry_on(chain_account, order, payment)
        mined = await receipts.mined(chain_account, payment, transactions)
        if mined is not None:
            return await _settle(chain_account, order, payment, mined)
        if order.given_back:
            return _given_back(payment, transactions)
        return await _waiting(chain_account, order, payment, transactions)
    except NodeError as error:
        return Outcome("unknown", evidence={"error": str(error), "nonce": payment.nonce})
    except Ended:
        return Outcome("unknown", evidence={"nonce": payment.nonce})


def _given_back(payment: Payment, transactions: Sequence[Transaction]) -> Outcome:
    """Its nonce is not used. Whoever has a transaction signed for it can still have it mined."""
    evidence = {"nonce": payment.nonce}
    if not transactions:
        return Outcome("unknown", evidence=evidence)
    return Outcome("accepted", rail_order_id=transactions[-1].hash, evidence=evidence)


async def _settle(
    chain_account: ChainAccount, order: ReadyOrder, payment: Payment, mined: Mined
) -> Outcome:
    """What a mined transaction comes to: nothing yet, or an end that is looked at once more."""
    receipt = mined.receipt
    evidence = {"nonce": payment.nonce, "block": receipt.block, "block_hash": receipt.block_hash}
    if mined.outside:
        evidence["replaced_by"] = receipt.hash
    units = mined.received or payment.transfer.units
    outcome = Outcome(
        "accepted",
        rail_order_id=receipt.hash,
        details={
            "crypto_amount": amounts.text(units, terms(order.destination).decimals),
            "tx_hash": receipt.hash,
            "confirmations": mined.confirmations,
            "network_fee": amounts.text(receipt.fee, COIN_DECIMALS),
        },
        again_s=_again(chain_account, chain_account.chain.confirmations - mined.confirmations),
        evidence=evidence,
    )
    if not mined.final:
        return outcome
    if not mined.sure:
        return _unsure(chain_account, payment, mined, outcome)
    again_s = _once_more(chain_account, mined)
    ended = replace(outcome, cost=receipts.cost(payment, receipt), again_s=again_s)
    return await _end(chain_account, payment, mined, ended)


def _unsure(
    chain_account: ChainAccount, payment: Payment, mined: Mined, outcome: Outcome
) -> Outcome:
    """The operator is told at once; what is still so when it is twice as deep is for a person."""
    moved = {"asked": str(payment.transfer.units), "moved": str(mined.received)}
    unsure = replace(outcome, evidence={**outcome.evidence, **moved, "error": UNSURE})
    if mined.confirmations < 2 * chain_account.chain.confirmations:
        return replace(unsure, waiting="amount_unsure")
    return Outcome("unknown", evidence=unsure.evidence)


async def _end(
    chain_account: ChainAccount, payment: Payment, mined: Mined, ended: Outcome
) -> Outcome:
    if mined.outside:
        logger.warning(
            "a nonce was used outside",
            chain=chain_account.chain.name,
            reference=payment.reference,
            transaction=mined.receipt.hash,
        )
    if mined.received == 0:
        return await _failed(chain_account, payment, mined, ended)
    if mined.received != payment.transfer.units:
        logger.warning(
            "a token moved another amount",
            chain=chain_account.chain.name,
            reference=payment.reference,
        )
        moved = {"asked": str(payment.transfer.units), "moved": str(mined.received)}
        ended = replace(ended, evidence={**ended.evidence, **moved})
    return replace(ended, state="succeeded")


async def _failed(
    chain_account: ChainAccount, payment: Payment, mined: Mined, ended: Outcome
) -> Outcome:
    """Nothing arrived, and nothing of this nonce will. Another attempt could work where the cause
    was ours: the nonce was used for something else, the gas did not suffice, the wallet was
    emptied meanwhile."""
    transfer = payment.transfer
    waiting: Waiting | None = None
    if not mined.outside and transfer.token is not None:
        balance = await chain_account.node.token_balance(transfer.token, payment.wallet.address)
        waiting = "float_empty" if balance < transfer.units else None
    another = (
        mined.outside or waiting is not None or await _wants_more_gas(chain_account, payment, mined)
    )
    return replace(
        ended,
        state="failed",
        reason=REPLACED if mined.outside else REVERTED,
        retryable=another,
        waiting=waiting,
        again_s=None if another else ended.again_s,
        details={},
    )


async def _wants_more_gas(chain_account: ChainAccount, payment: Payment, mined: Mined) -> bool:
    """Whether it failed for want of gas, and not because its payee burns whatever it gets. Raises
    NodeError."""
    transactions = await chain_account.books.transactions(payment)
    allowed = next((t.fees.gas for t in transactions if t.hash == mined.receipt.hash), None)
    used = mined.receipt.gas
    if mined.receipt.ok or not gas.ran_out(used, allowed or payment.transfer.gas):
        return False
    return payment.transfer.token is not None or not await chain_account.node.has_code(
        payment.transfer.to
    )


def _once_more(chain_account: ChainAccount, mined: Mined) -> float | None:
    """When to look whether an end still stands: once it is twice as deep, or old where a chain
    makes no blocks."""
    depth = 2 * chain_account.chain.confirmations
    age_s = datetime.now(UTC).timestamp() - mined.block.timestamp
    if mined.confirmations >= depth or age_s > 2 * depth * chain_account.chain.block_s + OLD_S:
        return None
    return (depth - mined.confirmations + 1) * chain_account.chain.block_s


def _again(chain_account: ChainAccount, blocks_left: int) -> float:
    """When to look again, in seconds: several times until it is as deep as wanted."""
    left_s = max(blocks_left, 1) * chain_account.chain.block_s
    return min(max(left_s / 3, chain_account.chain.block_s, 1.0), 60.0)


async def _waiting(
    chain_account: ChainAccount,
    order: ReadyOrder,
    payment: Payment,
    transactions: list[Transaction],
) -> Outcome:
    """See to what is not mined: broadcast it again, which brings a dropped one back, and offer more
    where it is the next to be mined and has waited for long."""
    latest = transactions[-1]
    evidence: dict[str, Any] = {"nonce": payment.nonce}
    used = await chain_account.node.mined(payment.wallet.address)
    if used > payment.nonce:
        return Outcome("unknown", evidence={**evidence, "error": DISAGREE})
    waiting: Waiting | None = None
    if used < payment.nonce:
        missing = await nonce_gaps.blocked(chain_account, used, payment.nonce)
        if missing:
            waiting = "nonce_missing"
            evidence["missing_nonces"] = missing
    if payment.nonce - used >= NEAR:
        return submit.accepted(chain_account, order, latest, evidence, waiting)
    reception, broadcast = await submit.broadcast(chain_account, latest)
    offered = used == payment.nonce and reception in ("taken", "underpriced")
    if offered and await _is_stuck(chain_account, latest):
        raised, waiting = await _raise(chain_account, order, payment, transactions)
        if raised is not None:
            latest = raised
            reception, broadcast = await submit.broadcast(chain_account, latest)
    waiting = SAID.get(reception or "", waiting)
    evidence |= broadcast
    if latest.number > 1:
        evidence["transactions"] = latest.number
    return submit.accepted(chain_account, order, latest, evidence, waiting)


async def _is_stuck(chain_account: ChainAccount, latest: Transaction) -> bool:
    """Whether blocks were made without it for long; where none are made, more fee does not help."""
    head = await chain_account.node.head()
    blocks = max(BUMP_AFTER_BLOCKS, math.ceil(BUMP_AFTER_S / chain_account.chain.block_s))
    return head.number - latest.fees.block >= blocks


async def _raise(
    chain_account: ChainAccount,
    order: ReadyOrder,
    payment: Payment,
    transactions: list[Transaction],
) -> tuple[Transaction | None, Waiting | None]:
    """The same payment for a higher fee, stored; or what that waits for."""
    latest = transactions[-1]
    market = await gas.ask(chain_account.node)
    fees = gas.bumped(latest.fees, market, gas.cap(chain_account.chain))
    if fees is None or len(transactions) >= MAX_TRANSACTIONS:
        return None, "gas_price_high"
    try:
        return await submit.sign(chain_account, order, payment, latest.number + 1, fees), None
    except SignerError:
        return None, "signer_unavailable"
