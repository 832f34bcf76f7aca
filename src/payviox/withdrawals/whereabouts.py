"""Where an order's money is and what happens next with it, in words: one catalogue for pages, mails
and the API. Why an order waits or failed is worded in `rails`. A payout user reads sentences of
these catalogues and the note of whoever rejected an order: no rail's text, code or answer, and
nothing that somebody wrote for their colleagues."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from payviox import ids, order_states
from payviox.db.pool import Connection
from payviox.languages.catalogues import Language, marked
from payviox.order_states import GIVES_BACK, OPEN, Status
from payviox.payout_users.model import PayoutUser
from payviox.rails import failures, reviews, waiting
from payviox.rails.orders import Provider
from payviox.rails.reasons import Reason, Who
from payviox.withdrawals.model import Order
from payviox.withdrawals.queries import orders

MOST_HELD = 20
"""Orders that have not ended."""
LATEST_BACK = 5
"""Orders whose money came back."""
LATEST = 10
"""Orders in whatever state."""

CAME_BACK: tuple[Status, ...] = (*sorted(GIVES_BACK), "returned")


@dataclass(frozen=True, slots=True)
class State:
    """A state in words: `meaning` and `advice` for operators, `recipient` and `next` for the payout
    user. `who` can end it."""

    meaning: str
    advice: str
    who: Who
    recipient: str
    next: str


@dataclass(frozen=True, slots=True)
class RecipientWords:
    """What a payout user reads of an order: its state, why it is so, what happens next, and by
    when."""

    state: str
    reason: str | None
    next: str
    by: str | None

    def said(self, language: Language) -> "RecipientWords":
        """The same in this language; what a person wrote stays as it is."""
        return RecipientWords(
            language.gettext(self.state),
            self.reason and language.gettext(self.reason),
            language.gettext(self.next),
            self.by and language.gettext(self.by),
        )


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """One order's money: cents, where it was to go (masked), its state for operators and for its
    payout user, and when Payviox acts by itself next. `written` is what a person wrote about it."""

    order_id: UUID
    status: Status
    amount: int
    to: str
    meaning: str
    advice: str
    who: Who
    recipient: RecipientWords
    next_at: datetime | None
    written: str | None
    since: datetime

    @property
    def reference(self) -> str:
        """What to name when asking about it."""
        return ids.show(ids.ORDER, self.order_id)


@dataclass(frozen=True, slots=True)
class UserMoney:
    """A payout user's money: cents on their balance, in orders that have not ended, and back from
    the latest that gave it back. `is_all` where no more orders than `held` have not ended; `latest`
    are their orders in whatever state."""

    available: int
    held: list[Whereabouts]
    is_all: bool
    came_back: list[Whereabouts]
    latest: list[Order]


_BY_ITSELF = "Nothing: it goes on by itself."
_IS_BACK = "The money is on their balance again."
_BACK = "The money is back on your balance. You can take it in another way."
_SOON = "It will be sent in a moment."

STATES: Mapping[Status, State] = {
    "created": State(
        "It was asked for.", _BY_ITSELF, "nobody", "Your withdrawal was asked for.", _SOON
    ),
    "review": State(
        "It waits for a decision.",
        "Look at the order, then approve or reject it.",
        "business",
        "The sender looks at this withdrawal before it is paid.",
        "You can cancel it meanwhile.",
    ),
    "queued": State(
        "It waits for its turn.", _BY_ITSELF, "nobody", "Your withdrawal was accepted.", _SOON
    ),
    "sending": State(
        "It is being handed to the rail.", _BY_ITSELF, "nobody", "It is being sent.", "It arrives."
    ),
    "sent": State(
        "The rail has it and has not said yet that it arrived.",
        "Nothing: it ends when the rail has answered.",
        "rail",
        "It was sent and is on its way.",
        "It arrives.",
    ),
    "unknown": State(
        "The rail has not said whether it was paid.",
        "Nothing: the rail is asked again by itself.",
        "rail",
        "It was sent. Whether it has arrived is being looked up.",
        "It arrives, or the money comes back to your balance. It is not lost.",
    ),
    "succeeded": State(
        "It was paid.",
        "Nothing is left to do.",
        "nobody",
        "It has arrived.",
        "There is nothing left to do.",
    ),
    "failed": State("It failed.", _IS_BACK, "nobody", "It could not be paid.", _BACK),
    "rejected": State(
        "Somebody rejected it.", _IS_BACK, "nobody", "The sender refused this withdrawal.", _BACK
    ),
    "canceled": State("It was canceled.", _IS_BACK, "nobody", "It was canceled.", _BACK),
    "returned": State(
        "It was paid and came back.", _IS_BACK, "nobody", "It came back after it was sent.", _BACK
    ),
}
"""Every state in words. What waits has its reason's words besides."""

CARD_READY = (marked("Your gift card is ready."), marked("Show its code when you want to use it."))
"""State and next of a gift card's order that succeeded."""

NO_REASON = marked("No reason was given.")

USUALLY: Mapping[Provider, str] = {
    "gift_card": marked("Usually at once."),
    "paypal": marked("Usually within minutes."),
    "crypto": marked("Usually within an hour."),
    "bank": marked("Usually within two or three bank working days."),
}
"""By when an order that nothing holds up arrives."""
WORKING_DAY = marked("This can take a working day.")
A_DAY = marked("Usually within a day.")
ASK = marked("If it takes longer than a working day, ask the sender.")

