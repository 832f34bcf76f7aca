"""The process that reads one Excel file of gift cards: `python -m payviox.giftcards.excel_file <
file`. What a spreadsheet may have made of a code is refused: a number has lost its zeros."""

from collections.abc import Iterator, Sequence
from typing import BinaryIO

import msgspec

from payviox.giftcards.csv_file import BadCardError, NoCardsError, name_columns, read_card
from payviox.giftcards.model import BadLine, CardRow
from payviox.tables import process
from payviox.tables.cells import Cell, FileRefused
from payviox.tables.excel_tables import read_excel

SECRET = ("code", "pin")
Line = tuple[CardRow | None, BadLine | None]
Frame = list[Line] | str
"""Some lines, or why the file is refused."""
CHUNK = 500


def read_cards(file: BinaryIO) -> Iterator[CardRow | BadLine]:
    """Every row of the first sheet after its header, a card or what is wrong with it. Raises
    FileRefused and NoCardsError."""
    columns: list[str] | None = None
    for number, cells in read_excel(file).rows:
        if columns is None:
            columns = name_columns(_texts(cells))
            continue
        try:
            yield read_card(number, columns, _fields(columns, cells))
        except BadCardError as error:
            yield BadLine(number, str(error))
    if columns is None:
        raise NoCardsError("The file is empty: its first row must name the columns.")


def _texts(cells: Sequence[Cell]) -> list[str]:
    """The cells' texts without the empty ones at the end."""
    texts = [cell.text for cell in cells]
    while texts and not texts[-1].strip():
        texts.pop()
    return texts


def _fields(columns: Sequence[str], cells: Sequence[Cell]) -> list[str]:
    """A row as a line of a CSV file has it. Raises BadCardError."""
    fields = [_text(name, cell) for name, cell in zip(columns, cells, strict=False)]
    missing = [""] * (len(columns) - len(fields))
    return [*fields, *missing, *_texts(cells)[len(columns) :]]


def _text(name: str, cell: Cell) -> str:
    if not name:
        return cell.text
    if cell.kind in ("formula", "error"):
        raise BadCardError(f"the {name} is a spreadsheet's {cell.kind}")
    if name in SECRET and cell.kind != "text":
        raise BadCardError(
            f"the {name} is a {cell.kind} in this spreadsheet and may have lost digits: make the"
            " column text"
        )
    if cell.kind == "date":
        return cell.text[:10] if name == "expiry" else cell.text
    return cell.text


def main() -> None:
    """Read standard input, and write what it holds."""
    process.bound()
    encode = msgspec.msgpack.Encoder().encode
    try:
        with open(0, "rb", closefd=False) as file:  # a file descriptor
            chunk: list[Line] = []
            for line in read_cards(file):
                chunk.append((line, None) if isinstance(line, CardRow) else (None, line))
                if len(chunk) == CHUNK:
                    process.write(encode(chunk))
                    chunk = []
            process.write(encode(chunk))
    except (FileRefused, NoCardsError) as error:
        process.write(encode(str(error)))
    except MemoryError:
        process.write(encode(process.TOO_LARGE))


if __name__ == "__main__":
    main()
