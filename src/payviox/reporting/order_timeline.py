"""One order's whole story as typed entries, oldest first: its states, its attempts at the rail and
what the rail answered, callbacks, money, decisions and alerts, webhooks, reveals."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar
from uuid import UUID

import msgspec

from payviox import ids
from payviox.audit.model import AuditEntry
from payviox.businesses import service as businesses
from payviox.db.pool import Connection
from payviox.errors import NotFound
from payviox.giftcards.model import Reveal
from payviox.ledger.service import MovementRow
from payviox.rail_accounts.callbacks import KeptCallback
from payviox.rails.reasons import Reason
from payviox.reporting.queries import order_story
from payviox.webhooks import log
from payviox.webhooks.log import Entry as WebhookEvent
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals import whereabouts
from payviox.withdrawals.model import Attempt, Order, StateEntry

MOST = 1000
"""Callbacks and movements of one order."""

MOST_EVENTS = 100
"""Webhook events and audit entries of one order."""


class Answered(msgspec.Struct, frozen=True):
    """What the rail said of an attempt, when its outcome was recorded."""

    attempt: Attempt


Fact = (
    StateEntry
    | Attempt
    | Answered
    | KeptCallback
    | MovementRow
    | AuditEntry
    | WebhookEvent
    | Reveal
)
"""Something that happened to an order."""


F = TypeVar("F", bound=Fact)

KINDS: tuple[type[Fact], ...] = (
    StateEntry,
    Attempt,
    Answered,
    KeptCallback,
    MovementRow,
    AuditEntry,
    WebhookEvent,
    Reveal,
)
"""Which comes first of facts of one moment."""

_FACTS: Mapping[str, Callable[[object], Fact]] = {
    "state": partial(msgspec.convert, type=StateEntry),
    "attempt": partial(msgspec.convert, type=Attempt),
    "callback": partial(msgspec.convert, type=KeptCallback),
    "movement": partial(msgspec.convert, type=MovementRow),
    "audit": partial(msgspec.convert, type=AuditEntry),
    "webhook": partial(msgspec.convert, type=WebhookEvent),
    "reveal": partial(msgspec.convert, type=Reveal),
}


@dataclass(frozen=True, slots=True)
class Entry:
    at: datetime
    fact: Fact


class OrderTimeline(msgspec.Struct, frozen=True):
    """An order as it is now, and how it came to that."""

    order: Order
    entries: tuple[Entry, ...]

    @property
    def reasons(self) -> list[Reason]:
        """Why it waits, is reviewed, failed or came back, each with what to do."""
        return whereabouts.reasons(self.order)

    def of(self, kind: type[F]) -> list[F]:
        """The facts of one kind, oldest first."""
        return [entry.fact for entry in self.entries if isinstance(entry.fact, kind)]


async def timeline(connection: Connection, order_id: UUID) -> OrderTimeline:
    """Everything that is known of an order, of whichever business. Raises NotFound."""
    return await _story(connection, await find_order(connection, order_id))


async def timeline_of(connection: Connection, business_id: UUID, order_id: UUID) -> OrderTimeline:
    """Everything that is known of a business's order. Raises NotFound before any of it is read."""
    return await _story(connection, await withdrawals.get(connection, business_id, order_id))


async def _story(connection: Connection, order: Order) -> OrderTimeline:
    rows = await order_story.facts(
        connection,
        order.business_id,
        order.id,
        most=MOST,
        most_events=MOST_EVENTS,
        attempts=log.ATTEMPTS_IN_LIST,
    )
    found = [_FACTS[kind](fact) for kind, fact in rows]
    entries = [Entry(_at(fact), fact) for fact in found]
    entries += [
        Entry(fact.finished_at, Answered(fact))
        for fact in found
        if isinstance(fact, Attempt) and fact.finished_at is not None
    ]
    # What one transaction writes is dated by its begin, states by the clock: nothing that happened
    # to an order comes before it was asked for, and each kind comes after what led to it.
    states = [fact.created_at for fact in found if isinstance(fact, StateEntry)]
    begin = min(states, default=order.created_at)
    dated = [Entry(max(entry.at, begin), entry.fact) for entry in entries]
    return OrderTimeline(
        order, tuple(sorted(dated, key=lambda e: (e.at, KINDS.index(type(e.fact)))))
    )


def _at(fact: Fact) -> datetime:
    match fact:
        case Attempt():
            return fact.started_at
        case Answered():
            return fact.attempt.started_at
        case KeptCallback():
            return fact.received_at
        case WebhookEvent():
            return fact.event.created_at
        case _:
            return fact.created_at


async def find_order(connection: Connection, order_id: UUID) -> Order:
    """An order by its id alone: each business is asked, as every query on orders names one.

    Raises NotFound.
    """
    for business in await businesses.list_all(connection):
        try:
            return await withdrawals.get(connection, business.id, order_id)
        except NotFound:
            continue
    raise NotFound(f"There is no order {ids.show(ids.ORDER, order_id)}")
