"""Whether what is committed is archived where it should be: by the embedded server's slot, or by
the archive_command of a server of the operator's own."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from payviox.db.embedded import archive, base_backup
from payviox.db.embedded.backup import BackupError
from payviox.db.embedded.errors import EmbeddedError
from payviox.db.embedded.layout import Layout
from payviox.db.pool import Connection
from payviox.monitoring.queries import archive as queries

BEHIND_BYTES = 2**30
"""WAL that waits for the archive: beyond this it is said."""


class State(msgspec.Struct, frozen=True):
    """`behind_bytes` is the WAL that the archive lacks, None where no slot archives; it `is_lost`
    where the server could not keep it any longer."""

    behind_bytes: int | None
    is_written: bool
    is_lost: bool
    command_fails: bool


class Place(msgspec.Struct, frozen=True):
    """Where the embedded server's backups are: since when there is the newest, in seconds, the
    bytes that are free there, and what is wrong with what is there (None: nothing)."""

    backup_age_s: float | None
    free_bytes: int
    wrong: str | None


async def state(connection: Connection) -> State:
    """How the archive is doing; where nothing is archived nothing is wrong."""
    row = await queries.read(connection)
    return State(
        row.behind_bytes,
        is_written=bool(row.active),
        is_lost=row.slot == "lost",
        command_fails=row.command_fails,
    )


def place(home: Path) -> Place | None:
    """None where nothing is archived, or its folder is out of reach."""
    try:
        current = archive.read(Layout(home))
        if current is None:
            return None
        backups = base_backup.find(current.folder)
        wrong = base_backup.trouble(current.folder, current)
        free = shutil.disk_usage(current.folder).free
    except (EmbeddedError, BackupError, OSError):
        return None
    age = datetime.now(UTC) - backups[-1].ended_at if backups else None
    return Place(age.total_seconds() if age else None, free, wrong)


def complaint(state: State, place: Place | None = None) -> str | None:
    """What is wrong, in a sentence; None where nothing is. `place` is where WAL should be archived,
    where that was looked at."""
    if state.is_lost:
        return "WAL was lost before it was archived: make a new `payviox database backup`"
    if state.behind_bytes is not None and not state.is_written:
        return "what is committed is not archived: see `payviox database show`"
    if (state.behind_bytes or 0) > BEHIND_BYTES:
        return f"the archive is {state.behind_bytes or 0:,} bytes behind"
    if state.command_fails:
        return "the server's archive_command fails: see the server's log"
    if place is not None and state.behind_bytes is None:
        return "what is committed is not archived: make a new `payviox database backup`"
    return place.wrong if place else None
