"""An invitation."""

from datetime import datetime
from uuid import UUID

import msgspec

from payviox import ids
from payviox.actors import Actor
from payviox.rights.roles import Role


class Invitation(msgspec.Struct, frozen=True):
    """Somebody who is asked to join an organization. `number` counts the links made for it; the
    last one opens until `expires_at`, and went to the address alone where it `is_mailed`."""

    organization_id: UUID
    organization: str
    id: UUID
    email: str
    role: Role
    invited_by: Actor
    number: int
    is_mailed: bool
    created_at: datetime
    expires_at: datetime
    is_expired: bool

    @property
    def event(self) -> str:
        """What its latest mail is about."""
        return f"{ids.show(ids.INVITATION, self.id)}.{self.number}"


class Invited(msgspec.Struct, frozen=True):
    """An invitation just made or renewed; `token` where no mail brings it, shown this once."""

    invitation: Invitation
    token: str | None
