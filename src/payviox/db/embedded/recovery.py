"""Bringing the embedded server back to a moment: a base backup is unpacked in a home of its own,
the WAL after it is replayed there, and what came out takes its place once it is whole."""

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from psycopg import sql

from payviox.db import session
from payviox.db.embedded import packed, wal
from payviox.db.embedded.backup import BackupError
from payviox.db.embedded.backup_folder import BaseBackup, Continuation, shown
from payviox.db.embedded.cluster import Cluster, embedded
from payviox.db.embedded.errors import EmbeddedError
from payviox.db.embedded.layout import Layout, new_secrets, sync_folder, try_lock
from payviox.db.embedded.packed import Progress
from payviox.db.embedded.processes import server_account
from payviox.db.embedded.server import ADMIN, OWNER, WEB
from payviox.errors import Conflict

ASIDE = "restoring"
"""The home of its own, below the one that is restored."""

_LAST = re.compile(r"last completed transaction was at log time (\S+ \S+)")
_FELL_SHORT = "recovery ended before configured recovery target was reached"


def choose(backups: Sequence[BaseBackup], at: datetime | None, folder: Path) -> BaseBackup:
    """The base backup to begin with: the newest that was complete at this moment, or at all.
    Raises BackupError."""
    if not backups:
        raise BackupError(f"{folder} has no base backup. `payviox database backup` makes one.")
    if at is None:
        return backups[-1]
    now = datetime.now(UTC)
    if at > now:
        raise BackupError(f"{shown(at)} is in the future: now it is {shown(now)}.")
    complete = [backup for backup in backups if backup.ended_at <= at]
    if not complete:
        raise BackupError(
            f"{shown(at)} is before the oldest base backup in {folder}, which was complete at"
            f" {shown(backups[0].ended_at)}. Nothing before that can be restored from it."
        )
    return complete[-1]


@contextmanager
def recovered(
    home: Path,
    backup: BaseBackup,
    continued: Continuation,
    at: datetime | None,
    require_unused: Callable[[str], None],
    progress: Progress,
) -> Iterator[tuple[Cluster, datetime]]:
    """Within the block the recovered server runs, apart from the home's own, as it was at the
    moment that comes with it; after the block, unless it raised, it has taken the home's own
    server's place. Nobody may be joined to that then, and `require_unused`, which is asked last
    and gets its owner's URL, must not raise.

    `at` None replays all WAL. Raises BackupError where the WAL does not reach it or ends before
    its last file does, or the disk is too small; the home is as it was then.
    """
    files = continued.files
    if at is None and continued.hole_before is not None:
        raise BackupError(
            f"The archive {continued.hole_before.parent} has no WAL file before"
            f" {continued.hole_before.name}: what is after it cannot be restored. Choose --at"
            " before that, or another base backup."
        )
    aside = home / ASIDE
    shutil.rmtree(aside, ignore_errors=True)  # of a restore that was interrupted
    try:
        _check_room(home, backup, files)
        end = wal.end(files)  # as of now: it may be written further
        layout = Layout(aside)
        layout.prepare()
        hba = _lay_out(layout, backup, files, at, progress)
        progress("Replaying", 0, 0)
        with _started(aside, at) as cluster:
            position, moment = _reached(cluster)
            if at is None and end > wal.record_end(files, position):
                raise _fell_short(files, backup, moment)
            yield cluster, moment or backup.ended_at
            _close(layout, cluster, hba)
        _take_place(Layout(home), layout, require_unused)
    finally:
        _forget_link(Layout(aside))
        shutil.rmtree(aside, ignore_errors=True)


def _reached(cluster: Cluster) -> tuple[int, datetime | None]:
    """The position at which recovery ended, and when what it replayed last was committed."""
    with psycopg.connect(cluster.admin_url, options=session.READ_ALIKE) as connection:
        row = connection.execute(
            "SELECT (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint,"
            " pg_last_xact_replay_timestamp()"
        ).fetchone()
    if row is None or row[0] is None:
        raise EmbeddedError("The recovered server was started anew meanwhile. Try again.")
    return row[0], row[1]


def _fell_short(files: Sequence[Path], backup: BaseBackup, moment: datetime | None) -> BackupError:
    """`moment` is when what was replayed last was committed; None where nothing was."""
    damage = f"{files[0].parent} is damaged there, and goes on to {files[-1].name}"
    if moment is None or moment <= backup.ended_at:
        return BackupError(
            f"The archived WAL cannot be replayed beyond {backup.folder}: {damage}. Choose --at"
            f" before {shown(backup.ended_at)}, from an older base backup. Nothing was changed."
        )
    # A moment is known to be reached when something later was committed.
    before = (moment - timedelta(microseconds=1)).astimezone(UTC)
    return BackupError(
        f"The archived WAL can be replayed to {shown(moment)} and no farther: {damage}. Choose --at"
        f" {before:%Y-%m-%dT%H:%M:%S.%fZ}, or before that, to restore what there is until then, or"
        " another base backup. Nothing was changed."
    )


def _forget_link(layout: Layout) -> None:
    """The short way to the socket of a home that is going, if it had one."""
    with suppress(OSError):
        shutil.rmtree(Path(layout.shortcut.read_text("utf-8")).parent)


