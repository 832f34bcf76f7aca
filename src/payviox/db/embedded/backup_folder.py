"""A folder of base backups and of the WAL that continues them: whose it is, what is in it, and
whether that is whole.

    payviox-backups.json      whose they are: one folder is one server's
    base/20261129T070000Z/    what pg_basebackup wrote, with its manifest, and backup.json
    wal-20261129T070000Z/     WAL without a gap, as the keeper archives it
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from payviox.db.embedded import archive, wal
from payviox.db.embedded.archive import Archive
from payviox.db.embedded.backup import BackupError
from payviox.db.embedded.layout import Layout, try_lock, write_private
from payviox.errors import Conflict

BASE = "base"
MARK = "payviox-backups.json"
INFO = "backup.json"

_NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z", re.ASCII)
_DRAFT = re.compile(rf"\.{_NAME.pattern}\.part", re.ASCII)
_WAL = re.compile(rf"wal-{_NAME.pattern}", re.ASCII)


@dataclass(frozen=True, slots=True)
class BaseBackup:
    """One base backup. It is consistent from `ended_at` on, by the server's clock."""

    folder: Path
    started_at: datetime
    ended_at: datetime
    schema: str
    key_ids: frozenset[str]
    """The secret keys that the database was written with."""
    wal: str
    """The folder, beside `base`, of the WAL that continues it."""
    first_segment: str
    """The first WAL file that is needed."""
    data_bytes: int
    """What it is unpacked."""

    @property
    def size(self) -> int:
        """Bytes in its folder."""
        return sum(file.stat().st_size for file in self.folder.iterdir())


def find(folder: Path) -> list[BaseBackup]:
    """The base backups in a folder, the oldest first. Raises BackupError where one cannot be
    read."""
    base = folder / BASE
    if not base.is_dir():
        return []
    return [read(path) for path in sorted(base.iterdir()) if _NAME.fullmatch(path.name)]


def read(path: Path) -> BaseBackup:
    """The base backup in its own folder. Raises BackupError."""
    try:
        fields = json.loads((path / INFO).read_text("utf-8"))
        return BaseBackup(
            path,
            datetime.fromisoformat(fields["started_at"]),
            datetime.fromisoformat(fields["ended_at"]),
            fields["schema"],
            frozenset(fields["key_ids"]),
            fields["wal"],
            fields["first_segment"],
            fields["data_bytes"],
        )
    except (OSError, LookupError, TypeError, ValueError) as error:
        raise BackupError(f"{path} is no whole base backup: {error}.") from error


@dataclass(frozen=True, slots=True)
class Continuation:
    """The archived WAL that continues a base backup without a gap: its files in order, of which the
    last may be the one that is being written; and the file before which one is missing, None where
    none is."""

    files: tuple[Path, ...]
    hole_before: Path | None


def continuation(folder: Path, backup: BaseBackup) -> Continuation:
    """Raises BackupError where there is none at all."""
    archived = folder / backup.wal
    found = _continuation(archived, backup.first_segment)
    if found.hole_before is not None:  # or one that was renamed while they were listed
        found = _continuation(archived, backup.first_segment)
    if not found.files:
        raise BackupError(
            f"The archive {archived} has no WAL that continues {backup.folder}: what was committed"
            f" from then on would be lost. Choose --at before {shown(backup.ended_at)}, from an"
            " older base backup. Nothing was changed."
        )
    return found


def _continuation(archived: Path, first: str) -> Continuation:
    paths = list(archived.iterdir()) if archived.is_dir() else []
    files = {path.name: path for path in paths if wal.SEGMENT.fullmatch(path.name)}
    for path in paths:
        name = path.name.removesuffix(wal.PARTIAL)
        if wal.SEGMENT.fullmatch(name):
            files.setdefault(name, path)
    names = sorted(name for name in files if name[8:] >= first[8:])
    numbered = enumerate(names, wal.number(first))
    run = [name for number, name in numbered if wal.number(name) == number]
    hole = names[len(run)] if len(run) < len(names) else None
    return Continuation(tuple(files[name] for name in run), archived / hole if hole else None)


