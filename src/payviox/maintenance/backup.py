"""Backups of the embedded database, written and brought back: dumps, and base backups with the WAL
after them. What a backup does not know of is after_restore.py's."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from payviox.db import origin, schema
from payviox.db.embedded import (
    archive,
    archiving,
    backup,
    backup_folder,
    base_backup,
    database,
    embedded,
    exclusive_serve,
    recovery,
)
from payviox.db.embedded.archive import Archive
from payviox.db.embedded.backup import BackupError, Contents
from payviox.db.embedded.backup_folder import BaseBackup
from payviox.db.embedded.layout import Layout
from payviox.db.embedded.packed import Progress
from payviox.errors import Conflict, SchemaUnknown, SettingsError
from payviox.keyring import Keyring
from payviox.settings import Settings

DATABASE = "payviox"
KEEP = 7
"""Base backups that are kept unless another number is asked for."""


@dataclass(frozen=True, slots=True)
class Restored:
    """The backup's schema, and whether it is this version's; from a folder of base backups, that
    folder and the moment of the last that was committed."""

    schema: str
    newest: bool
    folder: Path | None = None
    reached: datetime | None = None


@dataclass(frozen=True, slots=True)
class BackedUp:
    """A base backup, how many older ones were removed, and what is not well about its place."""

    made: BaseBackup
    size: int
    removed: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Backups:
    """Where WAL is archived (None: nowhere), the last that went wrong there, the base backups with
    their bytes, the bytes that are free beside them, and what is wrong there (None: nothing)."""

    archive: Archive | None
    last_words: str
    backups: tuple[tuple[BaseBackup, int], ...]
    free_bytes: int | None
    wrong: str | None


def dump(settings: Settings, file: Path) -> int:
    """Write a backup of the embedded database, whatever its schema, to a new file; answers its
    bytes. Raises Conflict, BackupError or SettingsError, which say what to do."""
    require_embedded(settings)
    with embedded(settings.home, database=DATABASE) as cluster:
        return backup.dump(cluster.owner_url, file)


def back_up(settings: Settings, folder: Path | None, keep: int, progress: Progress) -> BackedUp:
    """Write a base backup into a folder (None: where the last went, else below home), have WAL
    archived beside it from then on, and remove all but the newest `keep`.

    Raises Conflict, BackupError or SettingsError, which say what to do.
    """
    require_embedded(settings)
    layout = Layout(settings.home)
    folder = (folder or _folder(settings)).expanduser().resolve()
    with embedded(settings.home, database=DATABASE) as cluster:
        contents = backup.contents_of(cluster.owner_url)
        if contents.schema is None:
            raise BackupError("There is nothing to back up yet: the database is empty.")
        made = base_backup.make(layout, folder, contents.schema, contents.key_ids, progress)
        removed = backup_folder.prune(layout, folder, keep)
    return BackedUp(made, made.size, removed, tuple(_warnings(layout, folder, made)))


def _folder(settings: Settings) -> Path:
    current = archive.read(Layout(settings.home))
    return current.folder if current else settings.home / backup.FOLDER


def _warnings(layout: Layout, folder: Path, made: BaseBackup) -> Iterator[str]:
    if folder.stat().st_dev == layout.data.stat().st_dev:
        yield (
            f"{folder} is on the disk of the database itself: copy it elsewhere, or choose a folder"
            " on another disk."
        )
    free = shutil.disk_usage(folder).free
    if free < 2 * made.size:
        yield f"{folder} has {free / 1e9:,.1f} GB free: too little for two more such backups."


def stop_archive(settings: Settings) -> bool:
    """Archive WAL no more; what is there stays. Answers whether any was archived."""
    require_embedded(settings)
    layout = Layout(settings.home)
    if archive.read(layout) is None:
        return False
    with embedded(settings.home, database=DATABASE):
        archiving.stop(layout)
    return True


def show(settings: Settings) -> Backups:
    """What backups there are in the folder where WAL is archived. Raises BackupError."""
    require_embedded(settings)
    layout = Layout(settings.home)
    folder = _folder(settings)
    free = shutil.disk_usage(folder).free if folder.is_dir() else None
    backups = tuple((each, each.size) for each in backup_folder.find(folder))
    current = archive.read(layout)
    wrong = backup_folder.trouble(folder, current)
    return Backups(current, archive.complaint(layout), backups, free, wrong)


def restore(settings: Settings, file: Path) -> Restored:
    """Bring a dump back into an installation without businesses and operators, which nobody
    serves. The database is marked as restored before anything is read into it.

    Raises BackupError, Conflict, SettingsError (the backup needs another secret key), SchemaUnknown
    (it is of a newer version) or AlreadyServing; nothing was changed then.
    """
    require_embedded(settings)
    contents = backup.look_into(file)
    revision = _check_contents(settings, contents, str(file))
    with exclusive_serve(settings.home), embedded(settings.home, database=DATABASE) as cluster:
        _require_unused(cluster.owner_url)
        database.recreate(Layout(settings.home), DATABASE)
        origin.mark_restored(cluster.admin_url)
        backup.restore(cluster.owner_url, file)
    return Restored(revision, revision == schema.newest())


def restore_at(
    settings: Settings, folder: Path | None, at: datetime | None, progress: Progress
) -> Restored:
    """Bring the database back from a folder of base backups (None: the one below home) as it was
    at a moment, or as late as the archive knows, into an installation as `restore` wants it, which
    is asked again before anything of it is replaced. Raises what `restore` does."""
    require_embedded(settings)
    folder = (folder or settings.home / backup.FOLDER).expanduser().resolve()
    chosen = recovery.choose(backup_folder.find(folder), at, folder)
    _check_contents(settings, Contents(chosen.schema, chosen.key_ids), str(chosen.folder))
    with exclusive_serve(settings.home):
        if Layout(settings.home).data.exists():
            with embedded(settings.home, database=DATABASE) as cluster:
                _require_unused(cluster.owner_url)
        continued = backup_folder.continuation(folder, chosen)
        with recovery.recovered(
            settings.home, chosen, continued, at, _require_unused, progress
        ) as (recovered, reached):
            # It may have been migrated since the base backup, and its key rotated.
            contents = backup.contents_of(recovered.owner_url)
            revision = _check_contents(settings, contents, str(chosen.folder))
            origin.mark_restored(recovered.admin_url)
    return Restored(revision, revision == schema.newest(), folder, reached)


def _check_contents(settings: Settings, contents: Contents, name: str) -> str:
    """Answers the schema of what can be restored. Raises BackupError, SchemaUnknown and
    SettingsError."""
    if contents.schema is None:
        raise BackupError(f"{name} is no backup of Payviox. Nothing was changed.")
    if contents.schema not in schema.revisions():
        raise SchemaUnknown(
            f"{name} is at schema {contents.schema}, which this version (newest:"
            f" {schema.newest()}) does not know. Restore it with the version that made it."
        )
    _check_keys(settings, contents.key_ids)
    return contents.schema


def _require_unused(owner_url: str) -> None:
    if schema.is_in_use(owner_url):
        raise Conflict(
            "This installation has businesses or operators. Nothing was changed; restore into"
            " another PAYVIOX_HOME."
        )


def _check_keys(settings: Settings, key_ids: frozenset[str]) -> None:
    keyring = Keyring(settings.secret_key, settings.previous_secret_keys)
    missing = sorted(key_ids - keyring.ids)
    if missing:
        raise SettingsError(
            f"The backup was written with the secret key{'s' if len(missing) > 1 else ''}"
            f" {', '.join(missing)}, and the configured one is {keyring.current.id}. Put the"
            f" secret_key of the installation that was backed up into {settings.home}, or its keys"
            " into PAYVIOX_SECRET_KEY and PAYVIOX_PREVIOUS_SECRET_KEYS, and try again. Nothing was"
            " changed."
        )


def require_embedded(settings: Settings) -> None:
    """Raises SettingsError where the database is the operator's own."""
    if not settings.embedded:
        raise SettingsError(
            "PAYVIOX_DATABASE_URL is set: back that server up with its own tools, such as"
            " pgBackRest, Barman or WAL-G for base backups with WAL, or pg_dump. See Backup in"
            " docs/operating.md."
        )
