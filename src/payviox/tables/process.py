"""A file that somebody sent is read in a process of its own, bounded in memory and time, with
nothing of the installation in its environment. It writes frames, each after its length."""

import asyncio
import logging
import os
import resource
import sys
import tempfile
from collections.abc import AsyncGenerator

from payviox.tables.cells import FileRefused

MEMORY = 1_000_000_000
CPU_S = 120
"""Bytes of address space and seconds of a core that a file may take."""
MOST_FRAME = 64 * 2**20
"""Bytes of a frame: some hundred rows, or a picture."""
FRAME_S = 120.0
"""A file whose next rows take longer is given up: they take a fraction of a second."""
ENVIRONMENT = {"PATH": os.defpath, "LANG": "C.UTF-8"}
"""Nothing of the installation's: no key, no database."""
TOO_LARGE = (
    "Reading this file takes more memory than such a file does. Save the sheet as CSV UTF-8."
)

ZIP, OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"

logger = logging.getLogger(__name__)


def is_excel(beginning: bytes) -> bool:
    """Whether a file that begins so is an Excel workbook. Raises FileRefused for an old one."""
    if beginning[:4] == OLD_EXCEL:
        raise FileRefused(
            "This is an old Excel file (.xls), or one with a password. Save it as .xlsx without a"
            " password, or as CSV UTF-8."
        )
    return beginning[:4] == ZIP


async def read_frames(module: str, argument: str, content: bytes) -> AsyncGenerator[bytes]:
    """What the module's process writes of a file, frame by frame. Raises FileRefused where it does
    not come to its end."""
    with tempfile.TemporaryFile() as file:
        await asyncio.to_thread(file.write, content)
        file.seek(0)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-m",
            module,
            argument,
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


async def _next(process: asyncio.subprocess.Process) -> bytes | None:
    """The next frame, None where the process has ended well. Raises FileRefused."""
    assert process.stdout is not None  # noqa: S101  # a pipe was asked for
    try:
        async with asyncio.timeout(FRAME_S):
            length = int.from_bytes(await process.stdout.readexactly(4), "big")
            if length > MOST_FRAME:
                logger.warning("the process that reads an uploaded file wrote %d bytes", length)
                raise FileRefused("This file cannot be read.")
            return await process.stdout.readexactly(length)
    except TimeoutError as error:
        raise FileRefused("Reading this file takes too long. Split it.") from error
    except asyncio.IncompleteReadError as error:
        status = await process.wait()
        if error.partial or status:
            logger.warning("the process that reads an uploaded file ended with %s", status)
            raise FileRefused("This file cannot be read.") from error
        return None


def bound() -> None:
    """Bound the process that reads."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))


def close_off() -> None:
    """From now on this process opens no file and no connection and starts no other; call it once
    everything is imported. The process has the installation's user, who may read its secrets."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))  # input, output and errors are open
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def write(frame: bytes) -> None:
    """Write a frame, as the process that reads."""
    sys.stdout.buffer.write(len(frame).to_bytes(4, "big") + frame)
    sys.stdout.buffer.flush()
