"""Writing a base backup of the running server, under another name until it was verified. What is in
a folder of them is backup_folder.py's."""

import json
import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from payviox.db.embedded import archive, archiving, backup_folder, binaries, packed, wal
from payviox.db.embedded.archive import Archive
from payviox.db.embedded.backup import BackupError
from payviox.db.embedded.backup_folder import BASE, INFO, BaseBackup
from payviox.db.embedded.layout import Layout, sync_folder, write_private
from payviox.db.embedded.packed import Progress
from payviox.db.embedded.processes import die_with, server_account
from payviox.db.embedded.server import ADMIN

_PROGRESS = re.compile(rb"(\d+)/(\d+) kB")
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def make(
    layout: Layout, folder: Path, schema: str, key_ids: frozenset[str], progress: Progress
) -> BaseBackup:
    """Write a base backup of the running server, and have its WAL archived beside it from then on.

    Raises Conflict where the folder is another server's or another backup is being written,
    BackupError where it cannot be written or its WAL is not archived; what was archived before
    still is.
    """
    with backup_folder.locked(folder, layout), archiving.connect(layout) as connection:
        before = archive.read(layout)
        current = archiving.begin(layout, folder, before, connection)
        try:
            backup = _write(layout, folder, current, schema, key_ids, progress)
            progress("Waiting for its WAL", 0, 0)
            _require_archived(layout, current, backup)
        except BaseException:
            archiving.go_back(layout, before, current, connection)
            raise
    return backup


def _require_archived(layout: Layout, current: Archive, backup: BaseBackup) -> None:
    try:
        archiving.wait_for(layout, current)
    except BackupError:
        backup_folder.remove(backup)
        raise


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
    backup_folder.remove_drafts(folder)
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
    return backup_folder.read(final)


def _run_base_backup(layout: Layout, draft: Path, progress: Progress) -> int:
    """Run pg_basebackup; answers the bytes that it read."""
    secrets = layout.read_secrets()
    assert secrets is not None  # noqa: S101  # its server is running
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


def _program(name: str) -> Path:
    return binaries.find(server_account()) / name


def _first_segment(backup: Path) -> str:
    manifest = packed.read_manifest(backup)
    high, low = divmod(manifest.start_lsn, 2**32)
    return f"{manifest.timeline:08X}{high:08X}{low // wal.SEGMENT_BYTES:08X}"


def _server_time(layout: Layout) -> datetime:
    with archiving.connect(layout) as connection:
        row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None  # noqa: S101  # a SELECT without FROM
    assert isinstance(row[0], datetime)  # noqa: S101
    return row[0]
