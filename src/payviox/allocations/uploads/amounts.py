"""Amounts as spreadsheets hold them, in dollars: written with a decimal point or a decimal comma.
What could be read as two amounts is refused."""

import re
from decimal import Decimal
from typing import Literal, NamedTuple

from payviox.money import MAX_ALLOCATION, InvalidAmount, dollars

Style = Literal["point", "comma"]

_CURRENCY = re.compile(r"^(?:USD|US\$|\$)\s*|\s*(?:USD|US\$|\$)$", re.IGNORECASE)
_POINT = re.compile(r"([0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:\.([0-9]{1,2}))?", re.ASCII)
_COMMA = re.compile(r"([0-9]{1,15}|[0-9]{1,3}(?:\.[0-9]{3}){1,4}),([0-9]{2})", re.ASCII)
_EITHER = re.compile(r"([0-9]{1,3})[.,]([0-9]{3})", re.ASCII)
_NEGATIVE = re.compile(r"[-\u2212]\s*[$0-9].*|\(.*[0-9].*\)")
_DECIMALS = re.compile(r"[0-9,]+\.[0-9]{3,}", re.ASCII)


class Amount(NamedTuple):
    """Cents, and how decimals are written here where that can be told."""

    cents: int
    style: Style | None


def read_amount(text: str, *, commas: bool = False) -> Amount:
    """Raises InvalidAmount. `commas` says that the file's country may write decimals with them."""
    plain = _CURRENCY.sub("", text.replace("\u00a0", " ").replace("\u202f", " ").strip()).strip()
    if not plain:
        raise InvalidAmount("is missing.")
    if _NEGATIVE.fullmatch(plain):
        raise InvalidAmount("is negative.")
    either = _EITHER.fullmatch(plain)
    if either and (commas or "." in plain):
        raise InvalidAmount(
            f"could be {int(either[1] + either[2]):,}.00 or {int(either[1])}.{either[2]}: write"
            f" {int(either[1] + either[2])}.00, say."
        )
    point = _POINT.fullmatch(plain)
    if point:
        whole, hundredths = point[1].replace(",", ""), (point[2] or "").ljust(2, "0")
        return Amount(_within(int(whole + hundredths)), "point" if set(plain) & set(".,") else None)
    comma = _COMMA.fullmatch(plain)
    if comma:
        return Amount(_within(int(comma[1].replace(".", "") + comma[2])), "comma")
    if _DECIMALS.fullmatch(plain):
        raise InvalidAmount("has more than two decimals.")
    raise InvalidAmount("must be dollars and cents such as 1,234.50.")


def read_number(text: str) -> int:
    """The cents of a cell that is a number. Raises InvalidAmount."""
    cents = Decimal(text) * 100
    if cents < 0:
        raise InvalidAmount("is negative.")
    if cents != cents.to_integral_value():
        raise InvalidAmount(f"is {text}, which has more than two decimals.")
    return _within(int(cents))


def _within(cents: int) -> int:
    if not 1 <= cents <= MAX_ALLOCATION:
        raise InvalidAmount(f"must be {dollars(1)} to {dollars(MAX_ALLOCATION)}.")
    return cents
