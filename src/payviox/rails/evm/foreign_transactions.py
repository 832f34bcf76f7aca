"""Transactions that were made with a wallet's key outside of this rail."""

from payviox.rails.evm.books import Transfer
from payviox.rails.evm.client import Node, NodeError
from payviox.rails.evm.node_answers import Block, Sent

FIRST_BACK = 32
"""Blocks to go back at first; then ever twice as many, as far as nodes remember."""


async def find(node: Node, address: str, nonce: int, head: Block) -> Sent | None:
    """The transaction that used a wallet's nonce; None where no node remembers so far back, or
    where the chain does not have it (any more)."""
    high, back = head.number, FIRST_BACK
    try:
        if await node.count_at(address, high) <= nonce:
            return None
        low = max(high - back, 0)
        while low > 0 and await node.count_at(address, low) > nonce:
            high, back = low, 2 * back
            low = max(high - back, 0)
        while high - low > 1:
            middle = (low + high) // 2
            if await node.count_at(address, middle) > nonce:
                high = middle
            else:
                low = middle
        return await node.transaction_in(high, address, nonce)
    except NodeError:
        return None


def pays(sent: Sent, transfer: Transfer) -> bool:
    """Whether it moves the coin as this payment would: somebody offered more for it elsewhere."""
    return (
        transfer.token is None and sent.to == transfer.to.lower() and sent.value == transfer.units
    )
