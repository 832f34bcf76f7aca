"""Orders as callers act on them: create, approve, reject, cancel. Database only, in the caller's
transaction; of several who act on one order at once, exactly one wins. Amounts are US cents."""

from uuid import UUID

from payviox.actors import Actor
from payviox.acts import Act
from payviox.audit import service as audit
from payviox.auth import restricted_keys
from payviox.auth.keys import BusinessCaller
from payviox.db import jobs
from payviox.db.pool import Connection
from payviox.errors import Conflict, FieldErrors, NotFound
from payviox.ledger import service as ledger
from payviox.ledger.model import PAYOUT, InsufficientFunds, Posting, in_transit
from payviox.ledger.model import user as user_account
from payviox.order_states import (
    CANCELABLE,
    REJECTABLE,
    SURELY_NOT_SENT,
    Status,
    check_transition,
)
from payviox.text import printable
from payviox.withdrawals import creation, second_person, transitions
from payviox.withdrawals.model import (
    TAKING_BACK,
    Order,
)
from payviox.withdrawals.queries import orders
from payviox.withdrawals.sending import callbacks
from payviox.withdrawals.transitions import Entry

stop_waiting = orders.stop_waiting
create = creation.create
create_all = creation.create_all


class NotFunded(Conflict):
    """Its transfers do not say that its money is in transit: somebody changed what they may not."""

    message = "The order's money is not in transit. Nothing was moved; ask the operator"


async def get(
    connection: Connection, business_id: UUID, order_id: UUID, *, user_id: UUID | None = None
) -> Order:
    """An order of the business, and of this payout user where one is named. Raises NotFound."""
    return _checked(await orders.find(connection, business_id, order_id), user_id)


async def lock(connection: Connection, business_id: UUID, order_id: UUID) -> Order:
    """An order that nobody else changes until this transaction ends. Raises NotFound."""
    return _checked(await orders.lock(connection, business_id, order_id))


async def approve(
    connection: Connection,
    business_id: UUID,
    order_id: UUID,
    actor: Actor,
    key: BusinessCaller | None = None,
) -> Order:
    """Let a reviewed order go, for exactly the amount and destination that it has now. Over the
    business's threshold the first of two people signs it, and it stays in review. Its amount counts
    against the limits of a restricted `key`.

    Raises NotFound, Conflict unless it is in review and this person may sign it, and KeyLimit or
    KeyDailyLimit.
    """
    order = _checked(await orders.lock(connection, business_id, order_id))
    _require(order, frozenset({"review"}), "approved")
    if key is not None and key.restrictions is not None:
        await ledger.lock(connection, business_id, [PAYOUT])
        await restricted_keys.spend(connection, key, order.amount)
    if not await second_person.signed(connection, order, actor, "order.approve"):
        return order
    await orders.set_status(connection, order, "queued", due=True, bound=order.digest)
    await transitions.enter(connection, business_id, [Entry(order, "queued", actor, "approved")])
    await jobs.wake(connection, jobs.PROCESS_ORDERS, business_id)
    await _record(connection, order, actor, "order.approve")
    return await get(connection, business_id, order_id)


async def reject(
    connection: Connection, business_id: UUID, order_id: UUID, actor: Actor, note: str | None
) -> Order:
    """Refuse an order before it is sent, with an operator's note; the money goes back.

    Raises NotFound, Conflict where it is too late, and FieldErrors where the note is too long or
    holds what cannot be printed: it goes into the webhook and onto people's screens.
    """
    try:
        note = printable(note) if note else None
    except ValueError as error:
        raise FieldErrors({"note": [f"The note {error}."]}) from error
    order = _checked(await orders.lock(connection, business_id, order_id))
    _require(order, REJECTABLE, "rejected")
    await _record(connection, order, actor, "order.reject", note)
    return await _give_back(connection, order, "rejected", actor, note)


async def cancel(
    connection: Connection,
    business_id: UUID,
    order_id: UUID,
    actor: Actor,
    *,
    user_id: UUID | None = None,
) -> Order:
    """Take an order back: before it is sent, the money goes back to the payout user at once; while
    its rail can still take it back, that is asked to, and the order says so.

    Raises NotFound (also where it is another payout user's), and Conflict where it is too late.
    """
    order = _checked(await orders.lock(connection, business_id, order_id), user_id)
    if user_id is None:
        await _record(connection, order, actor, "order.cancel")
    if order.can_be_taken_back:
        return await _take_back(connection, order, actor)
    _require(order, CANCELABLE, "canceled")
    return await _give_back(connection, order, "canceled", actor, None)


async def _record(
    connection: Connection, order: Order, actor: Actor, act: Act, note: str | None = None
) -> None:
    """What was decided about, so that the entry can be read without the order."""
    about = {"order": str(order.id), "amount": order.amount, "rail": order.rail}
    await audit.record(
        connection, order.business_id, actor, act, about | ({"note": note} if note else {})
    )


async def _take_back(connection: Connection, order: Order, actor: Actor) -> Order:
    await orders.wait_for(connection, order, TAKING_BACK)
    entry = Entry(order, order.status, actor, TAKING_BACK)
    await transitions.enter(connection, order.business_id, [entry])
    await jobs.wake(connection, jobs.PROCESS_ORDERS, order.business_id)
    return await get(connection, order.business_id, order.id)


async def look_up_now(
    connection: Connection, business_id: UUID, order_id: UUID, actor: Actor
) -> None:
    """Have the worker ask the rail about an order now. Raises Conflict where there is nothing to
    ask."""
    if not await callbacks.look_soon(connection, business_id, [order_id]):
        await get(connection, business_id, order_id)
        raise Conflict("Only an order that was sent can be looked up at its rail")
    await audit.record(connection, business_id, actor, "order.look_up", {"order": str(order_id)})


async def resume(connection: Connection, business_id: UUID, waiting: str, actor: Actor) -> int:
    """Have every order tried or looked up now that waits for this; answers how many."""
    number = await orders.stop_waiting(connection, business_id, waiting)
    detail = {"waiting": waiting, "orders": number}
    await audit.record(connection, business_id, actor, "order.resume", detail)
    if number:
        await jobs.wake(connection, jobs.PROCESS_ORDERS, business_id)
    return number


async def _give_back(
    connection: Connection, order: Order, status: Status, actor: Actor, note: str | None
) -> Order:
    outcome = None
    if order.attempt:
        outcome = await orders.last_outcome(connection, order.business_id, order.id, order.attempt)
    # After a look-up that found nothing, an old call may in theory still arrive at the rail.
    if order.attempt and outcome not in SURELY_NOT_SENT:
        raise Conflict("The order is being sent again and cannot be taken back")
    check_transition(order.status, status)
    await orders.set_status(connection, order, status, note=note)
    try:
        await ledger.post(connection, order.business_id, [release(order, actor)])
    except InsufficientFunds as error:
        raise NotFunded from error
    await transitions.enter(connection, order.business_id, [Entry(order, status, actor, note)])
    return await get(connection, order.business_id, order.id)


def release(order: Order, actor: Actor) -> Posting:
    """The whole reserved amount, back to the payout user."""
    return Posting(
        "release",
        order.amount,
        in_transit(order.rail),
        user_account(order.payout_user_id),
        order_id=order.id,
        actor=actor,
    )


def _checked(order: Order | None, user_id: UUID | None = None) -> Order:
    if order is None or (user_id is not None and order.payout_user_id != user_id):
        raise NotFound
    return order


def _require(order: Order, allowed: frozenset[Status], verb: str) -> None:
    if order.status not in allowed:
        raise Conflict(f"An order that is {order.status} cannot be {verb}")
