"""The wallet's next nonce on the chain: what holds up all payments behind it, and what an operator
must know before a payment is called unpaid."""

from payviox.rails.evm import submit
from payviox.rails.evm.books import Payment
from payviox.rails.evm.chain_account import ChainAccount
from payviox.rails.evm.client import NodeError

TOLD = 10
"""How many missing nonces are named at most."""


async def blocked(chain_account: ChainAccount, used: int, nonce: int) -> list[int]:
    """The first nonces from `used` on, of those before `nonce`, that nobody will use any more; none
    while the first is some payment's that sees to it itself. Asked once for all who wait."""
    if await chain_account.node.once(("front", used), lambda: _is_taken(chain_account, used)):
        return []
    end = min(nonce, used + TOLD)
    missing = await chain_account.node.once(
        ("missing", used, end), lambda: chain_account.books.missing(chain_account.wallet, used, end)
    )
    return [used, *(each for each in missing if each != used)]


async def is_blocked(chain_account: ChainAccount, used: int) -> bool:
    """Whether nobody will use the wallet's next nonce although payments wait behind it."""
    owed = await chain_account.books.owed(chain_account.wallet, used + 1)
    return owed.native > 0 and not await _is_taken(chain_account, used)


async def _is_taken(chain_account: ChainAccount, used: int) -> bool:
    """Where its order has succeeded, nobody looks after it any more: a reorganised chain has lost
    it, and it is sent again from here."""
    holder, payment = await chain_account.books.holder(chain_account.wallet, used)
    if holder == "paid" and payment is not None:
        transactions = await chain_account.books.transactions(payment)
        if not transactions:
            return False
        await submit.broadcast(chain_account, transactions[-1])
    return holder in ("open", "paid")


async def still_payable(chain_account: ChainAccount, payment: Payment) -> str | None:
    """Why the payment may still be made, and what ends that; None where its nonce is used for
    good."""
    name, nonce = chain_account.chain.name, payment.nonce
    wallet = payment.wallet.address
    try:
        head = await chain_account.node.head()
        if await chain_account.node.mined(wallet) <= nonce:
            return (
                f"It can still be paid: nonce {nonce} of the wallet {wallet} on {name} is not used."
                " Send any transaction with it from the wallet; then the order ends by itself."
            )
        deep = max(head.number - chain_account.chain.confirmations + 1, 0)
        if await chain_account.node.count_at(wallet, deep) <= nonce:
            return f"Nonce {nonce} of the wallet {wallet} on {name} is used, but not finally: wait."
    except NodeError as error:
        return f"Nobody can say whether nonce {nonce} of {wallet} is used ({error})."
    return None
