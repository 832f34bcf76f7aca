"""An audit entry."""

from datetime import datetime
from typing import Any, Literal

import msgspec

Kind = Literal["act", "alert"]


class AuditEntry(msgspec.Struct, frozen=True):
    """Something that was done (an act) or noticed (an alert). `detail` says about what; `before`
    and `after` hold what an act changed. No secret is in any of them."""

    id: int
    kind: Kind
    act: str
    actor: str
    place: str | None
    detail: dict[str, Any]
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    created_at: datetime
