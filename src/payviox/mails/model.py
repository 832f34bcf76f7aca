"""A mail of the outbox."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

Status = Literal["queued", "sent", "failed", "dropped"]
Message = Literal["invitation", "password_changed", "password_reset", "test"]
"""What a mail says: a folder of `messages/`."""

INSTALLATION = UUID(int=0)
"""Whose turn it is to be sent, where a mail is no business's."""


@dataclass(frozen=True, slots=True)
class Mail:
    """What is to be said to whom, and what came of it: `answer` is the mail server's last refusal.

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
    answer: str | None
    created_at: datetime
    ended_at: datetime | None
