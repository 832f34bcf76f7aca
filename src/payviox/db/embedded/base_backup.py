"""Base backups of the embedded server and the WAL that continues them.

    payviox-backups.json      whose they are: one folder is one server's
    base/20261129T070000Z/    what pg_basebackup wrote, with its manifest, and backup.json
    wal-20261129T070000Z/     WAL without a gap, as the keeper archives it

A base backup is written under another name and renamed once it was verified. WAL that no base
backup needs any more is removed with the base backup that needed it."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from payviox.db import session
from payviox.db.embedded import archive, binaries, packed, wal
from payviox.db.embedded.archive import SLOT, Archive
from payviox.db.embedded.backup import BackupError
from payviox.db.embedded.database import urls
from payviox.db.embedded.errors import EmbeddedError
from payviox.db.embedded.layout import Layout, sync_folder, try_lock, write_private
from payviox.db.embedded.packed import Progress
from payviox.db.embedded.processes import die_with, server_account
from payviox.db.embedded.server import ADMIN
from payviox.errors import Conflict

BASE = "base"
MARK = "payviox-backups.json"
INFO = "backup.json"
HELD_SLOT = "payviox_archive_before"
"""Keeps what the archive before would need, while another is begun."""
FOLLOWS_WITHIN_S = 60.0
"""The archive has so long to have what the base backup needs."""

_NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z", re.ASCII)
_DRAFT = re.compile(rf"\.{_NAME.pattern}\.part", re.ASCII)
_WAL = re.compile(rf"wal-{_NAME.pattern}", re.ASCII)
_PROGRESS = re.compile(rb"(\d+)/(\d+) kB")


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
    return [_read(path) for path in sorted(base.iterdir()) if _NAME.fullmatch(path.name)]


def _read(path: Path) -> BaseBackup:
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


def make(
    layout: Layout, folder: Path, schema: str, key_ids: frozenset[str], progress: Progress
) -> BaseBackup:
    """Write a base backup of the running server, and have its WAL archived beside it from then on.

    Raises Conflict where the folder is another server's or another backup is being written,
    BackupError where it cannot be written or its WAL is not archived; what was archived before
    still is.
    """
    with _locked(folder, layout), _connect(layout) as connection:
        before = archive.read(layout)
        current = _begin_archive(layout, folder, before, connection)
        try:
            backup = _write(layout, folder, current, schema, key_ids, progress)
            progress("Waiting for its WAL", 0, 0)
            _require_archived(layout, current, backup)
        except BaseException:
            _go_back(layout, before, current, connection)
            raise
    return backup


def _require_archived(layout: Layout, current: Archive, backup: BaseBackup) -> None:
    try:
        _await_archive(layout, current)
    except BackupError:
        _remove(backup)
        raise


def _go_back(
    layout: Layout,
    before: Archive | None,
    current: Archive,
    connection: psycopg.Connection[tuple[object, ...]],
) -> None:
    """Archive where it was before, if that has no gap by now."""
    if before is None:
        stop_archive(layout)
    elif (
        before != current
        and connection.execute(
            "SELECT FROM pg_replication_slots WHERE slot_name = %s", [HELD_SLOT]
        ).rowcount
    ):
        archive.write(layout, before)
        with suppress(BackupError):  # of what is raised already
            _await_archive(layout, before)


@contextmanager
def _locked(folder: Path, layout: Layout) -> Iterator[None]:
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


def _begin_archive(
    layout: Layout,
    folder: Path,
    before: Archive | None,
    connection: psycopg.Connection[tuple[object, ...]],
) -> Archive:
    """Go on with the archive if it is this folder's and has no gap; else begin a new one. What the
    one before would need then is kept for as long as the connection is open."""
    secrets = layout.read_secrets()
    assert secrets is not None  # noqa: S101  # as above
    cluster = layout.cluster_name(secrets.name)
    row = connection.execute(
        "SELECT wal_status FROM pg_replication_slots WHERE slot_name = %s", [SLOT]
    ).fetchone()
    has_slot = row is not None and row[0] in ("reserved", "extended", "unreserved")
    if has_slot and before and before.cluster == cluster and (before.folder / before.wal).is_dir():
        if before.folder == folder:
            return before
        connection.execute(
            "SELECT pg_copy_physical_replication_slot(%s, %s, true)", [SLOT, HELD_SLOT]
        )
    layout.archive.unlink(missing_ok=True)
    with _connect(layout) as other:  # an error of a session drops its temporary slots
        _drop_slot(other)
        other.execute("SELECT pg_create_physical_replication_slot(%s, true)", [SLOT])
    current = Archive(folder, f"wal-{datetime.now(UTC):%Y%m%dT%H%M%SZ}", cluster)
    (folder / current.wal).mkdir(mode=0o700, exist_ok=True)
    archive.write(layout, current)
    return current


def stop_archive(layout: Layout) -> None:
    """Archive no more; what is there stays. The server runs."""
    layout.archive.unlink(missing_ok=True)
    with _connect(layout) as connection:
        _drop_slot(connection)


def _drop_slot(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Once the keeper has ended what uses it."""
    until = time.monotonic() + FOLLOWS_WITHIN_S
    drop = (
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s"
    )
    while True:
        try:
            connection.execute(drop, [SLOT])
        except psycopg.errors.ObjectInUse:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


