"""What the chain has of a payment: which transaction used its nonce, how deep it is, and how much
the payee got by it."""

from collections.abc import Sequence
from dataclasses import dataclass

from payviox.rails.evm import amounts
from payviox.rails.evm import foreign_transactions as outside
from payviox.rails.evm.books import Payment, Transaction
from payviox.rails.evm.chain_account import ChainAccount
from payviox.rails.evm.node_answers import Block, Found, Receipt, Sent, TransferLog

BEFORE_S = 300.0
"""How much older than the payment a block may seem that has it: clocks differ."""

LEAST_PERCENT = 90
"""What of a payment must arrive at least: some tokens keep a fee, but none keeps more."""


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction that used the payment's nonce, in its `block` on the chain. `received` is what
    the payee got by it, in units; `outside`: it is not ours; `final`: it is deep enough to count;
    `sure`: what was received was looked at twice where that is odd."""

    receipt: Receipt
    block: Block
    confirmations: int
    received: int
    outside: bool
    final: bool
    sure: bool


async def mined(
    chain_account: ChainAccount, payment: Payment, transactions: Sequence[Transaction]
) -> Mined | None:
    """What the chain has with the payment's nonce: one of ours, unless the wallet's key is used
    elsewhere too. None: nothing, or nodes that differ. Raises NodeError."""
    if await chain_account.node.mined(payment.wallet.address) <= payment.nonce:
        return None
    for transaction in reversed(transactions):
        ours = await chain_account.node.find(transaction.hash)
        if ours is not None:
            return await _on_chain(chain_account, payment, ours, replaced_by=None)
    head = await chain_account.node.head()
    sent = await outside.find(chain_account.node, payment.wallet.address, payment.nonce, head)
    if sent is None or sent.hash in {transaction.hash for transaction in transactions}:
        return None
    other = await chain_account.node.find(sent.hash)
    if other is None:
        return None
    return await _on_chain(chain_account, payment, other, replaced_by=sent)


async def _on_chain(
    chain_account: ChainAccount, payment: Payment, transaction: Found, *, replaced_by: Sent | None
) -> Mined:
    received = _received(payment, transaction, replaced_by)
    # Where it was paid by another's transaction that a reorganised chain takes back, any of ours
    # may be mined after all, besides the payment that would be made anew.
    deep = 2 if replaced_by is not None and received == 0 else 1
    final = transaction.confirmations >= deep * chain_account.chain.confirmations
    sure = not final or await _is_sure(chain_account, payment, transaction, received)
    return Mined(
        transaction.receipt,
        transaction.block,
        transaction.confirmations,
        received,
        replaced_by is not None,
        final,
        sure,
    )


def _received(payment: Payment, transaction: Found, replaced_by: Sent | None) -> int:
    """A token's contract may answer nothing, or a lie: its Transfer event counts."""
    transfer, receipt = payment.transfer, transaction.receipt
    if not receipt.ok or (replaced_by is not None and _is_older(payment, transaction.block)):
        return 0
    if transfer.token is None:
        same = replaced_by is None or outside.pays(replaced_by, transfer)
        return transfer.units if same else 0
    units = _to_payee(payment, receipt.transfers)
    # Another amount in another's transaction is another's payment.
    return units if replaced_by is None or units == transfer.units else 0


def _is_older(payment: Payment, block: Block) -> bool:
    """Whether a block had its transactions before there was the payment."""
    before = payment.created_at.timestamp() - BEFORE_S
    return block.number <= payment.transfer.block or block.timestamp < before


def _to_payee(payment: Payment, logs: Sequence[TransferLog]) -> int:
    return sum(
        log.units
        for log in logs
        if log.token == (payment.transfer.token or "").lower()
        and log.source == payment.wallet.address.lower()
        and log.target == payment.transfer.to.lower()
    )


async def _is_sure(
    chain_account: ChainAccount, payment: Payment, transaction: Found, received: int
) -> bool:
    """Whether a token's successful transaction that has not paid by its receipt has not paid by the
    block's events and the payee's balance either; and whether one that has paid has paid enough.
    Raises NodeError."""
    transfer, receipt = payment.transfer, transaction.receipt
    if transfer.token is None or not receipt.ok:
        return True
    if received:
        return received * 100 >= transfer.units * LEAST_PERCENT
    if _is_older(payment, transaction.block):
        return True
    if _to_payee(payment, receipt.transfers):  # another's payment
        return True
    at = receipt.block
    logs = await chain_account.node.transfers_from(payment.wallet.address, [transfer.token], at, at)
    if _to_payee(payment, [log for log in logs if log.hash == receipt.hash]):
        return False
    before = await chain_account.node.token_balance(transfer.token, transfer.to, at - 1)
    return await chain_account.node.token_balance(transfer.token, transfer.to, at) <= before


def cost(payment: Payment, receipt: Receipt) -> int | None:
    """The network's fee in cents, None where nobody knew what the coin is worth."""
    rate = payment.transfer.coin_rate
    return None if rate is None else amounts.worth(receipt.fee, rate)
