"""What every change of an order's state leaves behind: a line in its story and, where the business,
the payout user or an operator is told, an event or a mail. Database only, in the caller's
transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from payviox.actors import Actor
from payviox.db.pool import Connection
from payviox.operator_mails import telling
from payviox.operator_mails.model import Subject
from payviox.order_states import Status
from payviox.webhooks.events import EventType, OrderEvent
from payviox.webhooks.outbox import write_order_events
from payviox.withdrawals import mails
from payviox.withdrawals.model import (
    EVENT_OF,
    Order,
)
from payviox.withdrawals.queries import orders


@dataclass(frozen=True, slots=True)
class Entry:
    """An order is now `status`. `order` may be its row from before; `rail_order_id` and `details`
    are what its rail has just added."""

    order: Order
    status: Status
    actor: Actor
    note: str | None = None
    rail_order_id: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


async def enter(connection: Connection, business_id: UUID, entries: Sequence[Entry]) -> None:
    """Write these down. The caller holds the orders. An order has one event of each type, however
    often it enters a state."""
    if not entries:
        return
    await orders.insert_states(
        connection, business_id, [(e.order.id, e.status, e.actor, e.note) for e in entries]
    )
    await mails.write(connection, [(e.order, e.status, e.note) for e in entries])
    if any(entry.status == "review" for entry in entries):
        await telling.tell(connection, [Subject(business_id, "review")])
    await write_order_events(
        connection, business_id, [_event(e) for e in entries if e.status in EVENT_OF]
    )


def _event(entry: Entry) -> OrderEvent:
    order = entry.order
    return OrderEvent(
        business_id=order.business_id,
        type=cast("EventType", EVENT_OF[entry.status]),
        order_id=order.id,
        rail_order_id=entry.rail_order_id or order.rail_order_id,
        provider=order.provider,
        payout_user_id=order.payout_user_id,
        email=order.email,
        amount=order.amount,
        fees=order.fees,
        net_amount=order.net_amount,
        destination=order.destination,
        details={**order.details, **entry.details},
        reason=entry.note,
        trace=order.trace,
    )
