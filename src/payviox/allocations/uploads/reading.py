"""Reading an uploaded file in a process of its own, frame by frame."""

import asyncio
import logging
import os
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping

import msgspec

from payviox.allocations.uploads.model import Ended, Field, FileRefused, Frame, Unreadable

FRAME_S = 120.0
"""A file whose next thousand rows take longer is given up: they take a fraction of a second."""
ENVIRONMENT = {"PATH": os.defpath, "LANG": "C.UTF-8"}
"""Nothing of the installation's: no key, no database."""

logger = logging.getLogger(__name__)

_decode = msgspec.msgpack.Decoder(Frame).decode


async def read_file(content: bytes, columns: Mapping[Field, int] | None) -> AsyncGenerator[Frame]:
    """The file's head and its rows; only the head where its columns are not known. Raises
    FileRefused."""
    with tempfile.TemporaryFile() as file:
        await asyncio.to_thread(file.write, content)
        file.seek(0)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-m",
            "payviox.allocations.uploads.reader",
            msgspec.json.encode(columns).decode(),
            stdin=file,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=ENVIRONMENT,
        )
        try:
            while (frame := await _next(process)) is not None:
                yield frame
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _next(process: asyncio.subprocess.Process) -> Frame | None:
    """The next frame, None where the file has ended. Raises FileRefused."""
    assert process.stdout is not None  # noqa: S101  # a pipe was asked for
    try:
        async with asyncio.timeout(FRAME_S):
            length = await process.stdout.readexactly(4)
            frame = _decode(await process.stdout.readexactly(int.from_bytes(length, "big")))
    except TimeoutError as error:
        raise FileRefused("Reading this file takes too long. Split it.") from error
    except asyncio.IncompleteReadError as error:
        status = await process.wait()
        if error.partial or status:
            logger.warning("the process that reads an uploaded file ended with %s", status)
            raise FileRefused("This file cannot be read.") from error
        return None
    if isinstance(frame, Unreadable):
        raise FileRefused(frame.message)
    return None if isinstance(frame, Ended) else frame
