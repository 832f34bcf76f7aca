"""What becomes of an item: by the receiver's address, by a rule of the test's, or by the account's
default. `returned@…` comes back at once, `reversed@…` a day after it was paid, and so on; what
follows a plus sign in the address does not matter."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

DAY = 86_400.0


@dataclass(frozen=True)
class Step:
    """A status, `after_s` simulated seconds after the one before it."""

    status: str
    after_s: float = 0.0
    error: str | None = None


def _ends(status: str, error: str | None = None) -> tuple[Step, ...]:
    return (Step(status, 0.0, error),)


UNREGISTERED = "RECEIVER_UNREGISTERED"
UNCLAIMED = Step("UNCLAIMED", 0.0, UNREGISTERED)

COURSES: dict[str, tuple[Step, ...]] = {
    "success": _ends("SUCCESS"),
    "pending": _ends("PENDING"),
    "failed": _ends("FAILED", "RECEIVER_UNCONFIRMED"),
    "denied": _ends("DENIED", "RISK_DECLINE"),
    "blocked": _ends("BLOCKED", "REGULATORY_BLOCKED"),
    "onhold": _ends("ONHOLD", "PENDING_RECIPIENT_NON_HOLDING_CURRENCY_PAYMENT_PREFERENCE"),
    "on-hold": _ends("ON_HOLD"),
    "held-then-paid": (Step("ONHOLD"), Step("SUCCESS", DAY)),
    "unclaimed": (UNCLAIMED,),
    "claimed": (UNCLAIMED, Step("SUCCESS", DAY)),
    "returned": _ends("RETURNED", UNREGISTERED),
    "refunded": (Step("SUCCESS"), Step("REFUNDED", DAY)),
    "reversed": (Step("SUCCESS"), Step("REVERSED", DAY)),
    "slow": (Step("SUCCESS", DAY),),
    "failed-then-paid": (Step("FAILED", 0.0, "RECEIVING_LIMIT_EXCEEDED"), Step("SUCCESS", DAY)),
    "paid-then-failed": (Step("SUCCESS"), Step("FAILED", DAY, "RISK_DECLINE")),
    "regress": (Step("SUCCESS"), Step("PENDING", DAY), Step("SUCCESS", DAY)),
    "strange": _ends("ESCALATED"),
    "no-status": _ends(""),
}

BATCHES = {"batch-denied": "DENIED", "batch-canceled": "CANCELED"}
"""Local parts whose whole batch ends so; the item fails with it."""


@dataclass(frozen=True)
class Rule:
    """Items that match all that is given take this course."""

    course: tuple[Step, ...]
    receiver: str = "*"
    reference: str = "*"
    amount: int | None = None

    def matches(self, receiver: str, reference: str, amount: int) -> bool:
        return (
            fnmatchcase(receiver, self.receiver)
            and fnmatchcase(reference, self.reference)
            and self.amount in (None, amount)
        )


def read(course: Any) -> tuple[Step, ...]:
    """A course by its name, or written out as a list of steps."""
    if isinstance(course, str):
        return COURSES[course]
    return tuple(Step(**step) for step in course)


def local_part(receiver: str) -> str:
    """What an address says before its plus sign and its at sign."""
    return receiver.partition("@")[0].partition("+")[0].lower()


def of_receiver(receiver: str) -> tuple[Step, ...] | None:
    """The course that an address asks for; `error-risk-decline@…` fails with RISK_DECLINE."""
    local = local_part(receiver)
    if local.startswith("error-"):
        return _ends("FAILED", local.removeprefix("error-").replace("-", "_").upper())
    return COURSES.get(local)
