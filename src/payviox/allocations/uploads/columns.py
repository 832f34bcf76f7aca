"""Which column of a file holds what, by the names that people give them."""

import re
from collections.abc import Mapping, Sequence

from payviox.allocations.uploads.model import FIELDS, REQUIRED, Field
from payviox.tables.cells import FileRefused

SPELLINGS: Mapping[Field, tuple[str, ...]] = {
    "email": (
        "email",
        "e mail",
        "mail",
        "email address",
        "e mail address",
        "mail address",
        "recipient",
        "recipient email",
        "payee",
        "payee email",
        "user email",
        "customer email",
        "to",
    ),
    "amount": (
        "amount",
        "amount usd",
        "usd",
        "usd amount",
        "amount in usd",
        "amount in dollars",
        "dollars",
        "value",
        "payout",
        "payout amount",
        "payment",
        "payment amount",
        "reward",
        "reward amount",
        "sum",
    ),
    "reference": (
        "reference",
        "ref",
        "ref no",
        "reference id",
        "reference number",
        "external id",
        "external reference",
        "payment reference",
        "payment id",
        "your reference",
        "invoice",
        "invoice number",
    ),
    "note": ("note", "notes", "memo", "comment", "comments", "remark", "message", "description"),
}
"""As they are written without capitals and punctuation."""
_CENTS = re.compile(r"cents?|pennies", re.IGNORECASE)


def is_header(cells: Sequence[str]) -> bool:
    """Whether a first row names columns; one with an address in it is a payment already."""
    return not any("@" in text for text in cells)


def lettered(count: int) -> list[str]:
    """Names for columns that have none: `Column A`, as spreadsheets call them."""
    return [f"Column {_letters(number)}" for number in range(1, count + 1)]


def _letters(number: int) -> str:
    first, last = divmod(number - 1, 26)
    return (_letters(first) if first else "") + chr(ord("A") + last)


def recognise(header: Sequence[str]) -> tuple[dict[Field, int], bool]:
    """The columns that the header names, and whether that is all that is needed: each of them once,
    an email and an amount among them, and that in dollars."""
    named: dict[Field, int] = {}
    sure = True
    for index, title in enumerate(header):
        plain = re.sub(r"[^a-z0-9]+", " ", title.lower()).strip()
        for field in FIELDS:
            if plain in SPELLINGS[field]:
                sure = sure and field not in named
                named.setdefault(field, index)
    return named, sure and all(field in named for field in REQUIRED)


def check(columns: Mapping[Field, int], header: Sequence[str]) -> None:
    """Raises FileRefused where a person's choice of columns cannot be meant."""
    chosen = list(columns.values())
    if any(field not in columns for field in REQUIRED):
        raise FileRefused("Choose the columns of the email and of the amount.")
    if len(set(chosen)) < len(chosen) or any(not 0 <= index < len(header) for index in chosen):
        raise FileRefused("Choose another column for each.")
    title = header[columns["amount"]]
    if _CENTS.search(title):
        raise FileRefused(
            f"Amounts are read as dollars, and the column “{title}” says cents. Turn them into"
            " dollars in the file, then choose it again."
        )
