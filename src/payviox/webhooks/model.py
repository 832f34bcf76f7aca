"""The rows of webhooks: a business's settings, events, their deliveries and attempts."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from payviox.webhooks.events import EventType
from payviox.webhooks.sender import Answer


@dataclass(frozen=True, slots=True)
class Settings:
    """A business's webhook. The tokens are encrypted, under the key that `key_id` names."""

    business_id: UUID
    url: str | None
    enabled: bool
    events: list[EventType]
    token: bytes = field(repr=False)
    next_token: bytes | None = field(repr=False)
    next_token_since: datetime | None
    key_id: str


@dataclass(frozen=True, slots=True)
class LiveToken:
    """Whose token signs now, and when the webhook's settings were last changed."""

    business_id: UUID
    url: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Event:
    id: UUID
    type: str
    order_id: UUID | None
    body: str = field(repr=False)
    created_at: datetime

    @property
    def is_test(self) -> bool:
        """Whether it tells of a sample, not of an order."""
        return self.order_id is None


@dataclass(frozen=True, slots=True)
class Delivery:
    id: UUID
    event_id: UUID
    status: str
    attempts: int
    due_at: datetime | None
    replayed: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    delivery_id: UUID
    number: int
    url: str
    request_headers: dict[str, str]
    status: int | None
    answer: str | None
    error: str | None
    duration_ms: int
    created_at: datetime
    answer_headers: dict[str, str]
    answer_bytes: int | None


@dataclass(frozen=True, slots=True)
class LogRow:
    """An event as the log lists it: `state` None where it was never to be delivered; the answer is
    the latest attempt's."""

    event_id: UUID
    type: str
    order_id: UUID | None
    created_at: datetime
    state: str | None
    attempts: int
    due_at: datetime | None
    replayed: bool
    answer_status: int | None
    error: str | None
    duration_ms: int | None


@dataclass(frozen=True, slots=True)
class Newer:
    """What was delivered about an event's order after that event happened."""

    event_id: UUID
    type: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that is ours until `leased_until`, with what its next attempt needs."""

    business_id: UUID
    id: UUID
    leased_until: datetime
    event_id: UUID
    body: str = field(repr=False)
    replayed: bool
    url: str
    token: bytes = field(repr=False)
    next_token: bytes | None = field(repr=False)
    key_id: str
    trace: str | None = None


class Attempted(msgspec.Struct, frozen=True):
    """An attempt that ended: what was sent, as the log may show it, and what came back."""

    claim: Claim
    shown_headers: dict[str, str]
    answer: Answer


class Standing(msgspec.Struct, frozen=True):
    """How a delivery stands: its attempts, those of the current round, and when it is due or leased
    until."""

    business_id: UUID
    id: UUID
    status: str
    attempts: int
    round_attempts: int
    due_at: datetime | None


class Change(msgspec.Struct, frozen=True):
    """What an attempt makes of its delivery; `again_in` None: it is not due any more. Where it is
    not for the attempt to say when the delivery is due, `settles` is False."""

    number: int
    status: str
    round_attempts: int
    again_in: timedelta | None
    settles: bool
