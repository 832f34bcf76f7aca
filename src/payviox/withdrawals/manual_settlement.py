"""A person's word on an order whose end nothing automatic finds out. Database only, in the caller's
transaction."""

from typing import Literal
from uuid import UUID

from payviox.businesses import service as businesses
from payviox.db.pool import Connection
from payviox.errors import Conflict, NotFound
from payviox.ledger.model import InsufficientFunds
from payviox.rails.failures import FailureWords
from payviox.rails.protocol import Outcome
from payviox.withdrawals import service
from payviox.withdrawals.model import Order
from payviox.withdrawals.queries import sending
from payviox.withdrawals.sending import booking
from payviox.withdrawals.sending.decisions import NEEDS_A_PERSON, UNKNOWN_S, decide

Ended = Literal["succeeded", "failed"]

LOOK_AGAIN_S = 60.0
"""How soon after a person's word the rail is asked once more: it may tell its own id of the payment
by now, or contradict."""


def check(order: Order) -> None:
    """Raises Conflict unless the order is `unknown` and waits for a person."""
    if order.status != "unknown":
        raise Conflict(
            f"Only an order that is unknown and waits for a person is settled; "
            f"this one is {order.status}"
        )
    if order.waiting != NEEDS_A_PERSON:
        due = f", next at {order.due_at.isoformat(timespec='seconds')}" if order.due_at else ""
        raise Conflict(
            f"The order is not for a person yet: {order.rail} is still asked{due}. It waits for a"
            f" person {UNKNOWN_S / 3600:.0f} hours after its attempt began, or sooner;"
            " `payviox order look-up` asks now."
        )


async def settle(
    connection: Connection,
    business_id: UUID,
    order_id: UUID,
    ended: Ended,
    *,
    reason: str,
    actor: str,
) -> Order:
    """Book what a person found out at the rail, as if the rail had said it. A look-up that is under
    way meanwhile changes nothing any more.

    Raises NotFound, and Conflict unless the order is `unknown` and waits for a person.
    """
    found = await sending.lock_many(connection, business_id, [order_id])
    if not found:
        raise NotFound
    (order,) = found
    check(order)
    evidence = {"settled_by": actor}
    answer = Outcome(ended, reason=FailureWords(reason), again_s=LOOK_AGAIN_S, evidence=evidence)
    decision = decide(booking.case(order, None), answer)
    try:
        await booking.book(connection, business_id, [(order, answer, decision)], actor)
    except InsufficientFunds as error:
        raise service.NotFunded from error
    detail = {"order": str(order_id), "outcome": ended, "reason": reason}
    await businesses.audit(connection, business_id, actor, "order.settled", detail)
    return await service.get(connection, business_id, order_id)
