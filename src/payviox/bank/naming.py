"""A bank account as a payout user names it: read from the wire's object, checked, and in one
spelling. Pure."""

from collections.abc import Callable, Mapping
from typing import Any, get_args

import msgspec

from payviox.bank.model import Scheme
from payviox.rails.bank import characters, routing_number
from payviox.rails.bank import iban as ibans
from payviox.rails.bank.model import AccountType, AchAccount, Address, Holder, Iban
from payviox.rails.bank.payers import CITY, POSTAL_CODE, STREET
from payviox.rails.orders import Invalid

SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
OF_SEPA = ("iban", "address")
OF_ACH = ("routing_number", "account_number", "account_type", "holder")
OF_ADDRESS: dict[str, int] = {
    "street": STREET,
    "postal_code": POSTAL_CODE,
    "city": CITY,
    "country": 35,
}
"""An address's parts, and how long a file can have each."""


class Named(msgspec.Struct, frozen=True):
    """An account with its whole number, and whose it is. Its text shows no number."""

    scheme: Scheme
    country: str
    name: str
    account: Iban | AchAccount
    address: Address | None = None

    @property
    def number(self) -> tuple[str, ...]:
        """What money is sent to."""
        if isinstance(self.account, Iban):
            return (self.account.number,)
        return self.account.routing_number, self.account.account_number

    @property
    def masked(self) -> str:
        """`DE89 •••• 3000`, or `•••• 6789`: whoever named it knows it again."""
        if isinstance(self.account, Iban):
            return ibans.masked(self.account.number)
        return routing_number.masked(self.account.account_number)


class _Fields:
    """The wire's object, field by field, with everything that is wrong with it."""

    def __init__(self, destination: Mapping[str, Any]) -> None:
        self._given = destination
        self.problems: dict[str, list[str]] = {}

    def text(self, name: str, *, most: int = 140, required: bool = True) -> str:
        value = self._given.get(name)
        if value is None or value == "":
            if required:
                self.refuse(name, "field is required")
            return ""
        if not isinstance(value, str):
            self.refuse(name, "must be a string")
            return ""
        value = value.strip()
        if len(value) > most:
            self.refuse(name, f"may not be longer than {most} characters")
            return ""
        return value

    def number(
        self, name: str, normal: Callable[[str], str], problem: Callable[[str], str | None]
    ) -> str:
        value = normal(self.text(name))
        if value and (wrong := problem(value)):
            self.refuse(name, wrong)
        return value

    def choice(self, name: str, choices: tuple[Any, ...]) -> Any:
        value = self.text(name)
        if value and value not in choices:
            self.refuse(name, f"must be one of: {', '.join(choices)}")
        return value

    def refuse(self, name: str, why: str) -> None:
        self.problems.setdefault(f"bank.{name}", []).append(f"The bank.{name} {why}.")


def read(destination: Mapping[str, Any]) -> Named:
    """The wire's `bank` object. Raises Invalid, naming every field at fault."""
    fields = _Fields(destination)
    scheme = scheme_of(destination)
    if scheme is None:
        if destination.get("scheme"):
            raise Invalid({"bank.scheme": [f"The bank.scheme must be one of: {_or(SCHEMES)}."]})
        raise Invalid({"bank.iban": ["The bank.iban field, or bank.account_number, is required."]})
    for name in OF_ACH if scheme == "sepa" else OF_SEPA:
        if destination.get(name):
            fields.refuse(name, f"is no part of a {scheme.upper()} account")
    name = fields.text("name")
    if name and (wrong := characters.name_problem(name, scheme)):
        fields.refuse("name", wrong)
    name = " ".join(name.split())
    named = _sepa(fields, destination, name) if scheme == "sepa" else _ach(fields, name)
    if fields.problems:
        raise Invalid(fields.problems)
    return named


def scheme_of(destination: Mapping[str, Any]) -> Scheme | None:
    """The scheme that is named, or that the fields say."""
    named = destination.get("scheme")
    if named:
        return next((scheme for scheme in SCHEMES if scheme == named), None)
    if destination.get("iban"):
        return "sepa"
    return "ach" if any(destination.get(each) for each in OF_ACH) else None


def _sepa(fields: _Fields, destination: Mapping[str, Any], name: str) -> Named:
    number = fields.number("iban", ibans.normalized, ibans.problem)
    address = None
    if destination.get("address") is not None:
        address = _address(fields, destination["address"])
    return Named("sepa", ibans.country(number), name, Iban(number), address)


def _ach(fields: _Fields, name: str) -> Named:
    routing: str = fields.number(
        "routing_number", routing_number.normalized, routing_number.problem
    )
    number = fields.number(
        "account_number", routing_number.normalized_account, routing_number.account_problem
    )
    account = AchAccount(
        routing_number=routing,
        account_number=number,
        account_type=fields.choice("account_type", get_args(AccountType)),
        holder=fields.choice("holder", get_args(Holder)),
    )
    return Named("ach", "US", name, account)


def _address(fields: _Fields, given: object) -> Address | None:
    """City and country are needed, street and postal code are taken where they are given."""
    if not isinstance(given, Mapping):
        fields.refuse("address", "must be an object")
        return None
    parts = _Fields({f"address.{name}": given.get(name) for name in OF_ADDRESS})
    values = {
        name: parts.text(f"address.{name}", most=most, required=name in ("city", "country"))
        for name, most in OF_ADDRESS.items()
    }
    for name, value in values.items():
        if not value or name == "country":
            continue
        try:
            characters.written(value, "sepa", OF_ADDRESS[name])
        except characters.NotWritable as error:
            parts.refuse(f"address.{name}", str(error))
    country = values["country"].upper()
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        parts.refuse("address.country", "must be a country's two letters")
    fields.problems |= parts.problems
    return Address(
        city=values["city"],
        country=country,
        street=values["street"] or None,
        postal_code=values["postal_code"] or None,
    )


def _or(names: tuple[str, ...]) -> str:
    return ", ".join(names)
