"""Files of WAL: their names, and where what they hold ends."""

import re
import struct
from collections.abc import Sequence
from pathlib import Path

SEGMENT_BYTES = 16 * 2**20
SEGMENT = re.compile(r"[0-9A-F]{24}", re.ASCII)
PARTIAL = ".partial"
"""What the name of the file ends with that is being written; the rest of it is zeros."""

_PAGE = 8192
_PAGE_HEADER, _FIRST_PAGE_HEADER = 24, 40
_SHORTEST_RECORD, _LONGEST_RECORD = 24, 1020 * 2**20


def number(segment: str) -> int:
    """Which file it is of those of its timeline, from 0."""
    return int(segment[8:16], 16) * (2**32 // SEGMENT_BYTES) + int(segment[16:24], 16)


def end(files: Sequence[Path]) -> int:
    """The position after the last byte that is no zero; 0 where all are."""
    for file in reversed(files):
        if content := _content(file).rstrip(b"\0"):
            return number(file.name) * SEGMENT_BYTES + len(content)
    return 0


def record_end(files: Sequence[Path], position: int) -> int:
    """Where the record at this position would end, were it whole. What has no length that a record
    can have ends where it begins."""
    begin = _after_header(position)
    first = number(files[0].name)
    index, offset = begin // SEGMENT_BYTES - first, begin % SEGMENT_BYTES
    field = _content(files[index])[offset : offset + 4] if 0 <= index < len(files) else b""
    left = struct.unpack("<I", field)[0] if len(field) == 4 else 0
    if not _SHORTEST_RECORD <= left <= _LONGEST_RECORD:
        return begin
    while left > (room := _PAGE - begin % _PAGE):
        left -= room
        begin = _after_header(begin + room)
    return begin + int(left)


def _after_header(position: int) -> int:
    if position % SEGMENT_BYTES == 0:
        return position + _FIRST_PAGE_HEADER
    return position + (_PAGE_HEADER if position % _PAGE == 0 else 0)


def _content(file: Path) -> bytes:
    """Of a file that may have become whole since it was listed."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return file.with_name(file.name.removesuffix(PARTIAL)).read_bytes()
