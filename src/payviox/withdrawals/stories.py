"""What every change of an order's state leaves behind: a line in its story and, where the business is
told, an event. Database only, in the caller's transaction."""

from collections.abc import Mapping
from typing import Any, cast

from payviox.db.pool import Connection
from payviox.webhooks.events import EventType, OrderEvent
from payviox.webhooks.outbox import write_order_event
from payviox.withdrawals.model import EVENT_OF, Order, Status
from payviox.withdrawals.queries import orders


async def enter(
    connection: Connection,
    order: Order,
    status: Status,
    actor: str,
    note: str | None = None,
    *,
    rail_order_id: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """The order, which the caller holds, is now `status`. `order` may be its row from before;
    `rail_order_id` and `details` are what the rail has just added. An order has one event of each
    type, however often it enters a state."""
    await orders.insert_state(connection, order.business_id, order.id, status, actor, note)
    if status not in EVENT_OF:
        return
    await write_order_event(
        connection,
        OrderEvent(
            business_id=order.business_id,
            type=cast("EventType", EVENT_OF[status]),
            order_id=order.id,
            rail_order_id=rail_order_id or order.rail_order_id,
            provider=order.provider,
            payout_user_id=order.payout_user_id,
            email=order.email,
            amount=order.amount,
            fees=order.fees,
            net_amount=order.net_amount,
            destination=order.destination,
            details={**order.details, **(details or {})},
            reason=note,
        ),
    )
