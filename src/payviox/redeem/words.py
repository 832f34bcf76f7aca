"""What a recipient reads of things that programs name: states, reasons, what is wrong with a form.
No rail's or program's own text is ever shown."""

from collections.abc import Mapping, Sequence

from payviox.errors import FieldErrors
from payviox.languages.catalogues import Language, marked
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
    "must be an address of 0x and 40 hexadecimal digits": marked(
        "This is no address: it begins with 0x and has 40 digits and letters from a to f."
    ),
    "may not be the zero address": marked("Nobody has this address: the money would be lost."),
    "may not be the address of a chain's built-in contract": marked(
        "Nobody has this address: the money would be lost."
    ),
    "has a wrong checksum": marked(
        "A letter or digit of this address is wrong. Copy it from your wallet once more."
    ),
    "may not be the paying wallet itself": marked("This is the sender's own wallet. Use yours."),
    "may not be a token's contract": marked(
        "This is the address of a coin's program, not of a wallet: the money would be lost."
    ),
    "does not accept payments": marked("This address does not accept payments. Use another one."),
}
"""What the rails say of an address, behind its name, and our words for it."""
OTHER_ADDRESS_PROBLEM = marked("This address cannot be paid. Use another one.")

STATES: Mapping[Status, tuple[str, str]] = {
    "created": (marked("Your withdrawal was asked for."), marked("It will be sent in a moment.")),
    "review": (
        marked("The sender looks at this withdrawal before it is paid."),
        marked("This can take a working day. You can cancel it meanwhile."),
    ),
    "queued": (marked("Your withdrawal was accepted."), marked("It will be sent in a moment.")),
    "sending": (marked("It is being sent."), marked("This page follows it by itself.")),
    "sent": (marked("It was sent and is on its way."), marked("This page follows it by itself.")),
    "unknown": (
        marked("It was sent. Whether it has arrived is being looked up."),
        marked("This page follows it by itself. The money is not lost."),
    ),
    "succeeded": (marked("It has arrived."), marked("There is nothing left to do.")),
    "failed": (
        marked("It could not be paid. The money is back on your balance."),
        marked("You can take it in another way."),
    ),
    "rejected": (
        marked("The sender refused this withdrawal. The money is back on your balance."),
        marked("Ask the sender why, or take it in another way."),
    ),
    "canceled": (
        marked("It was canceled. The money is back on your balance."),
        marked("You can take it in another way."),
    ),
    "returned": (
        marked("It came back after it was sent. The money is back on your balance."),
        marked("You can take it in another way."),
    ),
}
"""What an order's state means, and what happens next."""

NO_REASON = marked("No reason was given.")


def reason(order: Order, language: Language) -> str | None:
    """Why an order waits, or why it ended as it did; None where there is nothing to explain."""
    if order.status == "rejected":
        return order.note
    if order.status in ("failed", "returned"):
        known = order.failure is not None and failures.failure(order.failure) is not None
        return language.gettext(order.failure if known and order.failure else NO_REASON)
    if order.waiting is None:
        return None
    return language.gettext(waiting.waiting(order.waiting).recipient)


def problems(error: FieldErrors, least: int, most: int, language: Language) -> dict[str, list[str]]:
    """What is wrong with a form, by its fields. `least` and `most` are cents."""
    fields: dict[str, list[str]] = {}
    for name, messages in error.fields.items():
        field = FIELDS.get(name, "amount")
        fields.setdefault(field, [_problem(name, messages, least, most, language)])
    return fields


def _problem(name: str, messages: Sequence[str], least: int, most: int, language: Language) -> str:
    match FIELDS.get(name):
        case "email":
            return language.gettext("This is no email address that PayPal can pay to.")
        case "address":
            tail = (messages or [""])[0].removeprefix(f"The {name} ").removesuffix(".")
            return language.gettext(ADDRESS_PROBLEMS.get(tail, OTHER_ADDRESS_PROBLEM))
        case "network":
            return language.gettext("Choose one of the networks.")
        case "card":
            return language.gettext("This gift card is not to be had any more. Choose another one.")
        case _:
            return language.gettext(
                "This amount cannot be paid this way. Amounts go from %(least)s to %(most)s.",
                least=language.money(least),
                most=language.money(most),
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
