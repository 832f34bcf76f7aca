"""Credentials as an operator sees them: never the secret itself."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class LiveKey:
    """An API key that works now: its last characters and when it was made."""

    business_id: UUID
    kind: str
    hint: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody who runs the installation, and since when with this password."""

    email: str
    is_admin: bool
    created_at: datetime
