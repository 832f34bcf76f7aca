"""An order's story as lines of a timeline."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from payviox import ids
from payviox.actors import Actor
from payviox.acts import ACTS
from payviox.audit.model import AuditEntry
from payviox.dashboard.accounts import path_words
from payviox.dashboard.people import actor_words
from payviox.ledger.service import MovementRow
from payviox.order_states import OPEN
from payviox.rail_accounts.callbacks import KeptCallback
from payviox.rails.reviews import REVIEWS
from payviox.rails.waiting import WAITING
from payviox.reporting.order_timeline import Answered, Entry, Fact, OrderTimeline
from payviox.rights.service import operator_of
from payviox.webhooks.log import Entry as WebhookEvent
from payviox.withdrawals.model import Attempt, StateEntry

WORDS: Mapping[str, str] = {
    "created": "Asked for",
    "review": "Held back for review",
    "queued": "Handed to the worker",
    "sending": "Being sent",
    "sent": "Sent",
    "unknown": "Outcome unknown",
    "succeeded": "Succeeded",
    "failed": "Failed",
    "rejected": "Rejected",
    "canceled": "Canceled",
    "returned": "Came back",
}
KINDS: Mapping[str, str] = {
    "reserve": "Reserved",
    "settle": "Booked as paid out",
    "fee": "Fee booked",
    "cost": "The rail's cost booked",
    "release": "Given back to the payout user",
    "return": "Returned to the payout user",
    "fee_return": "Fee given back",
    "exchange": "What its euros were worth booked",
    "exchange_return": "Exchange difference given back",
    "paid_after_all": "Booked as paid after all",
    "suspense": "Put into suspense",
    "adjustment": "Adjusted",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One line. `amount` is US cents; `kind` says whose word it is: ours, the rail's, money's."""

    at: datetime
    title: str
    kind: str
    by: str | None = None
    detail: str | None = None
    amount: int | None = None


def operators_in(story: OrderTimeline) -> list[Actor]:
    """Everybody who acted in the story and is an operator."""
    named = [each.actor for each in story.of(StateEntry)] + [
        each.actor for each in story.of(AuditEntry)
    ]
    return [Actor(each) for each in set(named) if operator_of(Actor(each)) is not None]


def events_of(story: OrderTimeline, people: Mapping[str, str]) -> list[Event]:
    """Every fact, oldest first; `people` names those who acted."""
    return [_event(entry, people) for entry in story.entries if not _is_told_twice(entry.fact)]


def _is_told_twice(fact: Fact) -> bool:
    """A decision's audit entry stands beside the state that it led to."""
    return isinstance(fact, AuditEntry) and fact.act in (
        "order.approve",
        "order.reject",
        "order.cancel",
    )


def _event(entry: Entry, people: Mapping[str, str]) -> Event:
    """What a person reads of a fact; more is in the audit log."""
    at, fact = entry.at, entry.fact
    if isinstance(fact, StateEntry):
        title = WORDS.get(fact.status, fact.status)
        event = Event(at, title, "state", actor_words(fact.actor, people), _note(fact))
    elif isinstance(fact, Attempt):
        event = Event(at, f"Attempt {fact.number} began", "rail", detail=fact.reference)
    elif isinstance(fact, Answered):
        title = f"The rail answered attempt {fact.attempt.number}: {fact.attempt.outcome}"
        event = Event(at, title.replace("_", " "), "rail", detail=fact.attempt.rail_order_id)
    elif isinstance(fact, KeptCallback):
        event = Event(at, f"Callback from {fact.rail}", "rail", detail=fact.event_id)
    elif isinstance(fact, MovementRow):
        path = path_words(fact.from_kind, fact.from_rail, fact.to_kind, fact.to_rail)
        title = KINDS.get(fact.kind, fact.kind)
        event = Event(at, title, "money", detail=path, amount=fact.amount)
    elif isinstance(fact, AuditEntry):
        meanings: Mapping[str, str] = {str(name): words for name, words in ACTS.items()}
        title = meanings.get(fact.act, fact.act.replace("_", " ").replace(".", ": "))
        by = actor_words(fact.actor, people)
        event = Event(at, title[:1].upper() + title[1:], "decision", by, _reason(fact))
    elif isinstance(fact, WebhookEvent):
        event = Event(at, f"Webhook {fact.event.type}", "webhook")
    else:
        event = Event(at, "Gift card revealed", "state")
    return event


def _note(state: StateEntry) -> str | None:
    """Why the order came into this state: reasons in words, or what somebody wrote."""
    names = (state.note or "").split(", ")
    reasons = {str(name): reason.meaning for name, reason in (*WAITING.items(), *REVIEWS.items())}
    if state.status in OPEN and all(name in reasons for name in names):
        return " ".join(reasons[name] for name in names)
    return state.note


def _reason(entry: AuditEntry) -> str | None:
    texts = [entry.detail.get(name) for name in ("outcome", "reason", "act")]
    return ": ".join(str(text) for text in texts if text) or None


def shown_people(emails: Mapping[UUID, str]) -> dict[str, str]:
    """Operators' addresses by how they are named where they acted."""
    return {f"operator:{ids.show(ids.OPERATOR, key)}": email for key, email in emails.items()}
