"""Codes and PINs as files hold them: the one form in which they are stored and shown, the form by
which two of them are the same, and what a spreadsheet leaves of a code that it destroyed."""

import re
import unicodedata

_DASHES = re.compile(r"[\u2010-\u2015\u2043\u2212\ufe58\ufe63\uff0d]")
_IGNORED = re.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0"
    r"\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
"""Characters that nobody sees and that Unicode does not call format characters."""

_NO_VALUE = frozenset((
    "null", "none", "nan", "nil", "n/a", "na", "undefined", "inf", "infinity", "(null)", "<null>",
    "[null]", "\\n",
    "true", "false", "wahr", "falsch", "vrai", "faux", "verdadero", "falso", "vero",
))  # fmt: skip
_MONTH = (
    "jan|ene|gen|fev|feb|fév|mar|mär|mrz|mrt|abr|avr|apr|mai|may|mag|maj|mei|jun|juin|giu|jul|juil"
    "|lug|ago|aug|aoû|sep|sept|set|okt|oct|out|ott|nov|dez|dec|dic|déc"
)
_DAMAGED = tuple(
    (re.compile(pattern, re.IGNORECASE), clause)
    for pattern, clause in (
        (r"[='\u2018\u2019`].*", "begins as a spreadsheet's formula or text mark"),
        (r"#.*", "is a spreadsheet's error"),
        (r"Err:[0-9]{3}", "is a spreadsheet's error"),
        (
            r"[+-]?[0-9]+([.,][0-9]+)?E[+-][0-9]+|[+-]?[0-9]+[.,][0-9]+E[0-9]+",
            "was rounded to scientific notation by a spreadsheet",
        ),
        # A spreadsheet's numbers have 15 digits; with four zeros more it is hardly chance.
        (r"[1-9][0-9]{14}0{4,}", "was rounded by a spreadsheet"),
        (r"[0-9]+[.,]0+", "was made a number by a spreadsheet"),
        (r"[0-9]{1,3}([,.'\u2019 ][0-9]{3})+", "was made a number by a spreadsheet"),
        (
            rf"[0-9]{{1,2}}[-/. ]+({_MONTH})[a-zé]*\.?([-/. ]+[0-9]{{2,4}})?",
            "was made a date by a spreadsheet",
        ),
        (rf"({_MONTH})[a-zé]*\.?[-/. ]+[0-9]{{2,4}}", "was made a date by a spreadsheet"),
        (
            r"(19|20|21)[0-9]{2}([-/.])(0?[1-9]|1[0-2])\2(0?[1-9]|[12][0-9]|3[01])([T ][0-9:.]+)?",
            "was made a date by a spreadsheet",
        ),
        (
            r"[0-9]{1,2}([/.])[0-9]{1,2}\1(19|20|21)?[0-9]{2}( [0-9:]+)?",
            "was made a date by a spreadsheet",
        ),
        (r"[0-9]{1,2}/[0-9]{1,2}", "was made a date by a spreadsheet"),
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