def trouble(folder: Path, current: Archive | None) -> str | None:
    """What is not well about the base backups in a folder and the WAL that should continue them,
    in a sentence; None where nothing is. Raises what `find` does."""
    backups = find(folder)
    if current is None:
        is_ours = (folder / MARK).exists()
        return (
            f"what is committed since the backups in {folder} is not archived" if is_ours else None
        )
    if current.wal not in [backup.wal for backup in backups]:
        if any(_drafts(folder)):
            return f"the first base backup in {folder} is being written, or was broken off"
        return (
            f"no base backup in {folder} begins what is archived there: make one with `payviox"
            " database backup`"
        )
    for backup in backups:
        try:
            hole = continuation(folder, backup).hole_before
        except BackupError:
            return f"{folder / backup.wal} has no WAL that continues {backup.folder.name}"
        if hole is not None:
            return f"{hole.parent} has no WAL file before {hole.name}"
    return None


def shown(moment: datetime) -> str:
    """To the second that has begun, in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@contextmanager
def locked(folder: Path, layout: Layout) -> Iterator[None]:
    """Hold the folder, made where it is missing, and mark it as this server's. Raises Conflict
    where it is another's or is being written to, and BackupError."""
    secrets = layout.read_secrets()
    assert secrets is not None  # noqa: S101  # its server is running
    ours = layout.cluster_name(secrets.name)
    mark = folder / MARK
    try:
        if folder.is_dir() and not mark.exists():
            _require_nothing_else(folder)
        for each in (folder, folder / BASE):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = try_lock(folder / ".lock")
    except OSError as error:
        raise BackupError(f"{folder} cannot be written to: {error.strerror}.") from error
    if lock is None:
        raise Conflict(f"Another backup is being written to {folder}.")
    try:
        if not mark.exists():
            write_private(mark, json.dumps({"cluster": ours}))
        elif json.loads(mark.read_text("utf-8")).get("cluster") != ours:
            raise Conflict(
                f"{folder} holds the backups of another installation, or of the one that this was"
                " restored or copied from. Choose another folder."
            )
        yield
    finally:
        os.close(lock)


def _require_nothing_else(folder: Path) -> None:
    """Raises Conflict where a folder without a mark of ours is in use for something else: dumps may
    be there, and what a new disk brings."""
    for path in sorted(folder.iterdir()):
        is_new_base = path.name == BASE and path.is_dir() and not any(path.iterdir())
        if not is_new_base and path.suffix != ".dump" and path.name not in (".lock", "lost+found"):
            raise Conflict(
                f"{folder} holds {path.name}, and no base backups of Payviox. Choose an empty"
                " folder, or a new one."
            )


def remove_drafts(folder: Path) -> None:
    """Remove what backups left that were interrupted."""
    for left in _drafts(folder):
        shutil.rmtree(left)


def _drafts(folder: Path) -> list[Path]:
    return [path for path in (folder / BASE).glob(".*") if _DRAFT.fullmatch(path.name)]


def prune(layout: Layout, folder: Path, keep: int) -> int:
    """Remove all but the newest base backups, and the WAL that none of those needs; answers how
    many base backups were removed."""
    with locked(folder, layout):
        backups = find(folder)
        old, kept = backups[:-keep], backups[-keep:]
        for backup in old:
            remove(backup)
        current = archive.read(layout)
        for archived in folder.iterdir():
            if not _WAL.fullmatch(archived.name):
                continue
            needed = [backup.first_segment[8:] for backup in kept if backup.wal == archived.name]
            if needed:
                for path in archived.iterdir():
                    if wal.SEGMENT.fullmatch(path.name) and path.name[8:] < min(needed):
                        path.unlink()
            elif current is None or (current.folder, current.wal) != (folder, archived.name):
                shutil.rmtree(archived)
    return len(old)


def remove(backup: BaseBackup) -> None:
    """Under another name first: half of one must not look whole."""
    gone = backup.folder.with_name(f".{backup.folder.name}.part")
    backup.folder.rename(gone)
    shutil.rmtree(gone)
