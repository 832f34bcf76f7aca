"""Reading a CSV file of gift cards, line by line and in bounded memory. Knows the file's form
alone: whether a card is new is importing.py's business."""

import csv
import re
from collections.abc import Iterator
from datetime import date
from typing import BinaryIO

from payviox.errors import PayvioxError
from payviox.giftcards.codes import damage, readable
from payviox.giftcards.model import BadLine, CardRow, ProductKey
from payviox.money import MAX_ALLOCATION

REQUIRED = ("product", "brand", "country", "code", "face value", "currency", "price")
ALIASES = {
    "product": "product",
    "product name": "product",
    "name": "product",
    "brand": "brand",
    "country": "country",
    "country code": "country",
    "code": "code",
    "card code": "code",
    "pin": "pin",
    "face value": "face value",
    "value": "face value",
    "currency": "currency",
    "currency code": "currency",
    "price": "price",
    "price in cents": "price",
    "price cents": "price",
    "expiry": "expiry",
    "expiry date": "expiry",
    "expires": "expiry",
    "expires on": "expiry",
    "expiration": "expiry",
    "expiration date": "expiry",
}

MAX_LINE = 64 * 1024
MAX_NAME = 200
MAX_CODE = 1_000
_MONEY = re.compile(r"[0-9]{1,10}(\.[0-9]{1,2})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


class NoCardsError(PayvioxError):
    """The file's first line does not name the columns of gift cards. Never an HTTP answer."""

    status = 400


class BadCardError(Exception):
    """Why a line is no card."""


def read_cards(file: BinaryIO) -> Iterator[CardRow | BadLine]:
    """Every line of the file after its header, a card or what is wrong with it.

    UTF-8 with or without BOM, any line ends; a quoted field may hold line breaks, and a line is
    counted by where it starts. Raises NoCardsError.
    """
    lines = _Lines(file)
    reader = csv.reader(lines, strict=True)
    columns: list[str] | None = None
    while True:
        start = lines.number + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            if columns is None:
                raise NoCardsError(f"The header, line {start}, cannot be read: {error}.") from error
            yield BadLine(start, _unreadable(start, lines.number))
            continue
        if fields is None:
            break
        if not any(field.strip() for field in fields):
            continue
        if columns is None:
            columns = name_columns(fields)
            continue
        try:
            yield read_card(start, columns, fields)
        except BadCardError as error:
            yield BadLine(start, str(error))
    if columns is None:
        raise NoCardsError("The file is empty: its first line must name the columns.")


class _Lines:
    """The file's lines as text, none longer than MAX_LINE: the rest of such a line is passed over
    and what stands for it cannot be a card."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = self._file.readline(MAX_LINE)
        if not raw:
            raise StopIteration
        if self.number == 0:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        self.number += 1
        if len(raw) == MAX_LINE and not raw.endswith(b"\n"):
            while raw and not raw.endswith(b"\n"):
                raw = self._file.readline(MAX_LINE)
            return "\0\n"
        # What is not UTF-8 becomes surrogates, which _field refuses.
        return raw.decode("utf-8", "surrogateescape")


def _unreadable(start: int, end: int) -> str:
    through = "" if end <= start else f" (up to line {end})"
    return f"not readable as CSV, perhaps a quote is not closed{through}"


def name_columns(fields: list[str]) -> list[str]:
    """What each column holds; "" for one that is not ours. Raises NoCardsError."""
    names = [re.sub(r"[^a-z0-9]+", " ", field.lower()).strip() for field in fields]
    columns = [ALIASES.get(name, "") for name in names]
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise NoCardsError(
            f"The first line must name the columns; missing: {', '.join(missing)}. Known are "
            "product, brand, country, code, pin, face value, currency, price (in cents) and "
            "expiry, separated by commas."
        )
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if twice:
        raise NoCardsError(f"The first line names a column twice: {', '.join(twice)}.")
    return columns


def read_card(line: int, columns: list[str], fields: list[str]) -> CardRow:
    """A line's fields as a card. Raises BadCardError."""
    if len(fields) != len(columns):
        raise BadCardError(f"{len(fields)} fields where the header has {len(columns)}")
    values = dict(zip(columns, fields, strict=True))
    product = ProductKey(
        name=_name(values, "product"),
        brand=_name(values, "brand"),
        country=_letters(values, "country", 2),
        currency=_letters(values, "currency", 3),
        face_value=_face_value(values),
        price=_price(values),
    )
    code = _code(values, "code")
    if not any(character.isalnum() for character in code):
        raise BadCardError("the code is missing")
    pin = _code(values, "pin") if "pin" in values else ""
    return CardRow(line, product, code, pin or None, _expiry(values))


def _code(values: dict[str, str], name: str) -> str:
    """A code or PIN, readable, "" for none."""
    text = readable(_field(values, name, MAX_CODE))
    problem = damage(text) if text else None
    if problem is not None:
        raise BadCardError(f"the {name} {problem}")
    return text


def _field(values: dict[str, str], name: str, longest: int) -> str:
    text = values[name].replace("\r\n", "\n").strip()
    if len(text) > longest:
        raise BadCardError(f"the {name} is longer than {longest} characters")
    if _CONTROLS.search(text):
        raise BadCardError(f"the {name} holds a control character")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise BadCardError(f"the {name} is not valid UTF-8")
    return text


def _name(values: dict[str, str], name: str) -> str:
    text = " ".join(_field(values, name, MAX_NAME).split())
    if not text:
        raise BadCardError(f"the {name} is missing")
    if not text.isprintable():
        raise BadCardError(f"the {name} holds a character that cannot be printed")
    return text


def _letters(values: dict[str, str], name: str, count: int) -> str:
    text = _field(values, name, MAX_NAME)
    if len(text) != count or not text.isascii() or not text.isalpha():
        raise BadCardError(f"the {name} must be its {count}-letter ISO code")
    return text.upper()


def _face_value(values: dict[str, str]) -> int:
    text = _field(values, "face value", MAX_NAME)
    if not _MONEY.fullmatch(text):
        raise BadCardError("the face value must be a number such as 25 or 25.00")
    whole, _, hundredths = text.partition(".")
    value = int(whole) * 100 + int(hundredths.ljust(2, "0"))
    if value == 0:
        raise BadCardError("the face value must be more than 0")
    return value


def _price(values: dict[str, str]) -> int:
    text = _field(values, "price", MAX_NAME)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_ALLOCATION:
        raise BadCardError(f"the price must be US cents, a whole number from 1 to {MAX_ALLOCATION}")
    return int(text)


def _expiry(values: dict[str, str]) -> date | None:
    text = _field(values, "expiry", MAX_NAME) if "expiry" in values else ""
    if not text:
        return None
    if not _DATE.fullmatch(text):
        raise BadCardError("the expiry must be a date such as 2030-12-31")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadCardError("the expiry is no date of the calendar") from None