def _check_room(home: Path, backup: BaseBackup, files: Sequence[Path]) -> None:
    needed = backup.data_bytes + len(files) * wal.SEGMENT_BYTES
    free = shutil.disk_usage(home).free
    if free < needed * 1.1:
        raise BackupError(
            f"{home} has {free / 1e9:,.1f} GB free, and the restore needs {needed / 1e9:,.1f} GB."
            " Nothing was changed."
        )


def _lay_out(
    layout: Layout,
    backup: BaseBackup,
    files: Sequence[Path],
    at: datetime | None,
    progress: Progress,
) -> bytes:
    """Unpack the base backup, with the WAL after it and what to do with it. Answers the backup's
    own rules of who may enter."""
    data = layout.data
    data.mkdir(mode=0o700)
    packed.unpack(backup.folder, data, progress)
    total = len(files) * wal.SEGMENT_BYTES
    copied = 0
    for path in files:
        copied += _copy_wal(path, data / "pg_wal")
        progress("Copying WAL", copied, total)
    layout.write_secrets(new_secrets())
    # The passwords within are the backed-up server's: whoever comes into this folder, which is
    # closed to others, is let in until they are replaced.
    hba = (data / "pg_hba.conf").read_bytes()
    (data / "pg_hba.conf").write_text("local all all trust\n")
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.write(_recovery_settings(at))
    (data / "recovery.signal").touch()
    account = server_account()
    if account.switch:
        for path in (data, *data.rglob("*")):
            os.chown(path, account.uid, account.gid)
    return hba


def _copy_wal(path: Path, into: Path) -> int:
    """Copy an archived WAL file, which may have become whole since it was listed; its bytes."""
    name = path.name.removesuffix(wal.PARTIAL)
    try:
        shutil.copyfile(path, into / name)
    except FileNotFoundError:
        shutil.copyfile(path.with_name(name), into / name)
    return (into / name).stat().st_size


def _recovery_settings(at: datetime | None) -> str:
    lines = [
        "restore_command = 'false'",  # all WAL is where it belongs already
        "recovery_target_timeline = 'current'",
        "recovery_target_action = 'promote'",
        "hot_standby = off",
    ]
    if at is not None:
        lines.append(f"recovery_target_time = '{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00'")
    return "".join(f"{line}\n" for line in lines)


@contextmanager
def _started(home: Path, at: datetime | None) -> Iterator[Cluster]:
    try:
        with embedded(home) as cluster:
            yield cluster
    except EmbeddedError as error:
        text = str(error)
        if _FELL_SHORT not in text or at is None:
            raise
        last = _LAST.search(text)
        until = f" ends at {last[1]} UTC" if last else " ends before"
        raise BackupError(
            f"The archived WAL{until}: nothing is known of what was committed from then to"
            f" {shown(at)}. Choose --at before that, or leave it out to restore all that there is."
            " Nothing was changed."
        ) from error


def _close(layout: Layout, cluster: Cluster, hba: bytes) -> None:
    """Let nobody in without a password any more, and end the recovery's settings."""
    secrets = layout.read_secrets()
    assert secrets is not None  # noqa: S101  # written above
    passwords = {ADMIN: secrets.admin, OWNER: secrets.owner, WEB: secrets.web}
    with psycopg.connect(
        cluster.admin_url, autocommit=True, options=session.READ_ALIKE
    ) as connection:
        for role, password in passwords.items():
            connection.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                    sql.Identifier(role), sql.Literal(password)
                )
            )
        connection.execute("ALTER SYSTEM RESET ALL")
    # Written into the file that is there, which is the server's.
    (layout.data / "pg_hba.conf").write_bytes(hba)


def _take_place(home: Layout, aside: Layout, require_unused: Callable[[str], None]) -> None:
    """Put the recovered server in the place of the home's own, which nobody is joined to."""
    home.prepare()
    held = [try_lock(home.holders_lock), try_lock(home.keeper_lock)]
    try:
        if None in held:
            raise Conflict("Another command has begun to use this installation. Try again.")
        if home.data.exists():
            _ask(home, Layout(aside.home / "asked"), require_unused)
        replaced = home.root / "replaced"
        shutil.rmtree(replaced, ignore_errors=True)
        home.archive.unlink(missing_ok=True)
        if home.data.exists():
            home.data.rename(replaced)
        aside.secrets.replace(home.secrets)
        aside.data.rename(home.data)
        sync_folder(home.root)
        shutil.rmtree(replaced, ignore_errors=True)
    finally:
        for lock in held:
            if lock is not None:
                os.close(lock)


def _ask(home: Layout, asked: Layout, require_unused: Callable[[str], None]) -> None:
    """Start the home's own server by another way, while its own is closed to everybody."""
    asked.prepare()
    asked.data.symlink_to(home.data)
    asked.data_lock.symlink_to(home.data_lock)
    if home.secrets.exists():
        shutil.copyfile(home.secrets, asked.secrets)
    try:
        with embedded(asked.home) as cluster:
            require_unused(cluster.owner_url)
    finally:
        _forget_link(asked)
