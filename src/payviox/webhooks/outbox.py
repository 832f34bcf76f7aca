"""Events written in the transaction of the money that they tell of: both commit or neither. Nothing
here sends; delivery.py does, later."""

from payviox import ids
from payviox.db import jobs
from payviox.db.pool import Connection
from payviox.webhooks import queries
from payviox.webhooks.events import OrderEvent, body


async def write_order_event(connection: Connection, event: OrderEvent) -> None:
    """Write down that this happened to the order, and have it delivered where the business's webhook
    is switched on and subscribes to its type.

    An order has one event of each type: a second one of the same type changes nothing, so that
    receivers, who deduplicate on order and type, never see two bodies for one pair.
    """
    event_id = ids.new()
    if not await queries.insert_event(
        connection, event.business_id, event_id, event.type, event.order_id, body(event)
    ):
        return
    if await queries.subscribes(connection, event.business_id, event.type):
        await queries.insert_delivery(connection, event.business_id, ids.new(), event_id)
        await jobs.wake(connection, jobs.DELIVER_WEBHOOKS, event.business_id)
