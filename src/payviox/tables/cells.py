"""A table's cells as any kind of file holds them, and the bounds of every file."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from payviox.errors import PayvioxError
from payviox.text import printable

Kind = Literal["text", "number", "date", "formula", "error"]

MAX_ROWS = 100_000
MAX_COLUMNS = 50
MAX_NAME = 200
"""Characters of the name by which a file is shown."""
MAX_CELL = 1_000
"""Characters of the longest cell."""


class FileRefused(PayvioxError):
    """The file as a whole cannot be used; the message is for whoever chose it."""

    status = 422


class Cell(NamedTuple):
    """A cell's text, and what its file says that it is."""

    text: str
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with their numbers in a spreadsheet, empty ones left out; `commas` says that commas
    stand for decimals where this was written, so that `1,234` may be read as two amounts."""

    rows: Iterator[tuple[int, list[Cell]]]
    sheet: str | None = None
    commas: bool = False


def name_of(file_name: str) -> str:
    """What a file that somebody sent is called on pages: its last part, where that can be shown."""
    try:
        return printable(file_name.replace("\\", "/").rpartition("/")[2], MAX_NAME)
    except ValueError:
        return "file"
