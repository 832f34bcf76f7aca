"""Sending the events of a period again: which they are, which of them are out of date by now, and
the act itself. Bodies and webhook-ids stay; today's token signs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from payviox import ids
from payviox.actors import Actor
from payviox.audit import service as audit
from payviox.db import jobs
from payviox.db.pool import Connection
from payviox.errors import Conflict
from payviox.webhooks.model import Newer
from payviox.webhooks.outbox import SwitchedOff
from payviox.webhooks.queries import deliveries as delivery_queries
from payviox.webhooks.queries import log as log_queries
from payviox.webhooks.queries import settings as settings_queries
from payviox.webhooks.settings import NoWebhook

MOST = 1_000
"""So many events are sent again in one step."""


class TooMany(Conflict):
    message = f"There are more than {MOST:,} in this period. Choose a shorter one."


class OtherByNow(Conflict):
    message = "Something changed in this period while you were reading. Look at it again."


@dataclass(frozen=True, slots=True)
class Period:
    """What happened from `since` on and before `until`; of it what failed alone, where asked."""

    since: datetime
    until: datetime
    failed_only: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """The events of a period, oldest first; `stale` are those whose order has a later event that
    was delivered."""

    events: Sequence[UUID]
    stale: Sequence[Newer]


async def plan(connection: Connection, business_id: UUID, period: Period) -> Plan:
    """What would be sent again. Raises TooMany."""
    events = await log_queries.list_of_period(
        connection,
        business_id,
        ids.first_at(period.since),
        ids.first_at(period.until),
        failed_only=period.failed_only,
        limit=MOST + 1,
    )
    if len(events) > MOST:
        raise TooMany
    return Plan(events, await log_queries.newer_delivered(connection, business_id, events))


async def replay(
    connection: Connection,
    business_id: UUID,
    period: Period,
    *,
    with_stale: bool,
    expected: int,
    actor: Actor,
) -> int:
    """Send the period's events again, those out of date only where asked; answers how many.

    `expected` is how many somebody saw. Raises OtherByNow where they are others, TooMany,
    NoWebhook, SwitchedOff and Forbidden.
    """
    settings = await settings_queries.find_settings(connection, business_id)
    if settings is None or settings.url is None:
        raise NoWebhook
    if not settings.enabled:
        raise SwitchedOff
    planned = await plan(connection, business_id, period)
    left_out = set() if with_stale else {newer.event_id for newer in planned.stale}
    events = [event_id for event_id in planned.events if event_id not in left_out]
    if len(events) != expected:
        raise OtherByNow
    await delivery_queries.send_again(
        connection, business_id, [(each, ids.new()) for each in events]
    )
    await audit.record(
        connection,
        business_id,
        actor,
        "webhook.replay",
        {
            "since": period.since.isoformat(),
            "until": period.until.isoformat(),
            "failed_only": period.failed_only,
            "events": len(events),
            "left_out": len(left_out),
        },
    )
    await jobs.wake(connection, jobs.DELIVER_WEBHOOKS, business_id)
    return len(events)
