"""What waits for a person, over all businesses: each thing with its cause, how many, since when and
one next step. It reads what is written down already; no rail is asked. Amounts are US cents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from payviox.db.pool import Connection
from payviox.rails import waiting
from payviox.reporting.queries import attention as queries
from payviox.reporting.queries.attention import Row

Cause = Literal[
    "person",
    "unknown",
    "unexplained",
    "review",
    "float_empty",
    "waiting",
    "second_signature",
    "upload_stopped",
    "low_stock",
    "webhook_failing",
    "invitation_failed",
    "mail_failed",
]


@dataclass(frozen=True, slots=True)
class Advice:
    """What a cause means, and the one thing to do next."""

    meaning: str
    next_step: str


ADVICE: Mapping[Cause, Advice] = {
    "person": Advice(
        "orders that may have been paid, and that nothing automatic will end",
        "Find out at the rail what became of each, then settle it by hand.",
    ),
    "unknown": Advice(
        "orders whose outcome the rail has not told; they are looked up by themselves",
        "Look one up now, or wait for the next look-up.",
    ),
    "unexplained": Advice(
        "money in which our books and a rail's differ, in suspense until it is explained",
        "Look at the items and resolve each.",
    ),
    "review": Advice(
        "orders that a rule holds back until somebody decides",
        "Approve or reject each.",
    ),
    "second_signature": Advice(
        "things over the amount that needs two people, which one person has signed",
        "Let another person approve or cancel each.",
    ),
    "float_empty": Advice(
        "orders that the rail's account holds too little money for",
        "Top up the account at the rail, then resume them.",
    ),
    "waiting": Advice(
        "orders that wait for something at a rail that only its operator can give",
        "Check the rail account and mend what it names; the orders go on by themselves.",
    ),
    "upload_stopped": Advice(
        "uploads of allocations that stopped before everybody was paid",
        "See why each stopped, mend that, then resume it or cancel what is left.",
    ),
    "low_stock": Advice(
        "gift-card products with fewer cards than the business's alert level, or none",
        "Import more cards.",
    ),
    "webhook_failing": Advice(
        "webhook deliveries of the last seven days that were given up",
        "See what the receiver answered, mend it, then send them again.",
    ),
    "invitation_failed": Advice(
        "open invitations whose mail did not arrive",
        "See what the mail server answered, then send another link or invite the right address.",
    ),
    "mail_failed": Advice(
        "mails to payout users of the last seven days that did not arrive",
        "See why, then send each again or bring its reader the link another way.",
    ),
}
"""In the order of urgency."""

_CAUSES: Mapping[str, Cause] = {cause: cause for cause in ADVICE}

DAYS = 7
"""How long a delivery or a mail that was given up is worth mentioning."""

EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Matter:
    """What one business has to see to, of one cause: `number` of them since `oldest`, worth `cents`
    where that is money. `rail` says where, `subject` what more there is to say: an item's cause,
    or what orders wait for. Orders are all in the state `status`."""

    cause: Cause
    business_id: UUID
    name: str
    mode: str
    rail: str | None
    subject: str | None
    number: int
    cents: int | None
    oldest: datetime | None
    status: str | None = None

    @property
    def advice(self) -> Advice:
        waits_for = self.subject if self.cause == "waiting" else self.cause
        if waits_for is None or self.cause not in ("waiting", "float_empty"):
            return ADVICE[self.cause]
        reason = waiting.waiting(waits_for, self.rail)
        return Advice(reason.meaning, reason.advice)


async def matters(connection: Connection, business_id: UUID | None = None) -> list[Matter]:
    """What waits for a person, the most urgent cause first, then the oldest; of this business
    alone where one is named."""
    since = datetime.now(UTC) - timedelta(days=DAYS)
    unsorted: list[Matter] = []
    for row in await queries.everything(connection, business_id, ["review", "unknown"], since):
        match row.source:
            case "waiting" | "state":
                unsorted += _orders([row])
            case source:
                unsorted += _matters(_CAUSES[source], [row])
    order = list(ADVICE)
    return sorted(unsorted, key=lambda each: (order.index(each.cause), each.oldest or EVER))


async def unexplained(connection: Connection, business_id: UUID | None = None) -> list[Matter]:
    """Open suspense items; `subject` is their cause, `cents` whatever their direction."""
    return _matters("unexplained", await queries.open_items(connection, business_id))


async def low_stock(connection: Connection, business_id: UUID | None = None) -> list[Matter]:
    """Gift-card products with too few cards."""
    return _matters("low_stock", await queries.low_products(connection, business_id))


def _orders(rows: Sequence[Row]) -> list[Matter]:
    """Sort orders by the state or the cause that they are in; what ends by itself is left out."""
    listed: list[Matter] = []
    for row in rows:
        match row.subject:
            case "person" | "unknown" | "review" | "float_empty" as cause:
                listed += _matters(cause, [replace(row, subject=None)])
            case subject if subject in waiting.ENDED_BY_OPERATOR and subject != "out_of_stock":
                listed += _matters("waiting", [row])
    return listed


def _matters(cause: Cause, rows: Sequence[Row]) -> list[Matter]:
    return [
        Matter(
            cause,
            row.business_id,
            row.name,
            row.mode,
            row.rail,
            row.subject,
            row.number,
            row.cents,
            row.oldest,
            row.status,
        )
        for row in rows
    ]
