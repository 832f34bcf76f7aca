"""Excel workbooks as tables: their first sheet, row by row, in bounded memory. Runs in a process of
its own alone (process.py): openpyxl is slow to import, and a row is as large as its file says."""

import os
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, BinaryIO, cast

os.environ["OPENPYXL_LXML"] = "False"  # files of strangers are read through defusedxml

import openpyxl  # type: ignore[import-untyped]  # no stubs of its own

from payviox.tables.cells import MAX_COLUMNS, MAX_ROWS, Cell, FileRefused, Kind, Table

MAX_ENTRIES = 2_000
MAX_SHEET = 80_000_000
MAX_STRINGS = 40_000_000
MAX_PART = 5_000_000
"""Unzipped bytes of a sheet, of the shared strings and of every other part that is read."""

NO_WORKBOOK = "This is no Excel workbook that can be read. Save it as .xlsx or as CSV UTF-8."


def read_excel(file: BinaryIO) -> Table:
    """Raises FileRefused, also while the rows are read."""
    if not openpyxl.DEFUSEDXML or openpyxl.LXML:
        raise RuntimeError("openpyxl does not read through defusedxml")
    _check_sizes(file)
    try:
        workbook = openpyxl.load_workbook(file, read_only=True, data_only=False, keep_links=False)
        sheets = workbook.worksheets
    except Exception as error:  # openpyxl raises whatever a broken part makes it stumble over
        raise FileRefused(NO_WORKBOOK) from error
    if not sheets:
        raise FileRefused("This workbook has no sheet with cells.")
    sheet = sheets[0]
    title = sheet.title if len(sheets) == 1 else f"{sheet.title} (the first of {len(sheets)})"
    return Table(_rows(sheet), sheet=title)


def _check_sizes(file: BinaryIO) -> None:
    """Unzipping stops at the sizes that the file names, so they can be relied on."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise FileRefused(NO_WORKBOOK) from error
    names = {entry.filename for entry in entries}
    if "[Content_Types].xml" not in names:
        raise FileRefused(NO_WORKBOOK)
    if len(entries) > MAX_ENTRIES or len(names) < len(entries):
        raise FileRefused(NO_WORKBOOK)
    for entry in entries:
        if entry.flag_bits & 1:
            raise FileRefused("This workbook is protected by a password. Save it without.")
        if entry.filename.endswith((".xml", ".rels")) and entry.file_size > _most(entry.filename):
            raise FileRefused(
                "This workbook is too large when it is unpacked. Delete what is no payment, or save"
                " the sheet as CSV UTF-8."
            )
    file.seek(0)


def _most(name: str) -> int:
    if name.startswith("xl/worksheets/"):
        return MAX_SHEET
    return MAX_STRINGS if name.startswith("xl/sharedStrings") else MAX_PART


def _rows(sheet: Any) -> Iterator[tuple[int, list[Cell]]]:
    sheet.reset_dimensions()  # what the file says of its size is only a hint
    number = 0
    try:
        for row in sheet.iter_rows():
            number += 1
            _check_bounds(number, row)
            cells = [_cell(cell) for cell in row[:MAX_COLUMNS]]
            if any(cell.text.strip() for cell in cells):
                yield number, cells
    except (FileRefused, MemoryError):
        raise
    except Exception as error:  # as above
        raise FileRefused(f"Row {number + 1} of the workbook cannot be read.") from error


def _check_bounds(number: int, row: Sequence[Any]) -> None:
    if number > MAX_ROWS + 2:
        raise FileRefused(
            f"The sheet goes on below row {MAX_ROWS + 1:,}. Delete the rows at its end, also those"
            " that only look empty, or split the file."
        )
    if len(row) > MAX_COLUMNS and any(cell.value is not None for cell in row[MAX_COLUMNS:]):
        raise FileRefused(f"Row {number} has more than {MAX_COLUMNS} columns.")


def _cell(cell: Any) -> Cell:
    value = cell.value
    if value is None:
        return Cell("")
    kind = {"f": "formula", "e": "error"}.get(cell.data_type)
    if kind is not None:
        return Cell(value if isinstance(value, str) else "=", cast("Kind", kind))
    if isinstance(value, datetime | date | time | timedelta):
        return Cell(str(value), "date")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Cell(_number(value, cell.number_format), "number")
    return Cell(str(value))


def _number(value: float, number_format: str) -> str:
    """A number as it was typed. Where the format is zeros alone, people see leading ones."""
    exact = Decimal(str(value))
    if exact == exact.to_integral_value():
        digits = str(int(exact))
        return digits.zfill(len(number_format)) if not number_format.strip("0") else digits
    return format(exact, "f")
