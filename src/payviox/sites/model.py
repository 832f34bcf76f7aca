"""A business's own host, and whom it belongs to."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

State = Literal["waiting", "verified", "lost"]


@dataclass(frozen=True, slots=True)
class OwnHost:
    """A host that a business says is its own; `token` is what must be seen there."""

    business_id: UUID
    host: str
    token: str = field(repr=False)
    verified_at: datetime | None
    lost_at: datetime | None

    @property
    def state(self) -> State:
        if self.verified_at is None:
            return "waiting"
        return "verified" if self.lost_at is None else "lost"


class Owner(msgspec.Struct, frozen=True):
    """Whose host this is; `code` begins every link of theirs."""

    business_id: UUID
    host: str
    code: str
