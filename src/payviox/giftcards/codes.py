"""Codes and PINs as files hold them: the one form in which they are stored and shown, the form by
which two of them are the same, and what a spreadsheet leaves of a code that it destroyed."""

import re
import unicodedata
from collections.abc import Iterable

_DASHES = re.compile(r"[\u2010-\u2015\u2043\u2212\ufe58\ufe63\uff0d]")
_IGNORED = re.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0"
    r"\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
"""Characters that nobody sees and that Unicode does not call format characters."""

_DIGITS = 15
_TELLING = 5
"""Digits of a spreadsheet's number, and how many zeros after them tell that it is one."""

_NO_VALUE = frozenset((
    "null", "none", "nan", "nil", "n/a", "na", "undefined", "inf", "infinity", "(null)", "<null>",
    "[null]", "\\n",
    "true", "false", "wahr", "falsch", "vrai", "faux", "verdadero", "falso", "vero",
))  # fmt: skip
_MONTH = (
    r"(?:jan|ene|gen|fev|feb|fév|mar|mär|mrz|mrt|abr|avr|apr|mai|may|mag|maj|mei|jun|juin|giu|jul"
    r"|juil|lug|ago|aug|aoû|sep|sept|set|okt|oct|out|ott|nov|dez|dec|dic|déc)\.?"
    r"|january|february|march|april|june|july|august|september|october|november|december"
    r"|januar|februar|märz|juni|juli|oktober|dezember"
    r"|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre"
    r"|janvier|février|mars|avril|juillet|août|septembre|octobre|novembre|décembre"
    r"|gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|dicembre"
    r"|janeiro|fevereiro|março|maio|junho|julho|setembro|outubro|novembro|dezembro"
    r"|januari|februari|maart|augustus"
)
"""Months as spreadsheets write them, in the languages of many of their users."""
_DAMAGED = tuple(
    (re.compile(pattern, re.IGNORECASE), clause)
    for pattern, clause in (
        (r"[='\u2018\u2019`].*", "begins as a spreadsheet's formula or text mark"),
        (r"#.*", "is a spreadsheet's error"),
        (r"Err:[0-9]{3}", "is a spreadsheet's error"),
        (
            r"[+-]?[0-9]+([.,][0-9]+)?E[+-][0-9]{1,3}|[+-]?[0-9]+[.,][0-9]+E[0-9]{1,3}",
            "was rounded to scientific notation by a spreadsheet",
        ),
        (r"[0-9]+[.,]0+", "was made a number by a spreadsheet"),
        (r"[0-9]{1,3}([,.'\u2019 ][0-9]{3})+", "was made a number by a spreadsheet"),
        (
            rf"[0-9]{{1,2}}[-/. ]+({_MONTH})([-/. ]+[0-9]{{2,4}})?",
            "was made a date by a spreadsheet",
        ),
        (rf"({_MONTH})[-/. ]+[0-9]{{2,4}}", "was made a date by a spreadsheet"),
        (
            r"(19|20|21)[0-9]{2}([-/.])(0?[1-9]|1[0-2])\2(0?[1-9]|[12][0-9]|3[01])([T ][0-9:.]+)?",
            "was made a date by a spreadsheet",
        ),
        (
            r"[0-9]{1,2}([/.])[0-9]{1,2}\1(19|20|21)?[0-9]{2}( [0-9:]+)?",
            "was made a date by a spreadsheet",
        ),
        (r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?( ?[AP]M)?", "was made a time by a spreadsheet"),
        (r".*[*\u2022]{3}.*", "is masked"),
    )
)


def readable(text: str) -> str:
    """A code as it is stored and shown: compatibility forms folded (NFKC), nothing invisible, every
    dash a hyphen, every blank a space."""
    text = _DASHES.sub("-", unicodedata.normalize("NFKC", text))
    visible = (c for c in _IGNORED.sub("", text) if unicodedata.category(c) != "Cf")
    return "".join(" " if unicodedata.category(c)[0] == "Z" else c for c in visible).strip()


def comparable(code: str) -> str:
    """The code without what people and programs write differently: case, blanks, dashes and other
    punctuation. Two codes that differ in nothing else are taken for one: refusing a card wrongly is
    better than selling it twice."""
    return "".join(c for c in readable(code).casefold() if c.isalnum())


class Rounding:
    """Tells which of a file's codes a spreadsheet rounded, as they are read. Its numbers have 15
    digits, and zeros after them: where that is so of every code so far that is a longer number, and
    there are five such zeros at least, it is chance once in 100,000 files."""

    def __init__(self) -> None:
        self._ends = ""

    def find(self, codes: Iterable[str]) -> frozenset[str]:
        """Those of the next codes."""
        longer = frozenset(code for code in codes if re.fullmatch(r"[0-9]{16,}", code))
        self._ends += "".join(code[_DIGITS:] for code in longer)
        is_telling = len(self._ends) >= _TELLING and not self._ends.strip("0")
        return longer if is_telling else frozenset()


def damage(text: str) -> str | None:
    """Why a readable code or PIN cannot be what its maker wrote, as a clause; None where it can."""
    for pattern, clause in _DAMAGED:
        if pattern.fullmatch(text):
            return clause
    if text.casefold() in _NO_VALUE:
        return "is a word for no value"
    has_ascii = any(c.isascii() and c.isalnum() for c in text)
    if "\ufffd" in text or not text.replace("\n", "").isprintable():
        return "holds a character that nobody can type"
    if has_ascii and any(unicodedata.category(c)[0] == "M" for c in text):
        return "holds a mark that nobody can type"
    if has_ascii and any(c.isalnum() and not c.isascii() for c in text):
        return "mixes letters of several alphabets that look alike"
    return None
