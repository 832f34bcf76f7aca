"""Reading an uploaded file in a process of its own, frame by frame."""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping

import msgspec

from payviox.allocations.uploads.model import Ended, Field, FileRefused, Frame, Unreadable

READ_S = 240.0
"""A file that takes longer is given up; a large one takes a few seconds."""
ENVIRONMENT = {"PATH": os.defpath, "LANG": "C.UTF-8"}
"""Nothing of the installation's: no key, no database."""

_decode = msgspec.msgpack.Decoder(Frame).decode


async def read_file(content: bytes, columns: Mapping[Field, int] | None) -> AsyncIterator[Frame]:
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
            async with asyncio.timeout(READ_S):
                async for frame in _frames(process):
                    yield frame
        except TimeoutError as error:
            raise FileRefused("Reading this file takes too long. Split it.") from error
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _frames(process: asyncio.subprocess.Process) -> AsyncIterator[Frame]:
    assert process.stdout is not None  # noqa: S101  # a pipe was asked for
    while True:
        try:
            length = await process.stdout.readexactly(4)
            frame = _decode(await process.stdout.readexactly(int.from_bytes(length, "big")))
        except asyncio.IncompleteReadError as error:
            if error.partial or await process.wait():
                raise FileRefused("This file cannot be read.") from error
            return
        if isinstance(frame, Unreadable):
            raise FileRefused(frame.message)
        if isinstance(frame, Ended):
            return
        yield frame
