"""Amounts, directions, dates and references of ISO 20022 messages."""

import hashlib
import re
from datetime import date, datetime
from xml.etree.ElementTree import Element

from payviox.rails.bank.model import Direction, Unreadable
from payviox.rails.bank.xml import find, text

AMOUNT = re.compile(r"(\d{1,13})(?:\.(\d{0,5}))?", re.ASCII)
CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
DIGITS = {"JPY": 0, "KRW": 0, "ISK": 0, "BHD": 3, "KWD": 3, "JOD": 3, "TND": 3, "OMR": 3}
"""Digits of a currency's minor unit (ISO 4217) where they are not two."""

NOT_PROVIDED = frozenset({"NOTPROVIDED", "NOTAVAILABLE", "NONREF"})

Money = tuple[int, str]


def minor(word: str, currency: str) -> int:
    """A decimal in minor units of the currency. Raises Unreadable, also for parts of a unit."""
    matched = AMOUNT.fullmatch(word)
    digits = DIGITS.get(currency, 2)
    decimals = (matched[2] or "").rstrip("0") if matched else ""
    if matched is None or len(decimals) > digits:
        raise Unreadable("The file has an amount that is none")
    return int(matched[1] + decimals.ljust(digits, "0"))


def money(element: Element | None) -> Money | None:
    """Minor units and currency of an amount; None where there is none. Raises Unreadable."""
    if element is None:
        return None
    currency = element.get("Ccy", "")
    if not CURRENCY.fullmatch(currency):
        raise Unreadable("The file has an amount without a currency")
    return minor((element.text or "").strip(), currency), currency


def direction(element: Element | None) -> Direction | None:
    """`CdtDbtInd` of an entry or a balance; None where it is missing. Raises Unreadable."""
    word = text(element, "CdtDbtInd")
    if word is None:
        return None
    if word not in {"CRDT", "DBIT"}:
        raise Unreadable("The file has an entry that is neither a credit nor a debit")
    return "credit" if word == "CRDT" else "debit"


def signed(amount: int, way: Direction | None) -> int:
    """Positive for a credit."""
    return -amount if way == "debit" else amount


def day(element: Element | None, *path: str) -> date | None:
    """A date there, or that of a date and time. Raises Unreadable."""
    found = find(element, *path)
    if found is None:
        return None
    word = text(found, "Dt") or text(found, "DtTm") or text(found)
    return None if word is None else as_date(word)


def as_date(word: str) -> date:
    """A date, or that of a date and time, as the bank's own calendar has it. Raises Unreadable."""
    try:
        return datetime.fromisoformat(word).date() if "T" in word else date.fromisoformat(word[:10])
    except ValueError as error:
        raise Unreadable("The file has a date that is none") from error


def end_to_end_id(element: Element | None, *path: str) -> str | None:
    """Ours as the bank repeats it; None where it has none or says so. One that is longer than any
    of ours is not cut."""
    word = text(element, *path, most=36)
    return None if word is None or word in NOT_PROVIDED or len(word) > 35 else word


def reference(*parts: object) -> str:
    """A name of an entry that is the same whenever these parts are."""
    return hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).hexdigest()[:32]
