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
    """Somebody who may sign in, when they last did, and since when they may not any more."""

    id: UUID
    email: str
    is_admin: bool
    created_at: datetime
    seen_at: datetime | None
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Where an operator is signed in, since when, and when they were last seen there."""

    id: UUID
    method: str
    place: str | None
    agent: str | None
    created_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Device:
    """A browser in which an operator signed in."""

    id: UUID
    place: str | None
    agent: str | None
    created_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey as its owner knows it."""

    id: UUID
    name: str
    created_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who an operator is at an OpenID provider."""

    issuer: str
    subject: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Sender:
    """A business as its payout users know it; `logo_digest` where it has a logo."""

    name: str
    logo_digest: str | None
