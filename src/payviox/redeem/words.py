"""What a recipient reads of things that programs name: networks, and what is wrong with a form. No
rail's or program's own text is ever shown. An order's words are in withdrawals/whereabouts.py."""

from collections.abc import Sequence

from payviox.errors import FieldErrors
from payviox.money import dollars

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


def grouped(address: str) -> str:
    """An address in groups of four, so that people can compare it."""
    return " ".join([address[:2], *(address[at : at + 4] for at in range(2, len(address), 4))])
