"""A person's word on an order whose end nothing automatic finds out. Database only, in the caller's
transaction."""

from collections.abc import Awaitable, Callable
from typing import Literal
from uuid import UUID

from payviox.actors import Actor
from payviox.audit import service as audit
from payviox.db.pool import Connection, Database
from payviox.errors import Conflict, FieldErrors, NotFound
from payviox.ledger.model import InsufficientFunds
from payviox.rails.failures import FailureWords
from payviox.rails.protocol import KeepsPayable, Outcome
from payviox.text import printable
from payviox.withdrawals import second_person, service
from payviox.withdrawals.model import Order, reference
from payviox.withdrawals.queries import sending
from payviox.withdrawals.routing import Rails
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
            f" person {UNKNOWN_S / 3600:.0f} hours after its attempt began, or sooner."
            " Looking it up asks now."
        )


async def settle_by_hand(
    database: Database,
    rails: Rails,
    seen: Order,
    ended: Ended,
    *,
    reason: str,
    who: Callable[[Connection], Awaitable[Actor]],
) -> Order:
    """Book what a person found out at the rail about the order that they have seen.

    The rail is asked first, outside any transaction, whether the attempt can still be paid; the
    word counts only if the order still is at that attempt when it is booked. `who` finds out whose
    word it is, in the same transaction. Raises FieldErrors for the reason, NotFound, and Conflict
    as `settle` does or where the attempt may still be paid.
    """
    await check_at_rail(rails, seen)

    async def work(connection: Connection) -> Order:
        return await settle(
            connection,
            seen.business_id,
            seen.id,
            ended,
            reason=reason,
            actor=await who(connection),
            attempt=seen.attempt,
        )

    return await database.write(work)


async def check_at_rail(rails: Rails, seen: Order) -> None:
    """Ask the rail whether the order's last attempt can still be paid; outside any transaction.
    Raises Conflict where it may be."""
    rail: object = rails.find(seen.rail)
    if seen.attempt and isinstance(rail, KeepsPayable):
        problem = await rail.still_payable(seen.business_id, reference(seen.id, seen.attempt))
        if problem is not None:
            raise Conflict(problem)


async def settle(
    connection: Connection,
    business_id: UUID,
    order_id: UUID,
    ended: Ended,
    *,
    reason: str,
    actor: Actor,
    attempt: int | None = None,
) -> Order:
    """Book what a person found out at the rail, as if the rail had said it. A look-up that is under
    way meanwhile changes nothing any more. Over the business's threshold the first of two people
    signs it, and the order stays as it is until another one says the same for the same reason.

    Raises FieldErrors where the reason is no printable text, NotFound, and Conflict unless the
    order is `unknown`, waits for a person and is at the `attempt` that the person has seen.
    """
    try:
        reason = printable(reason)
    except ValueError as error:
        raise FieldErrors({"reason": [f"The reason {error}."]}) from error
    orders = await sending.lock_many(connection, business_id, [order_id])
    if not orders:
        raise NotFound
    (order,) = orders
    check(order)
    if attempt not in (None, order.attempt):
        raise Conflict("The order had another attempt meanwhile: look at it again")
    typed = {"ended": ended, "reason": reason}
    if not await second_person.signed(connection, order, actor, "order.settle", typed=typed):
        return order
    evidence = {"settled_by": actor}
    answer = Outcome(ended, reason=FailureWords(reason), again_s=LOOK_AGAIN_S, evidence=evidence)
    decision = decide(booking.case(order, None), answer)
    try:
        await booking.book(connection, business_id, [(order, answer, decision)], actor)
    except InsufficientFunds as error:
        raise service.NotFunded from error
    detail = {"order": str(order_id), "outcome": ended, "reason": reason}
    await audit.record(connection, business_id, actor, "order.settle", detail)
    return await service.get(connection, business_id, order_id)
