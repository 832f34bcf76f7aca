"""Homes of embedded databases that are made and migrated already, as after a first start: copies of
one that a test run makes. Making it, and importing what migrates, takes seconds."""

import fcntl
import subprocess
from pathlib import Path

from payviox.db import migrate
from payviox.db.embedded import embedded


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
