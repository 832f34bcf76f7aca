"""An audit entry."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Kind = Literal["act", "alert"]


@dataclass(frozen=True, slots=True)
class AuditEntry:
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
