"""Homes of embedded databases that are made and migrated already, as after a first start: copies of
one that a test run makes. Making it, and importing what migrates, takes seconds."""

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from payviox import machine
from payviox.db import migrate
from payviox.db.embedded import embedded

MEMORY = Path("/dev/shm")  # a folder of one's own is made in it
ROOM = 4 * 2**30
"""What must be left for a server to live there, in bytes: containers often give next to nothing."""


@contextlib.contextmanager
def in_memory(otherwise: Path) -> Iterator[Path]:
    """A folder in memory, where there is room, to be gone afterwards: a database is a thousand
    files, whose making on a disk costs a kernel four times as much as in memory. What a test
    process left that was killed is removed by the next one.
    """
    if not os.access(MEMORY, os.W_OK) or _left() < ROOM:
        yield otherwise
        return
    with contextlib.ExitStack() as stack:
        with _locked(MEMORY):
            for left in MEMORY.glob("payviox-tests-*"):
                with contextlib.suppress(OSError), _locked(left, fcntl.LOCK_NB):
                    shutil.rmtree(left, ignore_errors=True)
            made = tempfile.TemporaryDirectory(
                dir=MEMORY, prefix="payviox-tests-", ignore_cleanup_errors=True
            )
            stack.enter_context(_locked(Path(made.name)))  # until it is gone
            folder = Path(stack.enter_context(made))
        folder.chmod(0o711)  # the server's user goes through it
        yield folder


def _left() -> int:
    """Bytes that files in memory may take. A folder may promise more than there is: half of what
    a container is given is for programs, and so is what others have taken."""
    meminfo = Path("/proc/meminfo").read_text()
    available = re.search(r"^MemAvailable:\s+(\d+) kB", meminfo, re.MULTILINE)
    return min(
        shutil.disk_usage(MEMORY).free,
        machine.memory_bytes() // 2,
        1024 * int(available[1]) if available else 0,
    )


@contextlib.contextmanager
def _locked(folder: Path, how: int = 0) -> Iterator[None]:
    """Nobody else has it. Raises BlockingIOError where somebody does and `how` is LOCK_NB."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | how)
        yield
    finally:
        os.close(descriptor)


def made(folder: Path) -> Path:
    """The home that copies are made of, in this folder of all test processes. It has no secret key,
    and nobody has asked yet whether it is where it was (db/origin.py): a copy is no restored one.
    """
    home = folder / "made"
    with (folder / "made.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not home.exists():
            unfinished = folder / "unfinished"
            with embedded(unfinished) as cluster:
                migrate.migrate(cluster.owner_url, cluster.application_url)
            unfinished.rename(home)
    return home


def copy(home: Path, to: Path) -> None:
    """Copy a home that nobody uses, with its files' owners."""
    subprocess.run(["cp", "-a", home, to], check=True)
