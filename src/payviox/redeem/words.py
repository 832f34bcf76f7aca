"""What a recipient reads of things that programs name: states, reasons, what is wrong with a form.
No rail's or program's own text is ever shown."""

from collections.abc import Mapping, Sequence

from payviox.errors import FieldErrors
from payviox.money import dollars
from payviox.order_states import Status
from payviox.rails import failures, waiting
from payviox.withdrawals.model import Order

FIELDS = {
    "amount": "amount",
    "net_amount": "amount",
    "provider": "amount",
    "paypal.email": "email",
    "crypto.to_address": "address",
    "crypto.chain": "network",
    "crypto.currency": "network",
    "gift_card.product": "card",
}
"""The field of our forms that a name of the API's stands for."""

ADDRESS_PROBLEMS = {
    "must be an address of 0x and 40 hexadecimal digits": (
        "This is no address: it begins with 0x and has 40 digits and letters from a to f."
    ),
    "may not be the zero address": "Nobody has this address: the money would be lost.",
    "may not be the address of a chain's built-in contract": (
        "Nobody has this address: the money would be lost."
    ),
    "has a wrong checksum": (
        "A letter or digit of this address is wrong. Copy it from your wallet once more."
    ),
    "may not be the paying wallet itself": "This is the sender's own wallet. Use yours.",
    "may not be a token's contract": (
        "This is the address of a coin's program, not of a wallet: the money would be lost."
    ),
    "does not accept payments": "This address does not accept payments. Use another one.",
}
"""What the rails say of an address, behind its name, and our words for it."""

STATES: Mapping[Status, tuple[str, str]] = {
    "created": ("Your withdrawal was asked for.", "It will be sent in a moment."),
    "review": (
        "The sender looks at this withdrawal before it is paid.",
        "This can take a working day. You can cancel it meanwhile.",
    ),
    "queued": ("Your withdrawal was accepted.", "It will be sent in a moment."),
    "sending": ("It is being sent.", "This page follows it by itself."),
    "sent": ("It was sent and is on its way.", "This page follows it by itself."),
    "unknown": (
        "It was sent. Whether it has arrived is being looked up.",
        "This page follows it by itself. The money is not lost.",
    ),
    "succeeded": ("It has arrived.", "There is nothing left to do."),
    "failed": (
        "It could not be paid. The money is back on your balance.",
        "You can take it in another way.",
    ),
    "rejected": (
        "The sender refused this withdrawal. The money is back on your balance.",
        "Ask the sender why, or take it in another way.",
    ),
    "canceled": (
        "It was canceled. The money is back on your balance.",
        "You can take it in another way.",
    ),
    "returned": (
        "It came back after it was sent. The money is back on your balance.",
        "You can take it in another way.",
    ),
}
"""What an order's state means, and what happens next."""

NO_REASON = "No reason was given."


def reason(order: Order) -> str | None:
    """Why an order waits, or why it ended as it did; None where there is nothing to explain."""
    if order.status == "rejected":
        return order.note
    if order.status in ("failed", "returned"):
        known = order.failure is not None and failures.failure(order.failure) is not None
        return order.failure if known else NO_REASON
    return waiting.waiting(order.waiting).recipient if order.waiting else None


def problems(error: FieldErrors, least: int, most: int) -> dict[str, list[str]]:
    """What is wrong with a form, by its fields. `least` and `most` are cents."""
    fields: dict[str, list[str]] = {}
    for name, messages in error.fields.items():
        field = FIELDS.get(name, "amount")
        fields.setdefault(field, [_problem(name, messages, least, most)])
    return fields


def _problem(name: str, messages: Sequence[str], least: int, most: int) -> str:
    match FIELDS.get(name):
        case "email":
            return "This is no email address that PayPal can pay to."
        case "address":
            tail = (messages or [""])[0].removeprefix(f"The {name} ").removesuffix(".")
            return ADDRESS_PROBLEMS.get(tail, "This address cannot be paid. Use another one.")
        case "network":
            return "Choose one of the networks."
        case "card":
            return "This gift card is not to be had any more. Choose another one."
        case _:
            return (
                f"This amount cannot be paid this way. Amounts go from {dollars(least)} to"
                f" {dollars(most)}."
            )


def masked(order: Order) -> str:
    """Where an order went, so that only its owner knows it again."""
    destination = order.destination
    match order.provider:
        case "paypal":
            name, _, domain = str(destination["email"]).rpartition("@")
            return f"{name[:1]}•••@{domain}"
        case "crypto":
            address = str(destination["to_address"])
            return f"{address[:6]}…{address[-4:]}"
        case "gift_card":
            return str(destination["brand"])


def grouped(address: str) -> str:
    """An address in groups of four, so that people can compare it."""
    return " ".join([address[:2], *(address[at : at + 4] for at in range(2, len(address), 4))])


def network_words(chain: str) -> str:
    """A chain by the name that its users know."""
    names = {"ERC20": "Ethereum", "BEP20": "BNB Smart Chain", "POLYGON": "Polygon"}
    return names.get(chain, chain.title())
