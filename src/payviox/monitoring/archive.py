"""Whether what is committed is archived where it should be: by the embedded server's slot, or by
the archive_command of a server of the operator's own; and whether the folder of backups is there,
whole and not full."""

import asyncio
import shutil
import threading
import time
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from payviox.db.embedded import archive, backup_folder
from payviox.db.embedded.backup import BackupError
from payviox.db.embedded.errors import EmbeddedError
from payviox.db.embedded.layout import Layout
from payviox.db.pool import Connection
from payviox.monitoring.queries import archive as queries

BEHIND_BYTES = 2**30
"""WAL that waits for the archive: beyond this it is said."""
OLD_S = 8 * 86_400.0
"""A newest base backup that is older is said: a restore would replay all WAL since."""

HOLDS_S = 10.0
"""For so long a look at the folder holds, whoever asks."""
ANSWERS_WITHIN_S = 0.5
"""A folder that takes longer, as of a server that is away, counts as out of reach."""
COMMAND_WAITS_S = 10.0
"""As long for a command, which looks once."""


class State(msgspec.Struct, frozen=True):
    """`behind_bytes` is the WAL that the archive lacks, None where no slot archives; it `is_lost`
    where the server could not keep it any longer."""

    behind_bytes: int | None
    is_written: bool
    is_lost: bool
    command_fails: bool


class Place(msgspec.Struct, frozen=True):
    """Where the embedded server's backups are: since when there is the newest, in seconds, the
    bytes that are free there (None: the folder is out of reach), and what is wrong with what is
    there (None: nothing)."""

    backup_age_s: float | None
    free_bytes: int | None
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
    """Look at the folder; None where nothing is archived. It may be another machine's, so that
    this may take any time."""
    try:
        current = archive.read(Layout(home))
        if current is None:
            return None
        free = shutil.disk_usage(current.folder).free
        backups = backup_folder.find(current.folder)
        wrong = backup_folder.trouble(current.folder, current)
        size = backups[-1].size if backups else 0
    except (EmbeddedError, BackupError) as error:
        return Place(None, None, str(error).rstrip("."))
    except OSError as error:
        return Place(None, None, f"the folder of backups is out of reach: {error}")
    age_s = (datetime.now(UTC) - backups[-1].ended_at).total_seconds() if backups else None
    if wrong is None and free < size:
        wrong = f"{current.folder} has {free / 1e9:,.1f} GB free: too little for another backup"
    if wrong is None and age_s is not None and age_s > OLD_S:
        wrong = f"the newest base backup in {current.folder} is {age_s / 86_400:.0f} days old"
    return Place(age_s, free, wrong)


class FolderWatch:
    """What one process saw last in its folder of backups. One look at a time, beside everything
    else, however long it takes; a process may end meanwhile."""

    def __init__(self) -> None:
        self._looking: asyncio.Future[Place | None] | None = None
        self._since = -HOLDS_S

    async def place(self, home: Path, within_s: float | None = None) -> Place | None:
        """As `place`, not older than `HOLDS_S`. It has so many seconds, else `ANSWERS_WITHIN_S`."""
        now = time.monotonic()
        if self._looking is None or (self._looking.done() and now >= self._since + HOLDS_S):
            self._since = now
            self._looking = asyncio.wrap_future(_look_aside(home))
        within_s = ANSWERS_WITHIN_S if within_s is None else within_s
        await asyncio.wait([self._looking], timeout=max(0, self._since + within_s - now))
        if not self._looking.done():
            return Place(None, None, "the folder of backups does not answer")
        return self._looking.result()


def _look_aside(home: Path) -> Future[Place | None]:
    """Look in a thread that nobody waits for, as asyncio does for its own when it ends."""
    answer = Future[Place | None]()

    def look() -> None:
        try:
            answer.set_result(place(home))
        except Exception as error:  # noqa: BLE001  # raised where it is asked for
            answer.set_exception(error)

    threading.Thread(target=look, daemon=True).start()
    return answer


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
