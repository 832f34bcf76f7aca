"""Beginning and ending the archive of the running server: the slot that keeps WAL for it. Writing
it is archive.py's."""

import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from payviox.db import session
from payviox.db.embedded import archive, wal
from payviox.db.embedded.archive import SLOT, Archive
from payviox.db.embedded.backup import BackupError
from payviox.db.embedded.database import urls
from payviox.db.embedded.errors import EmbeddedError
from payviox.db.embedded.layout import Layout
from payviox.db.embedded.server import ADMIN

HELD_SLOT = "payviox_archive_before"
"""Keeps what the archive before would need, while another is begun."""
FOLLOWS_WITHIN_S = 60.0
"""The archive has so long to have what the base backup needs."""

Connection = psycopg.Connection[tuple[object, ...]]


def begin(
    layout: Layout,
    folder: Path,
    before: Archive | None,
    connection: Connection,
) -> Archive:
    """Go on with the archive if it is this folder's and has no gap; else begin a new one. What the
    one before would need then is kept for as long as the connection is open; where anything keeps
    the new one from beginning, that one goes on."""
    secrets = layout.read_secrets()
    assert secrets is not None  # noqa: S101  # its server is running
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
    current = Archive(folder, f"wal-{datetime.now(UTC):%Y%m%dT%H%M%SZ}", cluster)
    (folder / current.wal).mkdir(mode=0o700, exist_ok=True)
    try:
        layout.archive.unlink(missing_ok=True)
        with connect(layout) as other:  # an error of a session drops its temporary slots
            _drop_slot(other)
            other.execute("SELECT pg_create_physical_replication_slot(%s, true)", [SLOT])
        archive.write(layout, current)
    except BaseException:
        go_back(layout, before, current, connection)
        raise
    return current


def go_back(
    layout: Layout,
    before: Archive | None,
    current: Archive,
    connection: Connection,
) -> None:
    """Archive where it was before, if that has no gap by now."""
    if before is None:
        stop(layout)
    elif before != current and _has_slot(connection, HELD_SLOT):
        if not _has_slot(connection, SLOT):
            connection.execute(
                "SELECT pg_copy_physical_replication_slot(%s, %s, false)", [HELD_SLOT, SLOT]
            )
        archive.write(layout, before)
        with suppress(BackupError):  # of what is raised already
            wait_for(layout, before)
    elif not layout.archive.exists():
        archive.write(layout, before)  # so that its gap is still told


def _has_slot(connection: Connection, name: str) -> bool:
    slots = "SELECT FROM pg_replication_slots WHERE slot_name = %s"
    return connection.execute(slots, [name]).rowcount > 0


def stop(layout: Layout) -> None:
    """Archive no more; what is there stays. The server runs."""
    layout.archive.unlink(missing_ok=True)
    with connect(layout) as connection:
        _drop_slot(connection)


def _drop_slot(connection: Connection) -> None:
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


def wait_for(layout: Layout, current: Archive) -> None:
    """Wait until the archive has all WAL up to now. Raises BackupError."""
    with connect(layout) as connection:
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


def connect(layout: Layout) -> Connection:
    """A superuser's session on the running server. Raises EmbeddedError."""
    try:
        return psycopg.connect(
            urls(layout, "postgres")[ADMIN], autocommit=True, options=session.READ_ALIKE
        )
    except psycopg.Error as error:
        raise EmbeddedError(f"The embedded PostgreSQL does not answer: {error}") from error
