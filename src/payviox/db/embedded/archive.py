"""The continuous archive of the embedded server: while the server runs its keeper runs
pg_receivewal, which writes WAL into a folder as it is made. A replication slot keeps the server
from dropping WAL that is not there yet. Light: the keeper imports no psycopg."""

import json
import logging
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from payviox.db.embedded import server
from payviox.db.embedded.errors import EmbeddedError
from payviox.db.embedded.layout import Layout, Secrets, write_private
from payviox.db.embedded.processes import die_with
from payviox.db.embedded.wal import PARTIAL, SEGMENT_BYTES

SLOT = "payviox_archive"
"""The slot's name, and that of the connection which takes WAL from it."""

LOOK_S = 1.0
"""How often the keeper looks whether the archive is written."""
LOG_BYTES = 2**20

_log = logging.getLogger("payviox.keeper")


@dataclass(frozen=True, slots=True)
class Archive:
    """Whose WAL goes where: `wal` is a folder within the backups' `folder`."""

    folder: Path
    wal: str
    cluster: str
    """The server's name by `Layout.cluster_name`, which a copied home does not have."""


def read(layout: Layout) -> Archive | None:
    """What is archived; None where nothing is. Raises EmbeddedError."""
    try:
        fields = json.loads(layout.archive.read_text("utf-8"))
        return Archive(Path(fields["folder"]), fields["wal"], fields["cluster"])
    except FileNotFoundError:
        return None
    except (OSError, LookupError, TypeError, ValueError) as error:
        raise EmbeddedError(
            f"Cannot read {layout.archive}. Make a new backup with `payviox database backup`."
        ) from error


def write(layout: Layout, archive: Archive) -> None:
    """Have the keeper archive there from now on."""
    fields = {"folder": str(archive.folder), "wal": archive.wal, "cluster": archive.cluster}
    write_private(layout.archive, json.dumps(fields))


def complaint(layout: Layout) -> str:
    """The last thing that pg_receivewal said; empty where it said nothing."""
    try:
        lines = layout.archive_log.read_text("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""


class Archiver:
    """The keeper's part: keeps one pg_receivewal running while there is something to archive."""

    def __init__(self, layout: Layout, programs: Path, secrets: Secrets) -> None:
        self._layout = layout
        self._programs = programs
        self._secrets = secrets
        self._process: subprocess.Popen[bytes] | None = None
        self._archive: Archive | None = None
        self._next_look = 0.0

    def look(self) -> None:
        """Start what should run and does not, and stop what should not."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_S
        try:
            archive = self._wanted()
            if archive != self._archive or archive is None:
                self.stop()
            if archive is not None and not self.is_running():
                self._start(archive)
        except (EmbeddedError, OSError) as error:
            _log.warning("WAL is not archived: %s", error)

    def is_running(self) -> bool:
        """Whether pg_receivewal runs. It ends with the server, once it has everything."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End it at once: what it has not written the slot keeps."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = self._archive = None

    def _wanted(self) -> Archive | None:
        archive = read(self._layout)
        if archive is None or archive.cluster != self._layout.cluster_name(self._secrets.name):
            return None  # a copied home must not write into the original's archive
        return archive

    def _start(self, archive: Archive) -> None:
        _remove_unfinished(archive.folder / archive.wal)
        log = self._layout.archive_log
        size = log.stat().st_size if log.exists() else 0
        with log.open("wb" if size > LOG_BYTES else "ab") as output:
            self._process = subprocess.Popen(  # noqa: S603  # the wheel's own program
                [
                    self._programs / "pg_receivewal",
                    f"--directory={archive.folder / archive.wal}",
                    f"--slot={SLOT}",
                    f"--host={self._layout.socket_folder()}",
                    "--port=5432",
                    f"--username={server.ADMIN}",
                    "--status-interval=1",
                    "--no-loop",
                    "--no-password",
                ],
                cwd="/",
                env={
                    "PATH": "/usr/local/bin:/usr/bin:/bin",
                    "LC_ALL": "C",
                    "TZ": "UTC",
                    "PGPASSWORD": self._secrets.admin,
                    "PGAPPNAME": SLOT,
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=die_with(os.getpid()),  # noqa: PLW1509  # the keeper has one thread
            )
        self._archive = archive


def _remove_unfinished(folder: Path) -> None:
    """Remove a segment that pg_receivewal was killed over before it had its whole length: it would
    refuse to go on with it. The slot keeps what it held."""
    for partial in folder.glob(f"*{PARTIAL}"):
        if partial.stat().st_size not in (0, SEGMENT_BYTES):
            partial.unlink()
