"""An order's states and which may follow which: the only table, below all who ask. Statements take
these sets as parameters (`status = ANY(%s)`)."""

from typing import Literal, get_args

Status = Literal[
    "created",
    "review",
    "queued",
    "sending",
    "sent",
    "unknown",
    "succeeded",
    "failed",
    "rejected",
    "canceled",
    "returned",
]

STATES: tuple[Status, ...] = get_args(Status)

MAY_BECOME: dict[Status, frozenset[Status]] = {
    "created": frozenset({"review", "queued", "canceled"}),
    "review": frozenset({"queued", "rejected", "canceled"}),
    # Back to review where amount or destination are not those that were reviewed.
    "queued": frozenset({"sending", "canceled", "rejected", "review"}),
    # Back to queued only when surely not sent, or when another attempt is allowed.
    "sending": frozenset({"sent", "succeeded", "failed", "unknown", "queued"}),
    "unknown": frozenset({"sent", "succeeded", "failed", "queued"}),
    # Back to queued when it failed at the rail and another attempt is allowed.
    "sent": frozenset({"succeeded", "failed", "canceled", "unknown", "queued"}),
    "succeeded": frozenset({"returned"}),
    "failed": frozenset(),
    "rejected": frozenset(),
    "canceled": frozenset(),
    "returned": frozenset(),
}

OPEN: tuple[Status, ...] = tuple(
    status for status, after in MAY_BECOME.items() if after and status != "succeeded"
)
"""States in which the order's money is in transit."""

GIVES_BACK: frozenset[Status] = frozenset({"failed", "rejected", "canceled"})
"""Entering one of these releases the reserved amount to the payout user."""

PERHAPS_AT_A_RAIL: tuple[Status, ...] = ("sending", "sent", "unknown")
"""Open states in which a rail may have the last attempt, whatever that came to."""

FOR_A_RAIL: tuple[Status, ...] = ("queued", *PERHAPS_AT_A_RAIL)
"""Open states from which an order goes to its rail, or has gone."""

NOT_AT_A_RAIL: frozenset[Status] = frozenset({"review", "queued", "canceled", "rejected"})
"""States in which no rail should have the last attempt."""

CANCELABLE: frozenset[Status] = frozenset({"created", "review", "queued"})
REJECTABLE: frozenset[Status] = frozenset({"review", "queued"})

SURELY_NOT_SENT: frozenset[str | None] = frozenset({"failed", "not_sent"})
"""Outcomes of an attempt after which nothing of it can still arrive at the rail."""


class IllegalTransition(Exception):
    """The table does not allow it; a mistake of ours, never a caller's."""


def check_transition(old: Status, new: Status) -> None:
    """Raises IllegalTransition unless the table lets `old` become `new`."""
    if new not in MAY_BECOME[old]:
        raise IllegalTransition(f"an order that is {old} may not become {new}")
