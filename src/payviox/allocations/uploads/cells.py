"""A table's cells as any kind of file holds them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["text", "number", "date", "formula", "error"]

MAX_CELL = 1_000
"""Characters of the longest cell."""


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
