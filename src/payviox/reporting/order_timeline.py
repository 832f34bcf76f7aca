"""One order's whole story as typed entries, oldest first: its states, its attempts at the rail and
what the rail answered, callbacks, money, decisions and alerts, webhooks, reveals."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from payviox import ids
from payviox.audit import service as audit_entries
from payviox.audit.model import AuditEntry
from payviox.businesses import service as businesses
from payviox.db.pool import Connection
from payviox.errors import NotFound
from payviox.giftcards import service as giftcards
from payviox.giftcards.model import Reveal
from payviox.ledger import service as ledger
from payviox.ledger.service import MovementRow
from payviox.rail_accounts import callbacks
from payviox.rail_accounts.callbacks import KeptCallback
from payviox.rails.waiting import Reason
from payviox.webhooks import log
from payviox.webhooks.log import Entry as WebhookEvent
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals import whereabouts
from payviox.withdrawals.model import Attempt, Order, StateEntry

MOST = 1000
"""Callbacks and movements of one order."""

MOST_EVENTS = 100
"""Webhook events and audit entries of one order."""


@dataclass(frozen=True, slots=True)
class Answered:
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


@dataclass(frozen=True, slots=True)
class Entry:
    at: datetime
    fact: Fact


@dataclass(frozen=True, slots=True)
class OrderTimeline:
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
    order_id = order.id
    at = (order.business_id, order_id)
    states = await withdrawals.list_states(connection, *at)
    attempts: list[Attempt] = []
    kept_callbacks: list[KeptCallback] = []
    if order.attempt:
        attempts = await withdrawals.list_attempts(connection, *at)
        kept_callbacks = await callbacks.list_of_order(connection, *at, MOST)
    reveals: list[Reveal] = []
    if order.provider == "gift_card":
        reveals = await giftcards.list_reveals(connection, *at)
    moves = await ledger.list_movements(connection, at[0], order_id=order_id, limit=MOST)
    acts = await audit_entries.list_page(connection, at[0], order_id=order_id, limit=MOST_EVENTS)
    events = await log.latest(connection, at[0], order_id=order_id, limit=MOST_EVENTS)
    entries = [
        *(Entry(each.created_at, each) for each in states),
        *(Entry(each.started_at, each) for each in attempts),
        *(Entry(each.finished_at, Answered(each)) for each in attempts if each.finished_at),
        *(Entry(each.received_at, each) for each in kept_callbacks),
        *(Entry(each.created_at, each) for each in reversed(moves)),
        *(Entry(each.created_at, each) for each in reversed(acts)),
        *(Entry(each.event.created_at, each) for each in reversed(events)),
        *(Entry(each.created_at, each) for each in reveals),
    ]
    # What one transaction writes is dated by its begin, states by the clock: nothing that happened
    # to an order comes before it was asked for.
    begin = min((each.created_at for each in states), default=order.created_at)
    told = [Entry(max(entry.at, begin), entry.fact) for entry in entries]
    return OrderTimeline(order, tuple(sorted(told, key=lambda entry: entry.at)))


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
