"""A mail of the outbox."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from payviox.db.pool import Connection

Status = Literal["queued", "sent", "failed", "bounced", "dropped"]
State = Literal["waiting", "unknown", "sent", "failed", "bounced", "dropped"]
"""How a mail stands, as people read it: what is queued waits, or the mail server may have it and
has not said so."""
AddressState = Literal["bounced", "complained"]
Message = Literal[
    "attention",
    "attention_digest",
    "code",
    "expired",
    "expiry_announced",
    "destination_changed",
    "invitation",
    "money_received",
    "password_changed",
    "password_reset",
    "reminder",
    "test",
    "withdrawal_canceled",
    "withdrawal_confirmed",
    "withdrawal_delivered",
    "withdrawal_failed",
    "withdrawal_on_its_way",
    "withdrawal_rejected",
    "withdrawal_returned",
    "withdrawal_unclaimed",
]
"""What a mail says: a folder of `messages/`."""

TO_PAYOUT_USERS: tuple[Message, ...] = (
    "money_received",
    "reminder",
    "expiry_announced",
    "expired",
    "code",
    "withdrawal_confirmed",
    "withdrawal_on_its_way",
    "withdrawal_delivered",
    "withdrawal_unclaimed",
    "withdrawal_failed",
    "withdrawal_rejected",
    "withdrawal_canceled",
    "withdrawal_returned",
    "destination_changed",
)
"""What businesses say to those whom they pay."""

URGENT: frozenset[Message] = frozenset({"code"})
"""What is of use for minutes alone: it goes before everything else that its business sends."""

INSTALLATION = UUID(int=0)
"""Whose turn it is to be sent, where a mail is no business's."""


@dataclass(frozen=True, slots=True)
class Brand:
    """In whose name a business's mails go out. `color` is legible under white; `support` is where
    answers go."""

    name: str
    color: str
    support: str | None
    is_test: bool


@dataclass(frozen=True, slots=True)
class NewMail:
    """A mail to put into the outbox, due after `wait`. `facts` may hold no secret."""

    event: str
    recipient: str
    message: Message
    facts: Mapping[str, object] = field(default_factory=dict)
    wait: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Mail:
    """What is to be said to whom, and what came of it: `answer` is the mail server's last refusal,
    `handed_at` since when it may have the mail without having said so, and `number` counts the
    mails that went out because a person wanted so.

    `facts` hold no secret; what opens a link is made when the mail is sent. One mail is sent for
    each event, recipient and message.
    """

    id: UUID
    business_id: UUID | None
    event: str
    recipient: str
    message: Message
    facts: dict[str, Any]
    status: Status
    attempts: int
    due_at: datetime | None
    handed_at: datetime | None
    number: int
    answer: str | None
    created_at: datetime
    ended_at: datetime | None

    @property
    def state(self) -> State:
        if self.status != "queued":
            return self.status
        return "waiting" if self.handed_at is None else "unknown"


@dataclass(frozen=True, slots=True)
class Claim(Mail):
    """A mail that is kept from others until `due_at`, otherwise as it was found."""

    was_due_at: datetime


Prepare = Callable[[Connection, Mail], Awaitable[Mapping[str, object] | None]]
"""What a message says beyond its facts, such as the link that is made now; None where nobody wants
the mail any more."""
