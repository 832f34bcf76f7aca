"""What happened and what became of telling it: events with their delivery and its attempts, as a
business reads them. Nothing here writes."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from payviox import ids
from payviox.db.pool import Connection
from payviox.errors import NotFound
from payviox.webhooks.model import Attempt, Delivery, Event, LogRow, Newer
from payviox.webhooks.queries import deliveries as delivery_queries
from payviox.webhooks.queries import events as queries
from payviox.webhooks.queries import log as log_queries

ATTEMPTS_IN_LIST, ATTEMPTS_OF_ONE = 4, 100
"""So many of a delivery's latest attempts are shown: in a list, and of one event."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event; `delivery` None where it was never to be delivered."""

    event: Event
    delivery: Delivery | None
    attempts: list[Attempt]


async def latest(
    connection: Connection,
    business_id: UUID,
    *,
    event_type: str | None = None,
    order_id: UUID | None = None,
    after: UUID | None = None,
    limit: int,
) -> list[Entry]:
    """Newest first; those `after` an event are older than it."""
    events = await queries.list_events(
        connection,
        business_id,
        event_type=event_type,
        order_id=order_id,
        before=after,
        limit=limit,
    )
    return await _entries(connection, business_id, events, ATTEMPTS_IN_LIST)


async def list_page(
    connection: Connection,
    business_id: UUID,
    *,
    state: str | None = None,
    event_type: str | None = None,
    order_id: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    after: UUID | None = None,
    limit: int,
) -> list[LogRow]:
    """Newest first, without bodies: events that happened from `since` on and before `until`."""
    return await log_queries.list_page(
        connection,
        business_id,
        state=state,
        event_type=event_type,
        order_id=order_id,
        since=None if since is None else ids.first_at(since),
        until=None if until is None else ids.first_at(until),
        before=after,
        limit=limit,
    )


async def newer_of(connection: Connection, business_id: UUID, event_id: UUID) -> Newer | None:
    """What was delivered about the same order after this event; None where nothing was."""
    newer = await log_queries.newer_delivered(connection, business_id, [event_id])
    return newer[0] if newer else None


async def get(connection: Connection, business_id: UUID, event_id: UUID) -> Entry:
    """Raises NotFound."""
    event = await queries.find_event(connection, business_id, event_id)
    if event is None:
        raise NotFound(missing=f"event {ids.show(ids.EVENT, event_id)}")
    return (await _entries(connection, business_id, [event], ATTEMPTS_OF_ONE))[0]


async def _entries(
    connection: Connection, business_id: UUID, events: list[Event], latest: int
) -> list[Entry]:
    deliveries = await delivery_queries.list_deliveries(
        connection, business_id, [e.id for e in events]
    )
    attempts = await delivery_queries.list_attempts(
        connection, business_id, [d.id for d in deliveries], latest
    )
    delivery_of = {delivery.event_id: delivery for delivery in deliveries}
    attempts_of: dict[UUID, list[Attempt]] = {delivery.id: [] for delivery in deliveries}
    for attempt in attempts:
        attempts_of[attempt.delivery_id].append(attempt)
    entries = []
    for event in events:
        delivery = delivery_of.get(event.id)
        entries.append(Entry(event, delivery, attempts_of[delivery.id] if delivery else []))
    return entries
