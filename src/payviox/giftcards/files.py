"""Files of gift cards as they are sent to a page: CSV or Excel, bounded, read line by line."""

import asyncio
import io
import itertools
from contextlib import aclosing

import msgspec

from payviox.giftcards.csv_file import read_cards
from payviox.giftcards.model import BadLine, CardRow
from payviox.tables.cells import FileRefused
from payviox.tables.process import is_excel, read_frames

MAX_FILE = 5_000_000
"""Bytes of the largest file."""
MAX_LINES = 20_000
READER = "payviox.giftcards.excel_file"
TOO_MANY = f"The file has more than {MAX_LINES:,} lines. Split it."

_decode = msgspec.msgpack.Decoder(list[tuple[CardRow | None, BadLine | None]] | str).decode


async def read_lines(content: bytes) -> list[CardRow | BadLine]:
    """Every line, a card or what is wrong with it. Raises FileRefused and NoCardsError."""
    if not is_excel(content):
        return await asyncio.to_thread(_read_csv, content)
    lines: list[CardRow | BadLine] = []
    async with aclosing(read_frames(READER, "", content)) as frames:
        async for content_of_frame in frames:
            frame = _decode(content_of_frame)
            if isinstance(frame, str):
                raise FileRefused(frame)
            lines += [line for pair in frame for line in pair if line is not None]
            if len(lines) > MAX_LINES:
                raise FileRefused(TOO_MANY)
    return lines


def _read_csv(content: bytes) -> list[CardRow | BadLine]:
    lines = list(itertools.islice(read_cards(io.BytesIO(content)), MAX_LINES + 1))
    if len(lines) > MAX_LINES:
        raise FileRefused(TOO_MANY)
    return lines
