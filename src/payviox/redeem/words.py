"""What a recipient reads of things that programs name: networks, and what is wrong with a form. No
rail's or program's own text is ever shown. An order's words are in withdrawals/whereabouts.py."""

from collections.abc import Sequence

from payviox.errors import FieldErrors
from payviox.languages.catalogues import Language, marked

FIELDS = {
    "amount": "amount",
    "net_amount": "amount",
    "provider": "amount",
    "paypal.email": "email",
    "crypto.to_address": "address",
    "crypto.chain": "network",
    "crypto.currency": "network",
    "gift_card.product": "card",
    "bank.scheme": "scheme",
    "bank.name": "name",
    "bank.iban": "iban",
    "bank.routing_number": "routing_number",
    "bank.account_number": "account_number",
    "bank.account_type": "account_type",
    "bank.holder": "holder",
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

PROBLEMS = {
    "email": marked("This is no email address that PayPal can pay to."),
    "network": marked("Choose one of the networks."),
    "card": marked("This gift card is not to be had any more. Choose another one."),
    "name": marked("Type the full name of the account's holder, in letters."),
    "iban": marked("A letter or digit of this IBAN is wrong. Copy it from your bank once more."),
    "routing_number": marked("This is no routing number. Copy its nine digits once more."),
    "account_number": marked("This is no account number. Copy it from your bank once more."),
    "account_type": marked("Choose what kind of account it is."),
    "holder": marked("Choose whose account it is."),
    "scheme": marked("Choose the kind of your account."),
}
"""What is wrong with a field, where the field says it."""
LONG_NAME = marked("This name is longer than banks take. Shorten it as your bank does.")
OWN_ACCOUNT = marked("This is the sender's own account. Use yours.")
OTHER_COUNTRY = marked("By this way no money goes to this country. Use another account.")


def problems(error: FieldErrors, least: int, most: int, language: Language) -> dict[str, list[str]]:
    """What is wrong with a form, by its fields. `least` and `most` are cents."""
    fields: dict[str, list[str]] = {}
    for name, messages in error.fields.items():
        field = FIELDS.get(name, "amount")
        fields.setdefault(field, [_problem(name, messages, least, most, language)])
    return fields


def _problem(name: str, messages: Sequence[str], least: int, most: int, language: Language) -> str:
    field, message = FIELDS.get(name), (messages or [""])[0]
    if field == "address":
        tail = message.removeprefix(f"The {name} ").removesuffix(".")
        return language.gettext(ADDRESS_PROBLEMS.get(tail, OTHER_ADDRESS_PROBLEM))
    if field == "iban" and "paying account itself" in message:
        return language.gettext(OWN_ACCOUNT)
    if field == "iban" and ("does not reach" in message or "is not paid" in message):
        return language.gettext(OTHER_COUNTRY)
    if field == "name" and "characters" in message:
        return language.gettext(LONG_NAME)
    if field in PROBLEMS:
        return language.gettext(PROBLEMS[field])
    return language.gettext(
        "This amount cannot be paid this way. Amounts go from %(least)s to %(most)s.",
        least=language.money(least),
        most=language.money(most),
    )


def grouped(address: str) -> str:
    """An address in groups of four, so that people can compare it."""
    return " ".join([address[:2], *(address[at : at + 4] for at in range(2, len(address), 4))])
