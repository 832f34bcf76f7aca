"""Events and their deliveries, written in the transaction of what they tell of: both commit or
neither. Nothing here sends; delivery.py does, later."""

from collections.abc import Sequence
from uuid import UUID

from payviox import ids
from payviox.actors import Actor
from payviox.db import jobs
from payviox.db.pool import Connection
from payviox.errors import Conflict, NotFound
from payviox.rights import service as rights
from payviox.webhooks.events import EventType, OrderEvent, body
from payviox.webhooks.model import Event
from payviox.webhooks.queries import deliveries as delivery_queries
from payviox.webhooks.queries import events as queries
from payviox.webhooks.queries import settings as settings_queries
from payviox.webhooks.samples import sample
from payviox.webhooks.settings import NoWebhook


class SwitchedOff(Conflict):
    message = "The webhook is switched off"


async def write_order_events(
    connection: Connection, business_id: UUID, events: Sequence[OrderEvent]
) -> None:
    """Write down what happened to orders of one business, and have it delivered where the webhook
    is switched on and subscribes to its type.

    An order has one event of each type: a second one of the same type changes nothing, so that
    receivers, who deduplicate on order and type, never see two bodies for one pair.
    """
    rows = [
        (ids.new(), ids.new(), event.type, event.order_id, body(event), event.trace)
        for event in events
    ]
    if rows and await queries.insert_events(connection, business_id, rows):
        await jobs.wake(connection, jobs.DELIVER_WEBHOOKS, business_id)


async def write_order_event(connection: Connection, event: OrderEvent) -> None:
    """The same for one event."""
    await write_order_events(connection, event.business_id, [event])


async def send_test(
    connection: Connection, business_id: UUID, event_type: EventType, actor: Actor
) -> UUID:
    """Have a sample of this type delivered, subscribed or not, switched on or not; answers the
    event's id. Raises NoWebhook where there is no URL, and Forbidden."""
    event_id = await write_sample(connection, business_id, event_type, actor)
    await jobs.wake(connection, jobs.DELIVER_WEBHOOKS, business_id)
    return event_id


async def write_sample(
    connection: Connection, business_id: UUID, event_type: EventType, actor: Actor
) -> UUID:
    """Write down a sample of this type and its delivery, due now; answers the event's id. Raises
    NoWebhook where there is no URL, and Forbidden."""
    await rights.require(connection, business_id, actor, "webhook.send")
    settings = await settings_queries.find_settings(connection, business_id)
    if settings is None or settings.url is None:
        raise NoWebhook
    event_id = ids.new()
    await queries.insert_event(
        connection,
        business_id,
        event_id,
        event_type=event_type,
        order_id=None,
        body=body(sample(business_id, event_type)),
    )
    await delivery_queries.insert_delivery(connection, business_id, ids.new(), event_id)
    return event_id


async def redeliver(
    connection: Connection, business_id: UUID, event_id: UUID, actor: Actor
) -> Event:
    """Start a new round of attempts now, whatever became of the last one or if there was none; the
    body and the webhook-id stay the same. Answers the event.

    Raises NotFound, NoWebhook where there is no URL, SwitchedOff, or Forbidden.
    """
    await rights.require(connection, business_id, actor, "webhook.send")
    event = await queries.find_event(connection, business_id, event_id)
    if event is None:
        raise NotFound(missing=f"event {ids.show(ids.EVENT, event_id)}")
    settings = await settings_queries.find_settings(connection, business_id)
    if settings is None or settings.url is None:
        raise NoWebhook
    if not settings.enabled and not event.is_test:
        raise SwitchedOff
    await delivery_queries.send_again(connection, business_id, [(event_id, ids.new())])
    await jobs.wake(connection, jobs.DELIVER_WEBHOOKS, business_id)
    return event