NEXT_WHILE_WAITING: Mapping[Who, str] = {
    "payout_user": marked("It goes on when you have done that."),
    "business": marked("It goes on when the sender has seen to it."),
    "operator": marked("It goes on when the sender has seen to it."),
    "rail": marked("It goes on by itself."),
    "nobody": marked("It goes on by itself."),
}
"""What happens next with an order that waits, by who can end that."""
NEXT_OF_REASON: Mapping[str, str] = {
    "person": marked("It arrives, or the money comes back to your balance. It is not lost."),
    "taking_back": marked("The money comes back to your balance."),
    "unclaimed": marked("What nobody claims within 30 days comes back to your balance."),
}
"""Where a reason to wait says more than who can end it."""


def words(
    status: Status, provider: Provider, waits: str | None, failure: str | None, note: str | None
) -> RecipientWords:
    """What a payout user reads of an order in this state, with its columns of these names."""
    state = STATES[status]
    if status not in OPEN:
        now, following = state.recipient, state.next
        if status == "succeeded" and provider == "gift_card":
            now, following = CARD_READY
        return RecipientWords(now, _why_it_ended(status, failure, note), following, None)
    if waits is not None:
        reason = waiting.waiting(waits)
        following = NEXT_OF_REASON.get(waits, NEXT_WHILE_WAITING[reason.who])
        by = None if reason.who == "payout_user" else ASK
        return RecipientWords(state.recipient, reason.recipient, following, by)
    by = {"review": WORKING_DAY, "unknown": A_DAY}.get(status, USUALLY[provider])
    return RecipientWords(state.recipient, None, state.next, by)


def of_order(order: Order) -> Whereabouts:
    """Where one order's money is."""
    state = STATES[order.status]
    because = reasons(order)
    first = because[0] if because else Reason(state.meaning, "", state.advice, state.who)
    failure = failures.failure(order.failure or "")
    return Whereabouts(
        order_id=order.id,
        status=order.status,
        amount=order.amount,
        to=masked(order.provider, order.destination),
        meaning=first.meaning,
        advice=first.advice,
        who=first.who,
        recipient=words(order.status, order.provider, order.waiting, order.failure, order.note),
        next_at=order.due_at if order.status in OPEN else None,
        written=order.note or (order.failure if failure is None else None),
        since=order.updated_at,
    )


def reasons(order: Order) -> list[Reason]:
    """Why an order waits, is reviewed, failed or came back, each with what to do. What a person
    wrote when settling by hand is no reason of ours."""
    failure = failures.failure(order.failure or "")
    return [
        *([waiting.waiting(order.waiting, order.rail)] if order.waiting else []),
        *map(reviews.review, order.review_reasons if order.status == "review" else ()),
        *([failures.FAILURES[failure]] if failure else []),
    ]


async def of_user(connection: Connection, business_id: UUID, user: PayoutUser) -> UserMoney:
    """Where a payout user's money is, the newest orders first."""
    groups = ((OPEN, MOST_HELD + 1), (CAME_BACK, LATEST_BACK), (order_states.STATES, LATEST))
    held, back, latest = await orders.list_of_user(connection, business_id, user.id, groups)
    return UserMoney(
        user.balance,
        [of_order(order) for order in held[:MOST_HELD]],
        len(held) <= MOST_HELD,
        [of_order(order) for order in back],
        latest,
    )


def masked(provider: Provider, destination: Mapping[str, Any]) -> str:
    """Where an order goes, so that whoever chose it knows it again and nobody else learns it."""
    match provider:
        case "paypal":
            name, _, domain = str(destination["email"]).rpartition("@")
            return f"{name[:1]}…@{domain}"
        case "crypto":
            address = str(destination["to_address"])
            return f"{address[:6]}…{address[-4:]}"
        case "gift_card":
            return card_name(destination)
        case "bank":
            return str(destination["masked"])


def card_name(destination: Mapping[str, Any]) -> str:
    """A gift card by its brand and, where its seller named it, its product."""
    brand, name = str(destination["brand"]), str(destination.get("name") or "")
    if brand.casefold() in name.casefold():
        return name
    return f"{brand}, {name}" if name else brand


def method(provider: Provider, destination: Mapping[str, Any]) -> str:
    """By what an order goes, in the payout user's words."""
    match provider:
        case "paypal":
            return "PayPal"
        case "crypto":
            return f"{destination['currency']}, {network(str(destination['chain']))}"
        case "gift_card":
            return "Gift card"
        case "bank":
            return "Bank transfer"


def network(chain: str) -> str:
    """A chain by the name that its users know."""
    names = {"ERC20": "Ethereum", "BEP20": "BNB Smart Chain", "POLYGON": "Polygon"}
    return names.get(chain, chain.title())


def _why_it_ended(status: Status, failure: str | None, note: str | None) -> str | None:
    if status == "rejected":
        return note
    if status in ("failed", "returned"):
        known = failures.failure(failure or "")
        return NO_REASON if known is None else failures.FAILURES[known].recipient
    return None
