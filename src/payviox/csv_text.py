"""Lines of CSV files that people open in spreadsheets: every text is quoted, none is a formula."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a cell begins that a spreadsheet calculates (OWASP, CSV injection), the full-width forms
among them."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def lines(rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV, each ended by CR LF. Numbers stand bare, None is an empty cell; texts are
    quoted, since a spreadsheet may split at another character than the comma."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_NONNUMERIC).writerows(map(_cells, rows))
    return text.getvalue()


def _cells(row: Sequence[object]) -> list[object]:
    return [_harmless(cell) if isinstance(cell, str) else cell for cell in row]


def _harmless(text: str) -> str:
    """The text without control characters, and with an apostrophe before what would be a formula,
    also after blanks and format characters, which some programs cut, and in whichever form."""
    text = _CONTROL.sub("", text)
    forms = (text, text.lstrip(), _seen(text).lstrip())
    starts = any(form.startswith(FORMULA) for form in forms)
    return f"'{text}" if starts else text


def _seen(text: str) -> str:
    """The text as it looks: compatibility forms folded, without format characters."""
    if text.isascii():
        return text
    folded = unicodedata.normalize("NFKC", text)
    return "".join(c for c in folded if unicodedata.category(c) != "Cf")
