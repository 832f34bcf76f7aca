"""Decisions on orders that send money: over the business's threshold two people make them."""

from collections.abc import Mapping

from payviox.actors import Actor
from payviox.approvals import service as approvals
from payviox.approvals.service import Refused
from payviox.db.pool import Connection
from payviox.rights.roles import Right
from payviox.withdrawals.model import Order
from payviox.withdrawals.queries import allocators


async def signed(
    connection: Connection,
    order: Order,
    actor: Actor,
    act: Right,
    *,
    typed: Mapping[str, object] | None = None,
) -> bool:
    """Whether a decision on a locked order may go on, or waits for a second person. What is signed
    is the order as it is now, with what was `typed` about it.

    Raises Refused for who signed it already and for who had a hand in allocating to its payout
    user, and Conflict for a command that names nobody.
    """
    if not await approvals.needs_second(connection, order.business_id, actor, order.amount):
        return True
    if await allocators.had_a_hand(connection, order.business_id, order.payout_user_id, str(actor)):
        raise Refused("You allocated money to this payout user, so others have to decide.")
    return await approvals.sign(
        connection,
        order.business_id,
        actor,
        act,
        order.id,
        signed_digest(order, typed),
        order.amount,
        typed=typed,
    )


def signed_digest(order: Order, typed: Mapping[str, object] | None = None) -> bytes:
    """Names what a signature on this order is for."""
    shown = {} if typed is None else typed
    return approvals.digest_of(order.digest.hex(), str(order.payout_user_id), order.attempt, shown)
