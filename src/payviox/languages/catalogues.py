"""Languages and their catalogues. English is the source text; every other language is one file,
`locale/<language>/LC_MESSAGES/payviox.po`, whose header `Language` names the region by whose habits
numbers and dates are written: with a decimal point everywhere, since amounts are typed so."""

import functools
import re
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Any

from babel import Locale, negotiate_locale
from babel.dates import format_date, format_time, get_datetime_format
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, format_percent
from babel.support import Translations

FOLDER = Path(__file__).parent / "locale"
FILE = "LC_MESSAGES/payviox.po"
SOURCE = "en"
"""The language of what stands in templates and code."""
MAX_ACCEPTED = 500
ACCEPTED = re.compile(
    r"\s*([a-z]{2,3}(?:-[a-z0-9]{1,8})*)\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?",
    re.ASCII | re.IGNORECASE,
)
UNSPACED = re.compile(r"(?<=[A-Z]{3})(?=\d)")
"""Where a currency's code and an amount touch."""
MINUS = "\u2212"
MARKS = dict.fromkeys(map(ord, "\u200e\u200f"))
"""Of direction: an amount stands apart, and reads from left to right by itself."""


@dataclass(frozen=True, slots=True)
class Language:
    """A language, and what makes sentences, amounts and dates of it."""

    code: str
    locale: Locale
    translations: NullTranslations = field(repr=False)

    @property
    def name(self) -> str:
        """As those who speak it call it."""
        return (self.locale.get_language_name() or self.code).capitalize()

    @property
    def direction(self) -> str:
        return self.locale.text_direction

    def gettext(self, source: str, /, **values: object) -> str:
        """This sentence, filled with these values, as plain text."""
        text = self.translations.gettext(source)
        return text % {name: self.apart(each) for name, each in values.items()} if values else text

    def apart(self, value: object) -> str:
        """A name or an amount for plain text, kept from being mixed up with what is around it."""
        return f"\u2068{value}\u2069" if self.direction == "rtl" else str(value)

    def money(self, cents: int, currency: str = "USD") -> str:
        """An amount of cents, of dollars or of another currency."""
        amount = format_currency(Decimal(cents) / 100, currency, locale=self.locale)
        return UNSPACED.sub("\u00a0", amount.translate(MARKS).replace("-", MINUS))

    def rate(self, currency: str, dollars: str, spread_bp: int = 0) -> str:
        """What a unit of a currency costs whom it is paid to, such as `1 EUR = 1.08 USD + 1%`: the
        rate, a decimal as text, and the spread on it in basis points."""
        price = format_decimal(Decimal(dollars), locale=self.locale, decimal_quantization=False)
        if not spread_bp:
            return f"1 {currency} = {price} USD"
        spread = format_percent(
            Decimal(spread_bp) / 10_000, locale=self.locale, decimal_quantization=False
        )
        return f"1 {currency} = {price} USD + {spread}".translate(MARKS)

    def moment(self, there: datetime) -> str:
        """A time of a zone, without its name."""
        frame = str(get_datetime_format("medium", locale=self.locale)).replace("'", "")
        time = format_time(there, "short", tzinfo=there.tzinfo, locale=self.locale)
        day = format_date(there, "medium", locale=self.locale)
        return frame.replace("{0}", time).replace("{1}", day)

    def day(self, day: date) -> str:
        """A date as it stands in a sentence."""
        return format_date(day, "long", locale=self.locale)

    def country(self, code: str) -> str:
        """A country of two letters by its name; as it is where it is none."""
        return str(self.locale.territories.get(code, code))


def marked(source: str) -> str:
    """A sentence that is said in a language later: this puts it into the catalogues."""
    return source


@functools.cache
def codes() -> tuple[str, ...]:
    """English, then the languages that have a catalogue."""
    return (SOURCE, *sorted(path.parts[-3] for path in FOLDER.glob(f"*/{FILE}")))


def every() -> list[Language]:
    return [_load(code) for code in codes()]


def get(code: str | None) -> Language | None:
    """None where there is no catalogue of this language."""
    return _load(code) if code in codes() else None


def get_or_english(code: str | None) -> Language:
    return get(code) or _load(SOURCE)


def best(accepted: str) -> Language:
    """The language that suits a browser best, by its header Accept-Language; else English."""
    return get_or_english(negotiate_locale(_ranked(accepted), codes(), sep="-"))


def region(accepted: str) -> str | None:
    """The country of two letters that a browser's header Accept-Language names first."""
    parts = (part for name in _ranked(accepted) for part in name.split("-")[1:])
    return next((part.upper() for part in parts if len(part) == 2 and part.isalpha()), None)


def _ranked(accepted: str) -> list[str]:
    """What the header names, the dearest first."""
    ranked: list[tuple[float, str]] = []
    for part in accepted[:MAX_ACCEPTED].split(","):
        match = ACCEPTED.fullmatch(part)
        if match is not None and float(match[2] or 1) > 0:
            ranked.append((-float(match[2] or 1), match[1].lower()))
    ranked.sort(key=_weight)
    return [name for _, name in ranked]


def _weight(each: tuple[float, str]) -> float:
    return each[0]


@functools.cache
def _load(code: Any) -> Language:
    if code == SOURCE:
        return Language(code, Locale.parse("en_US"), NullTranslations())
    with (FOLDER / code / FILE).open("rb") as file:
        catalogue = read_po(file)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Language(code, catalogue.locale or Locale.parse(code), Translations(compiled))
