"""A folder of this machine, or of a share, out of which a bank's own program takes files."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from payviox.bank.releasing.target import Listed, TransferError

P = ParamSpec("P")
T = TypeVar("T")


class Folder:
    """Implements releasing.target.Target and Reports."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def where(self) -> str:
        return str(self._path)

    async def size_of(self, name: str) -> int | None:
        def look() -> int | None:
            try:
                return (self._path / name).stat().st_size
            except FileNotFoundError:
                return None

        return await _done(look)

    async def put(self, name: str, content: bytes) -> None:
        await _done(self._put, name, content)

    async def rename(self, name: str, new_name: str) -> None:
        await _done(self._rename, name, new_name)

    async def list_files(self) -> list[Listed]:
        def read() -> list[Listed]:
            return [
                Listed(entry.name, entry.stat().st_size)
                for entry in sorted(os.scandir(self._path), key=lambda each: each.name)
                if entry.is_file(follow_symlinks=False) and not entry.name.startswith(".")
            ]

        return await _done(read)

    async def get(self, name: str, most: int) -> bytes:
        def read() -> bytes:
            with (self._path / name).open("rb") as file:
                return file.read(most + 1)

        return await _done(read)

    def _put(self, name: str, content: bytes) -> None:
        place = self._path / name
        with contextlib.suppress(FileNotFoundError):
            place.unlink()
        # Made here and by nobody else: what a link of that name leads to is not written to.
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def _rename(self, name: str, new_name: str) -> None:
        # One step: of a link and an unlink a bank could see both names, and be given both.
        if (self._path / new_name).exists():
            raise TransferError(f"There is a file {new_name} already.")
        os.rename(self._path / name, self._path / new_name)  # noqa: PTH104  # as the bank sees it
        descriptor = os.open(self._path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


async def _done(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return await asyncio.to_thread(work, *args, **kwargs)
    except OSError as error:
        raise TransferError(f"The folder: {error.strerror or error}") from error
