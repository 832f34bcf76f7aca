"""The European Central Bank's daily file of reference rates (eurofxref-daily.xml, also one with
many days): currencies for one euro, published around 16:00 in Frankfurt on banking days."""

from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from xml.etree.ElementTree import Element, ParseError
from zoneinfo import ZoneInfo

from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]

from payviox.errors import FieldErrors
from payviox.rates.model import ECB_FOR, ExchangeRate, checked

MOST_BYTES = 16 * 2**20
"""The whole history since 1999 takes seven."""
MOST_DEPTH = 8
FRANKFURT = ZoneInfo("Europe/Berlin")
PUBLISHED = time(16)


def read(content: bytes) -> list[ExchangeRate]:
    """What the file says of the euro in US dollars, one rate a day. Raises FieldErrors."""
    if len(content) > MOST_BYTES:
        raise _refused(f"is larger than {MOST_BYTES // 2**20} MB")
    try:
        root: Element = fromstring(content, forbid_dtd=True, forbid_external=True)
    except DefusedXmlException as error:
        raise _refused("declares a document type or entities") from error
    except (ParseError, LookupError, ValueError) as error:
        raise _refused("is no well-formed XML, or was cut off") from error
    rates = [_rate(day, text) for day, text in _dollars(root)]
    if not rates:
        raise _refused("has no rate of the US dollar, or is not the European Central Bank's")
    if len({rate.as_of for rate in rates}) < len(rates):
        raise _refused("names a day twice")
    return rates


def _dollars(root: Element) -> Iterator[tuple[str, str]]:
    """The days, each with what a euro is in US dollars. They are Cube elements in one another."""
    for cube in _cubes(root):
        day = cube.get("time")
        if day is not None:
            for inner in cube:
                if inner.get("currency") == "USD":
                    yield day, inner.get("rate", "")


def _cubes(element: Element, depth: int = 0) -> Iterator[Element]:
    if depth > MOST_DEPTH:
        raise _refused(f"nests more than {MOST_DEPTH} elements")
    for child in element:
        if child.tag.rpartition("}")[2] == "Cube":
            yield child
            yield from _cubes(child, depth + 1)


def _rate(day: str, text: str) -> ExchangeRate:
    try:
        as_of = datetime.combine(date.fromisoformat(day), PUBLISHED, FRANKFURT)
        rate = Decimal(text)
    except (ValueError, InvalidOperation) as error:
        raise _refused("has a day or a rate that is none") from error
    return checked(
        ExchangeRate(
            source="ecb", currency="EUR", rate=rate, as_of=as_of, expires_at=as_of + ECB_FOR
        )
    )


def _refused(why: str) -> FieldErrors:
    return FieldErrors({"file": [f"The file {why}."]})
