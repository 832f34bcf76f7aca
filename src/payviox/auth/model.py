"""Credentials as an operator sees them: never the secret itself."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from payviox.auth.restrictions import Restrictions, Scope


@dataclass(frozen=True, slots=True)
class LiveKey:
    """An API key that works now: its last characters and when it was made."""

    business_id: UUID
    kind: str
    hint: str
    created_at: datetime


class RestrictedKey(msgspec.Struct, frozen=True):
    """A restricted key that was not revoked; `spent_today` is cents, `made_by` an actor."""

    id: UUID
    hint: str
    name: str
    scopes: list[Scope]
    amount_limit: int | None
    daily_limit: int | None
    networks: list[str]
    expires_at: datetime | None
    has_expired: bool | None
    made_by: str
    created_at: datetime
    spent_today: int

    @property
    def restrictions(self) -> Restrictions:
        return Restrictions(
            self.name,
            tuple(self.scopes),
            self.amount_limit,
            self.daily_limit,
            tuple(self.networks),
            self.expires_at,
        )


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody who may sign in, when they last did, and since when they may not any more."""

    id: UUID
    email: str
    is_admin: bool
    created_at: datetime
    seen_at: datetime | None
    disabled_at: datetime | None


class OpenSession(msgspec.Struct, frozen=True):
    """Where an operator is signed in, since when, and when they were last seen there."""

    id: UUID
    method: str
    place: str | None
    agent: str | None
    created_at: datetime
    seen_at: datetime


class Device(msgspec.Struct, frozen=True):
    """A browser in which an operator signed in."""

    id: UUID
    place: str | None
    agent: str | None
    created_at: datetime
    seen_at: datetime


class Passkey(msgspec.Struct, frozen=True):
    """A passkey as its owner knows it."""

    id: UUID
    name: str
    created_at: datetime
    used_at: datetime | None


class Identity(msgspec.Struct, frozen=True):
    """Who an operator is at an OpenID provider."""

    issuer: str
    subject: str
    created_at: datetime


class Sender(msgspec.Struct, frozen=True):
    """A business as its payout users know it; `logo_digest` where it has a logo."""

    name: str
    logo_digest: str | None
