"""The process that reads one uploaded file, bounded in memory and time, with nothing of the
installation in its reach: `python -m payviox.allocations.uploads.reader COLUMNS < file`. It writes
frames of MessagePack, each after its length."""

import itertools
import sys
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from payviox.allocations.uploads import columns as naming
from payviox.allocations.uploads.model import (
    Chunk,
    Ended,
    Field,
    Frame,
    Opened,
    Unreadable,
)
from payviox.allocations.uploads.rows import Rows
from payviox.tables import process
from payviox.tables.cells import MAX_COLUMNS, MAX_ROWS, Cell, FileRefused, Table
from payviox.tables.csv_tables import read_csv
from payviox.tables.process import TOO_LARGE, is_excel

CHUNK = 1_000


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
    if not is_excel(beginning):
        return read_csv(file)
    from payviox.tables.excel_tables import read_excel  # noqa: PLC0415  # slow, rarely needed

    return read_excel(file)


def main() -> None:
    """Read standard input, with the columns that the first argument names as JSON, or `null`."""
    process.bound()
    chosen = msgspec.json.decode(sys.argv[1], type=dict[Field, int] | None)
    encode = msgspec.msgpack.Encoder().encode
    try:
        with open(0, "rb", closefd=False) as file:  # a file descriptor
            for frame in read(file, chosen):
                process.write(encode(frame))
    except FileRefused as error:
        process.write(encode(Unreadable(str(error))))
    except MemoryError:
        process.write(encode(Unreadable(TOO_LARGE)))


if __name__ == "__main__":
    main()
