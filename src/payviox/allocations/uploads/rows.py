"""A row's cells as a payment, with everything that is wrong with it."""

import hashlib
import re
from collections.abc import Mapping, Sequence

from payviox.allocations.uploads.amounts import Style, read_amount, read_number
from payviox.allocations.uploads.model import Field, ReadRow
from payviox.money import InvalidAmount
from payviox.payout_users.email import InvalidEmail, canonical
from payviox.tables.cells import MAX_CELL, Cell, FileRefused
from payviox.text import MAX_NOTE, composed

MAX_REFERENCE = 255
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_MONTH = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_SCIENTIFIC = re.compile(r"[0-9](?:[.,][0-9]+)?E[+-]?[0-9]+", re.IGNORECASE)
_DATE = re.compile(rf"[0-9]{{1,2}}-(?:{_MONTH})|(?:{_MONTH})-[0-9]{{2}}", re.IGNORECASE)
_EXACT_DIGITS = 15
"""Excel keeps so many digits of a number and makes the rest zeros."""


class _Wrong(Exception):
    """What is wrong with a cell, as the rest of a sentence that begins with its name."""


class Rows:
    """Reads row after row, and remembers what it has seen."""

    def __init__(self, columns: Mapping[Field, int], width: int, *, commas: bool) -> None:
        self._columns = columns
        self._width = width
        self._commas = commas
        self._styles: dict[Style, int] = {}
        self._occurrences: dict[bytes, int] = {}
        self._first: dict[bytes, int] = {}

    def read(self, number: int, cells: Sequence[Cell]) -> ReadRow:
        """Raises FileRefused where two rows write amounts in two ways."""
        row = ReadRow(number, [_UNSEEN.sub("", cell.text)[:MAX_CELL] for cell in cells])
        wrong: list[str] = []
        if any(cell.text.strip() for cell in cells[self._width :]):
            wrong.append(
                "There are more cells than columns; perhaps an amount with a comma is not quoted."
            )
        for field, read in (
            ("email", self._email),
            ("amount", self._amount),
            ("reference", self._reference),
            ("note", self._note),
        ):
            index = self._columns.get(field)  # type: ignore[call-overload]  # one of the fields
            if index is None:
                continue
            cell = cells[index] if index < len(cells) else Cell("")
            try:
                setattr(row, field, read(_sound(cell), number))
            except _Wrong as error:
                wrong.append(f"The {field} {error}")
        if wrong:
            row.problem = " ".join(wrong)
        else:
            self._remember(row)
        return row

    def _email(self, cell: Cell, _: int) -> str:
        try:
            return canonical(cell.text.strip())
        except InvalidEmail as error:
            if not cell.text.strip():
                raise _Wrong("is missing.") from error
            raise _Wrong(error.in_full.removeprefix("The email ")) from error

    def _amount(self, cell: Cell, number: int) -> int:
        _refuse_date(cell)
        try:
            if cell.kind == "number":
                return read_number(cell.text)
            amount = read_amount(cell.text, commas=self._commas)
        except InvalidAmount as error:
            raise _Wrong(str(error)) from error
        if amount.style is not None:
            self._styles.setdefault(amount.style, number)
            if len(self._styles) > 1:
                raise FileRefused(
                    f"Row {self._styles['comma']} writes an amount with a decimal comma, row"
                    f" {self._styles['point']} with a decimal point. Write all of them in one way."
                )
        return amount.cents

    def _reference(self, cell: Cell, _: int) -> str | None:
        _refuse_date(cell)
        text = cell.text.strip()
        if cell.kind == "number" and len(text.lstrip("0")) > _EXACT_DIGITS:
            raise _Wrong("is longer than a spreadsheet keeps numbers: make it text.")
        if _SCIENTIFIC.fullmatch(text):
            raise _Wrong("was made a number by a spreadsheet: make it text.")
        if _DATE.fullmatch(text):
            raise _Wrong("was made a date by a spreadsheet: make it text.")
        reference = _printable(text, MAX_REFERENCE)
        return None if reference is None else composed(reference)

    def _note(self, cell: Cell, _: int) -> str | None:
        return _printable(" ".join(cell.text.split()), MAX_NOTE)

    def _remember(self, row: ReadRow) -> None:
        """A row is known again by whom it pays, how much and under which reference, and by how
        often the file has said so before."""
        fingerprint = _digest(row.email, str(row.amount), row.reference)
        row.fingerprint = fingerprint.hex()
        row.occurrence = self._occurrences.get(fingerprint, 0) + 1
        self._occurrences[fingerprint] = row.occurrence
        same = fingerprint if row.reference is None else _digest(row.email, None, row.reference)
        first = self._first.setdefault(same, row.number)
        row.repeats = first if first != row.number else None


def _sound(cell: Cell) -> Cell:
    if cell.kind == "formula":
        raise _Wrong("is a formula: put its value in its place.")
    if cell.kind == "error":
        raise _Wrong(f"is the spreadsheet's error {cell.text}.")
    if len(cell.text) > MAX_CELL:
        raise _Wrong(f"is longer than {MAX_CELL:,} characters.")
    return cell


def _refuse_date(cell: Cell) -> None:
    if cell.kind == "date":
        raise _Wrong("was made a date by the spreadsheet: make it text.")


def _printable(text: str, most: int) -> str | None:
    if not text:
        return None
    if len(text) > most:
        raise _Wrong(f"is longer than {most} characters.")
    if not text.isprintable():
        raise _Wrong("holds characters that cannot be printed.")
    return text


def _digest(*parts: str | None) -> bytes:
    """Of parts that hold no line end."""
    known = "\n".join("-" if part is None else f"={part}" for part in parts)
    return hashlib.sha256(known.encode()).digest()
