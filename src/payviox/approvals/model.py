"""What was signed, and acts that wait for a second person. Amounts are US cents."""

import hashlib
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec


class Signature(msgspec.Struct, frozen=True):
    """One person's word for an act on a subject, exactly as the digest names it; what they `typed`
    about it, so that another one can say the same."""

    id: int
    act: str
    subject: UUID
    digest: bytes
    typed: dict[str, Any]
    operator_id: UUID
    created_at: datetime


class Started(msgspec.Struct, frozen=True):
    """Who started what a subject is, and when: that is their signature."""

    by: UUID
    at: datetime


class WaitingAct(msgspec.Struct, frozen=True):
    """An act that was asked for and waits for a second person, or has ended. `amount` is None where
    it is about no money."""

    business_id: UUID
    id: UUID
    act: str
    parameters: dict[str, Any]
    amount: int | None
    started_by: UUID
    status: str
    ended_by: UUID | None
    created_at: datetime
    ended_at: datetime | None

    @property
    def digest(self) -> bytes:
        """What is signed: the act with all that it will do."""
        return digest_of(self.act, self.amount, self.parameters)


def digest_of(*shown: object) -> bytes:
    """Names what a signature is for: plain values, such as amount, destination and recipient."""
    return hashlib.sha256(msgspec.json.encode(shown, order="sorted")).digest()
