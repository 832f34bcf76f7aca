"""What waits for a person, over all businesses: each thing with its cause, how many, since when and
one next step. It reads what is written down already; no rail is asked. Amounts are US cents."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from payviox.db.pool import Connection
from payviox.rails import waiting
from payviox.reporting.queries import attention as queries
from payviox.reporting.queries.attention import Row

Cause = Literal[
    "person",
    "bank_file_unknown",
    "codes_without_mail",
    "unknown",
    "unexplained",
    "review",
    "second_signature",
    "bank_file_waiting",
    "float_empty",
    "float_low",
    "waiting",
    "upload_stopped",
    "low_stock",
    "key_expiring",
    "webhook_failing",
    "invitation_failed",
    "mail_failed",
]


class Advice(msgspec.Struct, frozen=True):
    """What a cause is called, what it means, and the one thing to do next."""

    title: str
    meaning: str
    next_step: str


ADVICE: Mapping[Cause, Advice] = {
    "person": Advice(
        "Orders for a person",
        "orders that may have been paid, and that nothing automatic will end",
        "Find out at the rail what became of each, then settle it by hand.",
    ),
    "bank_file_unknown": Advice(
        "Bank files for a person",
        "files of which it is not known whether the bank has them: they are neither here nor there",
        "Ask the bank by each file's name, and say on its page whether it has it.",
    ),
    "codes_without_mail": Advice(
        "Codes without a mail server",
        "rules that ask for a code by mail, while the installation has no mail server: nobody can"
        " withdraw what they hold back",
        "Clear the rules, or have whoever runs the installation set a mail server.",
    ),
    "unknown": Advice(
        "Unknown outcomes",
        "orders whose outcome the rail has not told; they are looked up by themselves",
        "Look one up now, or wait for the next look-up.",
    ),
    "unexplained": Advice(
        "Unexplained money",
        "money in which our books and a rail's differ, in suspense until it is explained",
        "Look at the items and resolve each.",
    ),
    "review": Advice(
        "Orders to review",
        "orders that a rule holds back until somebody decides",
        "Approve or reject each.",
    ),
    "second_signature": Advice(
        "Second signatures",
        "things over the amount that needs two people, which one person has signed",
        "Let another person approve or cancel each.",
    ),
    "bank_file_waiting": Advice(
        "Bank files to let go",
        "files of payments that nobody has approved or released",
        "Approve and release each, or cancel it.",
    ),
    "float_empty": Advice(
        "Empty float",
        "orders that the rail's account holds too little money for",
        "Top up the account at the rail, then resume them.",
    ),
    "float_low": Advice(
        "Low float",
        "rails whose account held less than its alert level when it was last compared",
        "Top up the account at the rail. It is asked again within six hours.",
    ),
    "waiting": Advice(
        "Orders that wait at a rail",
        "orders that wait for something at a rail that only its operator can give",
        "Check the rail account and mend what it names; the orders go on by themselves.",
    ),
    "upload_stopped": Advice(
        "Stopped uploads",
        "uploads of allocations that stopped before everybody was paid",
        "See why each stopped, mend that, then resume it or cancel what is left.",
    ),
    "low_stock": Advice(
        "Low stock",
        "gift-card products with fewer cards than the business's alert level, or none",
        "Import more cards.",
    ),
    "key_expiring": Advice(
        "Keys that expire",
        "restricted keys that stop within seven days, or stopped within the last seven",
        "Give each another last day, or revoke it where nobody needs it.",
    ),
    "webhook_failing": Advice(
        "Failing webhooks",
        "webhook deliveries of the last seven days that were given up",
        "See what the receiver answered, mend it, then send them again.",
    ),
    "invitation_failed": Advice(
        "Failed invitations",
        "open invitations whose mail did not arrive",
        "See what the mail server answered, then send another link or invite the right address.",
    ),
    "mail_failed": Advice(
        "Failed mails",
        "mails to payout users of the last seven days that did not arrive",
        "See why, then send each again or bring its reader the link another way.",
    ),
}
"""In the order of urgency."""

BY_MAIL: tuple[Cause, ...] = tuple(cause for cause in ADVICE if cause != "codes_without_mail")
"""What operators can be told of by mail: all but that there are no mails."""

PAGES: Mapping[Cause, str] = {
    "bank_file_unknown": "/bank-files",
    "bank_file_waiting": "/bank-files",
    "codes_without_mail": "/settings",
    "unexplained": "/reconciliation",
    "second_signature": "/approvals",
    "upload_stopped": "/allocate/upload",
    "float_low": "/rails",
    "low_stock": "/gift-cards",
    "key_expiring": "/developer/keys",
    "webhook_failing": "/webhooks/logs?state=failed",
    "invitation_failed": "/team",
    "mail_failed": "/mails?state=failed",
}
"""The page of the dashboard where each cause is seen to, below its business's, save of orders."""

NOT_A_PERSON = "not_a_person"
"""What orders wait for that go on by themselves or by the rail: all but those for a person."""
ORDERS_WAIT_FOR: Mapping[Cause, str] = {
    "person": waiting.PERSON,
    "float_empty": "float_empty",
    "unknown": NOT_A_PERSON,
}
"""How a list of orders is narrowed to these."""

_CAUSES: Mapping[str, Cause] = {cause: cause for cause in ADVICE}

DAYS = 7
"""How long a delivery or a mail that was given up is worth mentioning."""

EVER = datetime.min.replace(tzinfo=UTC)


class Matter(msgspec.Struct, frozen=True):
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
        return Advice(ADVICE[self.cause].title, reason.meaning, reason.advice)

    @property
    def page(self) -> str:
        """The page of the dashboard with just what is counted, below its business's."""
        if self.status is None:
            return PAGES[self.cause]
        asked = {
            "status": self.status,
            "rail": self.rail,
            "waiting": ORDERS_WAIT_FOR.get(self.cause, self.subject),
        }
        return f"/orders?{urlencode({name: text for name, text in asked.items() if text})}"


async def matters(
    connection: Connection, business_id: UUID | None = None, *, sends_mails: bool = True
) -> list[Matter]:
    """What waits for a person, the most urgent cause first, then the oldest; of this business
    alone where one is named. `sends_mails` says whether the installation has a mail server."""
    since = datetime.now(UTC) - timedelta(days=DAYS)
    unsorted: list[Matter] = []
    states = ["review", "unknown"]
    for row in await queries.everything(
        connection, business_id, states, since, sends_mails=sends_mails
    ):
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
