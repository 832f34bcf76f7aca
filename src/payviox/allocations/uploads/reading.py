"""Reading an uploaded file of payments, in a process of its own, frame by frame."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

import msgspec

from payviox.allocations.uploads.model import Ended, Field, Frame, Unreadable
from payviox.tables.cells import FileRefused
from payviox.tables.process import read_frames

READER = "payviox.allocations.uploads.reader"

_decode = msgspec.msgpack.Decoder(Frame).decode


async def read_file(content: bytes, columns: Mapping[Field, int] | None) -> AsyncGenerator[Frame]:
    """The file's head and its rows; only the head where its columns are not known. Raises
    FileRefused."""
    argument = msgspec.json.encode(columns).decode()
    async with aclosing(read_frames(READER, argument, content)) as frames:
        async for content_of_frame in frames:
            frame = _decode(content_of_frame)
            if isinstance(frame, Unreadable):
                raise FileRefused(frame.message)
            if isinstance(frame, Ended):
                return
            yield frame
