"""The process that reads one uploaded file, bounded in memory and time, with nothing of the
installation in its reach: `python -m payviox.allocations.uploads.reader COLUMNS < file`. It writes
frames of MessagePack, each after its length."""

import itertools
import resource
import sys
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from payviox.allocations.uploads import columns as naming
from payviox.allocations.uploads.cells import Cell, Table
from payviox.allocations.uploads.csv_tables import read_csv
from payviox.allocations.uploads.model import (
    MAX_COLUMNS,
    MAX_ROWS,
    Chunk,
    Ended,
    Field,
    FileRefused,
    Frame,
    Opened,
    Unreadable,
)
from payviox.allocations.uploads.rows import Rows

MEMORY = 1_000_000_000
CPU_S = 120
"""Bytes of address space and seconds of a core that a file may take."""
CHUNK = 1_000

ZIP, OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
TOO_LARGE = (
    "Reading this file takes more memory than a file of payments does. Save the sheet as CSV UTF-8."
)


def read(file: BinaryIO, chosen: dict[Field, int] | None) -> Iterator[Frame]:
    """The file's head, then its rows; without rows where a person has to choose the columns.
    Raises FileRefused."""
    table = _open(file)
    first = next(table.rows, None)
    if first is None:
        raise FileRefused("The file is empty.")
    number, cells = first
    texts = [cell.text.strip() for cell in cells]
    while texts and not texts[-1]:
        texts.pop()
    if len(texts) > MAX_COLUMNS:
        raise FileRefused(f"The file has more than {MAX_COLUMNS} columns.")
    rows = table.rows
    if naming.is_header(texts):
        header = texts
        guesses, sure = naming.recognise(header)
    else:
        header = naming.lettered(len(texts))
        at = next(index for index, text in enumerate(texts) if "@" in text)
        guesses, sure = {"email": at}, False
        rows = itertools.chain([(number, cells)], rows)
    columns = chosen if chosen is not None else (guesses if sure else None)
    yield Opened(header, table.sheet, columns, guesses)
    if columns is not None:
        naming.check(columns, header)
        yield from _chunks(rows, Rows(columns, len(header), commas=table.commas))
        yield Ended()


def _chunks(rows: Iterator[tuple[int, list[Cell]]], reader: Rows) -> Iterator[Chunk]:
    count = 0
    while batch := list(itertools.islice(rows, CHUNK)):
        count += len(batch)
        if count > MAX_ROWS:
            raise FileRefused(f"The file has more than {MAX_ROWS:,} rows. Split it.")
        yield Chunk([reader.read(number, cells) for number, cells in batch])
    if not count:
        raise FileRefused("The file names its columns and has no rows.")


def _open(file: BinaryIO) -> Table:
    beginning = file.read(4)
    file.seek(0)
    if beginning == OLD_EXCEL:
        raise FileRefused(
            "This is an old Excel file (.xls), or one with a password. Save it as .xlsx without a"
            " password, or as CSV UTF-8."
        )
    if beginning != ZIP:
        return read_csv(file)
    from payviox.allocations.uploads.excel_tables import read_excel  # noqa: PLC0415  # slow, rarely needed

    return read_excel(file)


def main() -> None:
    """Read standard input, with the columns that the first argument names as JSON, or `null`."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    chosen = msgspec.json.decode(sys.argv[1], type=dict[Field, int] | None)
    encode = msgspec.msgpack.Encoder().encode
    try:
        with open(0, "rb", closefd=False) as file:  # a file descriptor
            for frame in read(file, chosen):
                _write(encode(frame))
    except FileRefused as error:
        _write(encode(Unreadable(str(error))))
    except MemoryError:
        _write(encode(Unreadable(TOO_LARGE)))


def _write(frame: bytes) -> None:
    sys.stdout.buffer.write(len(frame).to_bytes(4, "big") + frame)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
