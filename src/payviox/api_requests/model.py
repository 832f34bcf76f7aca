"""One request of a business, as it is kept: no body, no query, no header but one key."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

Outcome = Literal["succeeded", "refused", "failed"]
"""By status: below 400, below 500, and above."""


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """`key_hint` is the key's last characters; `error` what the answer said was wrong."""

    business_id: UUID
    id: UUID
    method: str
    path: str
    status: int
    duration_ms: float
    key_hint: str
    place: str | None
    idempotency_key: str | None
    error: str | None
    called_at: datetime


class KeyUse(msgspec.Struct, frozen=True):
    """That a restricted key was used at this time, from this address."""

    business_id: UUID
    key_id: UUID
    called_at: datetime
    place: str | None


class LastUse(msgspec.Struct, frozen=True):
    """When a key was last used, and from where."""

    called_at: datetime
    place: str | None