def _write(
    layout: Layout,
    folder: Path,
    current: Archive,
    schema: str,
    key_ids: frozenset[str],
    progress: Progress,
) -> BaseBackup:
    started = datetime.now(UTC)
    name = f"{started:%Y%m%dT%H%M%SZ}"
    final, draft = folder / BASE / name, folder / BASE / f".{name}.part"
    for left in (folder / BASE).iterdir():
        if _DRAFT.fullmatch(left.name):  # of a backup that was interrupted
            shutil.rmtree(left)
    try:
        data_bytes = _run_base_backup(layout, draft, progress)
        packed.check(draft, progress)
        ended = _server_time(layout)
        fields = {
            "started_at": started.isoformat(),
            "ended_at": ended.isoformat(),
            "schema": schema,
            "key_ids": sorted(key_ids),
            "wal": current.wal,
            "first_segment": _first_segment(draft),
            "data_bytes": data_bytes,
        }
        write_private(draft / INFO, json.dumps(fields, indent=1))
        draft.rename(final)
        sync_folder(final.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return _read(final)


def _run_base_backup(layout: Layout, draft: Path, progress: Progress) -> int:
    """Run pg_basebackup; answers the bytes that it read."""
    secrets = layout.read_secrets()
    assert secrets is not None  # noqa: S101  # as above
    options = ["--format=tar", "--compress=client-gzip:1", "--wal-method=stream"]
    options += ["--checkpoint=fast", "--progress", "--no-password", "--label=payviox"]
    options += [f"--manifest-checksums={packed.CHECKSUMS}"]
    options += [f"--host={layout.socket_folder()}", "--port=5432", f"--username={ADMIN}"]
    process = subprocess.Popen(  # noqa: S603  # the wheel's own program
        [_program("pg_basebackup"), f"--pgdata={draft}", *options],
        cwd="/",
        env={**_ENVIRONMENT, "PGPASSWORD": secrets.admin},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        umask=0o077,
        preexec_fn=die_with(os.getpid()),  # noqa: PLW1509  # as binaries.find starts programs
    )
    read_kb, said = 0, b""
    try:
        assert process.stderr is not None  # noqa: S101  # a pipe, as asked for
        for line in process.stderr:
            if numbers := _PROGRESS.search(line):
                read_kb, total_kb = int(numbers[1]), int(numbers[2])
                progress("Copying the database", read_kb, total_kb)
            else:
                said = line
        process.wait()
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        raise BackupError(f"pg_basebackup failed: {said.decode('utf-8', 'replace').strip()}")
    return read_kb * 1024


_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _program(name: str) -> Path:
    return binaries.find(server_account()) / name


def _first_segment(backup: Path) -> str:
    manifest = packed.read_manifest(backup)
    high, low = divmod(manifest.start_lsn, 2**32)
    return f"{manifest.timeline:08X}{high:08X}{low // wal.SEGMENT_BYTES:08X}"


def _await_archive(layout: Layout, current: Archive) -> None:
    """Wait until the archive has all WAL up to now. Raises BackupError."""
    with _connect(layout) as connection:
        row = connection.execute(
            "SELECT lsn::text, pg_walfile_name(lsn - 1) FROM pg_current_wal_lsn() lsn"
        ).fetchone()
        assert row is not None  # noqa: S101  # of a function that answers one
        last = current.folder / current.wal / str(row[1])
        until = time.monotonic() + FOLLOWS_WITHIN_S
        while time.monotonic() < until:
            done = connection.execute(
                "SELECT FROM pg_replication_slots s JOIN pg_stat_replication r ON"
                " r.pid = s.active_pid WHERE s.slot_name = %s AND r.write_lsn >= %s::pg_lsn",
                [SLOT, row[0]],
            )
            if done.rowcount and (
                last.exists() or last.with_name(last.name + wal.PARTIAL).exists()
            ):
                return
            time.sleep(0.1)
    raise BackupError(
        "The base backup was written, but its WAL is not archived, so that it was removed again:"
        f" {archive.complaint(layout) or 'pg_receivewal does not run'}."
    )


def prune(layout: Layout, folder: Path, keep: int) -> int:
    """Remove all but the newest base backups, and the WAL that none of those needs; answers how
    many base backups were removed."""
    with _locked(folder, layout):
        backups = find(folder)
        old, kept = backups[:-keep], backups[-keep:]
        for backup in old:
            _remove(backup)
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


def _remove(backup: BaseBackup) -> None:
    """Under another name first: half of one must not look whole."""
    gone = backup.folder.with_name(f".{backup.folder.name}.part")
    backup.folder.rename(gone)
    shutil.rmtree(gone)


def _server_time(layout: Layout) -> datetime:
    with _connect(layout) as connection:
        row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None  # noqa: S101  # a SELECT without FROM
    assert isinstance(row[0], datetime)  # noqa: S101
    return row[0]


def _connect(layout: Layout) -> psycopg.Connection[tuple[object, ...]]:
    try:
        return psycopg.connect(
            urls(layout, "postgres")[ADMIN], autocommit=True, options=session.READ_ALIKE
        )
    except psycopg.Error as error:
        raise EmbeddedError(f"The embedded PostgreSQL does not answer: {error}") from error
