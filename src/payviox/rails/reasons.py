"""What a reason is: why an order waits (waiting.py), is reviewed (reviews.py), fails or comes back
(failures.py)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from payviox.event_log import EventLogger

logger = EventLogger(__name__)

Name = TypeVar("Name", bound=str)

Who = Literal["payout_user", "business", "operator", "rail", "nobody"]
"""Who can end it."""

Ends = Literal["by_itself", "by_acting", "final"]
"""What ends it: time or the rail, what `who` does, or nothing any more."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: `meaning` for the operator, `recipient` for the payout user, `advice` for `who`,
    in the words of pages; `command` does the same on a terminal. `account`: connecting or changing
    the rail account may end it."""

    meaning: str
    recipient: str
    advice: str
    who: Who
    ends: Ends = "by_acting"
    account: bool = False
    command: str | None = None


UNKNOWN = Reason(
    "Another version of Payviox wrote this reason; this one does not know it.",
    "The payment is being looked into.",
    "Look at the order's attempts, or install the newer version.",
    "operator",
)


def named(reasons: Mapping[Name, Reason], name: str) -> Reason:
    """The reason of this name; UNKNOWN where the set has none, which is logged."""
    reason = next((reason for known, reason in reasons.items() if known == name), None)
    if reason is None:
        logger.warning("unknown reason of an order", reason=name)
    return reason or UNKNOWN
