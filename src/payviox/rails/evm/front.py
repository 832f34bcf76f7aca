"""The wallet's next nonce on the chain: what holds up all payments behind it, and what an operator
must know before a payment is called unpaid."""

from payviox.rails.evm import sending
from payviox.rails.evm.books import Payment
from payviox.rails.evm.desk import Desk
from payviox.rails.evm.node import NodeError

TOLD = 10
"""How many missing nonces are named at most."""


async def blocked(desk: Desk, used: int, nonce: int) -> list[int]:
    """The first nonces from `used` on, of those before `nonce`, that nobody will use any more; none
    while the first is some payment's that sees to it itself. Asked once for all who wait."""
    if await desk.node.once(("front", used), lambda: _is_taken(desk, used)):
        return []
    end = min(nonce, used + TOLD)
    missing = await desk.node.once(
        ("missing", used, end), lambda: desk.books.missing(desk.wallet, used, end)
    )
    return [used, *(each for each in missing if each != used)]


async def is_blocked(desk: Desk, used: int) -> bool:
    """Whether nobody will use the wallet's next nonce although payments wait behind it."""
    owed = await desk.books.owed(desk.wallet, used + 1)
    return owed.native > 0 and not await _is_taken(desk, used)


async def _is_taken(desk: Desk, used: int) -> bool:
    """Where its order has succeeded, nobody looks after it any more: a reorganised chain has lost
    it, and it is sent again from here."""
    holder, payment = await desk.books.holder(desk.wallet, used)
    if holder == "paid" and payment is not None:
        kept = await desk.books.transactions(payment)
        if not kept:
            return False
        await sending.broadcast(desk, kept[-1])
    return holder in ("open", "paid")


async def still_payable(desk: Desk, payment: Payment) -> str | None:
    """Why the payment may still be made, and what ends that; None where its nonce is used for
    good."""
    name, nonce = desk.chain.name, payment.nonce
    wallet = payment.wallet.address
    try:
        head = await desk.node.head()
        if await desk.node.mined(wallet) <= nonce:
            return (
                f"It can still be paid: nonce {nonce} of the wallet {wallet} on {name} is not used."
                " Send any transaction with it from the wallet; then the order ends by itself."
            )
        deep = max(head.number - desk.chain.confirmations + 1, 0)
        if await desk.node.count_at(wallet, deep) <= nonce:
            return f"Nonce {nonce} of the wallet {wallet} on {name} is used, but not finally: wait."
    except NodeError as error:
        return f"Nobody can say whether nonce {nonce} of {wallet} is used ({error})."
    return None
