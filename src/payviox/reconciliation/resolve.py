"""A person's decision on a suspense item. Database only, in the caller's transaction."""

from uuid import UUID

from payviox import ids
from payviox.actors import Actor
from payviox.approvals import service as approvals
from payviox.approvals.service import WaitingAct
from payviox.audit import service as audit
from payviox.db.pool import Connection
from payviox.errors import Conflict, FieldErrors, NotFound
from payviox.ledger import suspense
from payviox.ledger.model import InsufficientFunds
from payviox.ledger.suspense import Item, Resolution
from payviox.text import printable
from payviox.withdrawals import service as withdrawals

list_page = suspense.list_page


async def get(connection: Connection, business_id: UUID, item_id: UUID) -> Item:
    """Raises NotFound."""
    item = await suspense.find(connection, business_id, item_id)
    if item is None:
        raise NotFound
    return item


async def resolve(
    connection: Connection,
    business_id: UUID,
    item_id: UUID,
    resolution: Resolution,
    *,
    reason: str,
    actor: Actor,
) -> Item | WaitingAct:
    """Book what a person has decided about an open item, and who did and why; over the business's
    threshold that waits for a second person. Answers the item as it was.

    Raises NotFound, FieldErrors where the reason is no printable text, and Conflict where the item
    is resolved already, there is nothing to book or nobody to charge, or a balance has too little.
    """
    try:
        reason = printable(reason)
    except ValueError as error:
        raise FieldErrors({"reason": [f"The reason {error}."]}) from error
    item = await _lock(connection, business_id, item_id, resolution)
    asked = {**_about(item), "amount": abs(item.amount), "resolution": resolution, "reason": reason}
    waiting = await approvals.ask(
        connection, business_id, actor, "suspense.resolve", abs(item.amount), asked
    )
    return waiting or await _resolve(connection, item, resolution, reason, actor)


async def do_approved(connection: Connection, waiting: WaitingAct, actor: Actor) -> bool:
    """Book what a second person has just approved; False where it is another act. Raises Conflict
    as `resolve` does."""
    asked = waiting.parameters
    item_id = ids.parse(ids.SUSPENSE_ITEM, str(asked.get("item")))
    if waiting.act != "suspense.resolve" or item_id is None:
        return False
    item = await _lock(connection, waiting.business_id, item_id, asked["resolution"])
    await _resolve(connection, item, asked["resolution"], asked["reason"], actor)
    return True


async def _lock(
    connection: Connection, business_id: UUID, item_id: UUID, resolution: Resolution
) -> Item:
    """The open item, for which this can be booked."""
    rail = (await get(connection, business_id, item_id)).rail
    await suspense.lock_rail(connection, business_id, rail)
    item = await suspense.lock(connection, business_id, item_id)
    if item is None or not item.is_open:
        raise Conflict("The item is resolved already")
    if not item.amount and resolution != "explained":
        raise Conflict("There is no money in this item: it can only be explained")
    if resolution == "charged":
        await _user(connection, item)
    return item


async def _resolve(
    connection: Connection, item: Item, resolution: Resolution, reason: str, actor: Actor
) -> Item:
    user_id = await _user(connection, item) if resolution == "charged" else None
    try:
        await suspense.resolve(
            connection, item, resolution, user_id=user_id, reason=reason, actor=actor
        )
    except InsufficientFunds as error:
        raise Conflict(f"The {error.account.kind} balance has too little for it") from error
    detail = {
        **_about(item),
        "amount": item.amount,
        "resolution": resolution,
        "reason": reason,
        **({} if item.order_id is None else {"order": str(item.order_id)}),
    }
    await audit.record(connection, item.business_id, actor, "suspense.resolve", detail)
    return item


def _about(item: Item) -> dict[str, object]:
    return {
        "item": ids.show(ids.SUSPENSE_ITEM, item.id),
        "rail": item.rail,
        "cause": item.cause,
    }


async def _user(connection: Connection, item: Item) -> UUID:
    if item.order_id is None:
        raise Conflict("The item is about no order of ours: there is no payout user to charge")
    order = await withdrawals.get(connection, item.business_id, item.order_id)
    return order.payout_user_id
