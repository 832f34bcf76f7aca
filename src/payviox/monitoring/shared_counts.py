"""The folder in which the web processes of one port keep what they count, so that each can show
what all have counted. Files bear a process's number, which the next one takes over: there are never
more files than there were processes at once, and counts go on."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from prometheus_client import values
from prometheus_client.multiprocess import mark_process_dead

MEMORY = Path("/dev/shm")  # noqa: S108  # a folder of our own is made in it
"""Where the folder is made, if it is there: a full disk would end the processes."""
PREFIX = "payviox-counts-"
YOUNG_S = 60.0
"""A younger folder is not locked yet."""


@contextmanager
def folder() -> Iterator[Path]:
    """A new folder, removed at the end of the block; those that killed processes left are, too."""
    within = MEMORY if os.access(MEMORY, os.W_OK) else Path(tempfile.gettempdir())
    for old in within.glob(f"{PREFIX}*"):
        _remove_left(old)
    made = Path(tempfile.mkdtemp(prefix=PREFIX, dir=within))
    lock = os.open(made, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(lock)


def remove(there: str | None) -> None:
    """Remove the folder of a parent that was killed; what counts there still, ends."""
    if there is not None:
        shutil.rmtree(there, ignore_errors=True)


def _remove_left(old: Path) -> None:
    with suppress(OSError):
        status = old.lstat()
        if status.st_uid != os.geteuid() or time.time() - status.st_mtime < YOUNG_S:
            return
        lock = os.open(old, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(old)
        finally:
            os.close(lock)


def join(there: Path, number: int) -> None:
    """Keep there, under this number, what this process counts from now on."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(there)
    values.ValueClass = values.MultiProcessValue(lambda: number)  # type: ignore[no-untyped-call]
    _pid_file(there, number).write_text(str(os.getpid()))


def forget(there: Path, number: int) -> None:
    """Leave out what was true of a process that has ended. Its counts stay."""
    _pid_file(there, number).unlink(missing_ok=True)
    mark_process_dead(number, str(there))  # type: ignore[no-untyped-call]


def pids(there: Path) -> dict[int, str]:
    """The ids of the processes there, by their numbers."""
    return {int(path.stem): path.read_text() for path in sorted(there.glob("*.pid"))}


def _pid_file(there: Path, number: int) -> Path:
    return there / f"{number}.pid"
