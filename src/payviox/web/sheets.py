"""Files that people open in spreadsheets: CSV and Excel of the same rows, a page of rows at a time,
so that memory does not grow with them. No text in them is a formula."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from litestar.response import Stream

from payviox import csv_text

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_ROWS = 25_000
"""Rows of one Excel file, which is whole before its first byte is sent: a few seconds' work. The
lists that offer it say how many it holds, and its last line says where
more are left out. A CSV file has all of them."""
CHUNK = 65_536

Row = Sequence[object]
Rows = AsyncIterator[Sequence[Row]]


def answer(name: str, header: Sequence[str], rows: Rows) -> Stream:
    """A download; its kind is what its name ends with."""
    if name.endswith(".xlsx"):
        content, media_type = _xlsx(header, rows), XLSX
    else:
        content, media_type = _csv(header, rows), CSV
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
    return Stream(content, media_type=media_type, headers=headers)


async def _bounded(rows: Rows) -> AsyncIterator[Sequence[Row]]:
    left = MOST_ROWS
    async for page in rows:
        yield page[:left]
        left -= len(page)
        if left <= 0:
            yield [[f"Only the first {MOST_ROWS:,} rows are in this file. The CSV has all."]]
            return


async def _csv(header: Sequence[str], rows: Rows) -> AsyncIterator[bytes]:
    yield csv_text.lines([header]).encode()
    async for page in rows:
        yield await asyncio.to_thread(_lines, page)  # others are served meanwhile


def _lines(page: Sequence[Row]) -> bytes:
    return csv_text.lines([[_text(cell) for cell in row] for row in page]).encode()


async def _xlsx(header: Sequence[str], rows: Rows) -> AsyncIterator[bytes]:
    """Written to a temporary file first: a workbook is a zip, which is whole at its end only."""
    import xlsxwriter  # type: ignore[import-untyped]  # noqa: PLC0415  # few files, no types

    with tempfile.TemporaryFile() as file:
        book = xlsxwriter.Workbook(
            file,
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        sheet = book.add_worksheet()
        bold = book.add_format({"bold": True})
        sheet.write_row(0, 0, header, bold)
        sheet.freeze_panes(1, 0)
        at = 1
        async for page in _bounded(rows):
            await asyncio.to_thread(_write, sheet, at, page)
            at += len(page)
        await asyncio.to_thread(book.close)
        file.seek(0)
        while chunk := file.read(CHUNK):
            yield chunk


def _write(sheet: Any, at: int, page: Sequence[Row]) -> None:
    for number, row in enumerate(page, at):
        for column, cell in enumerate(row):
            if isinstance(cell, int | Decimal):
                sheet.write_number(number, column, float(cell))
            elif cell is not None:
                sheet.write_string(number, column, str(_text(cell)))


def _text(cell: object) -> object:
    return cell.isoformat(timespec="seconds") if isinstance(cell, datetime) else cell
