"""Transactions that somebody makes with a wallet's key besides Payviox."""

from typing import Any

from eth_account import Account as Keys

from support.anvil import CHAIN_ID, GWEI
from support.evm import Paying


def sent_by_hand(
    pay: Paying, to: str, *, value: int = 0, data: str = "0x", nonce: int | None = None
) -> str:
    """With the wallet's next nonce, unless another is named; answers its hash."""
    transaction: dict[str, Any] = {
        "to": to,
        "value": value,
        "data": data,
        "nonce": pay.node.nonce(pay.address, "pending") if nonce is None else nonce,
        "gas": 100_000,
        "maxFeePerGas": 90 * GWEI,
        "maxPriorityFeePerGas": 50 * GWEI,
        "chainId": CHAIN_ID,
    }
    signed = Keys.sign_transaction(transaction, pay.key)
    return str(pay.node.rpc("eth_sendRawTransaction", "0x" + signed.raw_transaction.hex()))
