"""CSV files as tables: UTF-8 or UTF-16, separated by commas, semicolons or tabs."""

import csv
import io
import re
from collections.abc import Iterator
from typing import BinaryIO

from payviox.tables.cells import Cell, FileRefused, Table

DELIMITERS = ",;\t"
_SEPARATOR_LINE = re.compile(r"sep=([,;\t])\r?\n?", re.IGNORECASE)
_HEAD = 64 * 1024


def read_csv(file: BinaryIO) -> Table:
    """Raises FileRefused, also while the rows are read."""
    text = io.TextIOWrapper(file, _encoding(file), newline="")
    try:
        head = text.read(_HEAD)
    except UnicodeError as error:
        raise _not_utf8() from error
    if "\0" in head:
        raise FileRefused("This is no CSV file: it holds bytes that no text has.")
    first = _first_line(head)
    separator = _SEPARATOR_LINE.fullmatch(first)
    delimiter = separator[1] if separator else _delimiter(first)
    text.seek(0)
    return Table(_rows(text, delimiter, skip=separator is not None), commas=delimiter == ";")


def _encoding(file: BinaryIO) -> str:
    beginning = file.read(4)
    file.seek(0)
    if beginning[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if b"\0" in beginning:
        raise FileRefused(
            "This file looks like UTF-16 without its mark. Save it as CSV UTF-8, then choose it"
            " again."
        )
    return "utf-8-sig"


def _first_line(head: str) -> str:
    """The first line that is not empty."""
    return next((line for line in head.splitlines(keepends=True) if line.strip()), "")


def _delimiter(line: str) -> str:
    """What parts the header into the most columns; a comma where nothing does."""

    def columns(delimiter: str) -> int:
        return max((len(fields) for fields in csv.reader([line], delimiter=delimiter)), default=0)

    return max(DELIMITERS, key=columns)


def _rows(
    text: io.TextIOWrapper, delimiter: str, *, skip: bool
) -> Iterator[tuple[int, list[Cell]]]:
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    number = 0
    try:
        for fields in reader:
            number += 1
            if (skip and number == 1) or not any(field.strip() for field in fields):
                continue
            yield number, [Cell(field) for field in fields]
    except UnicodeError as error:
        raise _not_utf8(number + 1) from error
    except csv.Error as error:
        raise FileRefused(
            f"Row {number + 1} cannot be read as CSV; perhaps a quote is not closed. ({error})"
        ) from error


def _not_utf8(number: int | None = None) -> FileRefused:
    where = "This file" if number is None else f"From row {number} on this file"
    return FileRefused(f"{where} is not UTF-8. Save it as CSV UTF-8, then choose it again.")
