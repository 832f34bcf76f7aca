"""Backups of the embedded database: written by `pg_dump`, looked into and read back by
`pg_restore`."""

import os
import re
import secrets
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import psycopg
from psycopg.conninfo import conninfo_to_dict

from payviox.db import session
from payviox.db.embedded import binaries
from payviox.db.embedded.layout import sync_folder
from payviox.db.embedded.processes import server_account
from payviox.errors import Conflict, PayvioxError

FOLDER = "backups"
KEPT = 3
"""Backups that are made before a migration and kept."""

_BEFORE = re.compile(r"before-[0-9]{4}-[0-9TZ]+\.dump")
_ROWS = re.compile(r"^COPY [^\n]+ FROM stdin;\n(.*?)^\\\.$", re.MULTILINE | re.DOTALL)


class BackupError(PayvioxError):
    """A backup that cannot be written or read; the message says what to do."""

    status = 400


@dataclass(frozen=True, slots=True)
class Contents:
    """What a backup says of itself: its schema (None: it is none of ours) and the ids of the secret
    keys that it was written with."""

    schema: str | None
    key_ids: frozenset[str]


def dump(owner_url: str, file: Path) -> int:
    """Write a consistent backup to a new file that its owner alone reads; answers its bytes.

    It is written under a name that nobody can guess and then linked: what stands at `file`, links
    included, is never followed nor written over. Raises Conflict where something does, BackupError
    where the folder is missing or cannot be written to.
    """
    if os.path.lexists(file):
        raise _taken(file)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        descriptor = os.open(draft, flags, 0o600)
    except OSError as error:
        raise BackupError(
            f"No backup can be written to the folder {file.parent}: {error.strerror}."
        ) from error
    try:
        with os.fdopen(descriptor, "wb") as target:
            _run(owner_url, ["pg_dump", "--format=custom", "--no-owner"], stdout=target)
            target.flush()
            os.fsync(descriptor)
            written = os.fstat(descriptor)
            _link(draft, file)
            named = file.lstat()
        if (named.st_dev, named.st_ino) != (written.st_dev, written.st_ino):
            raise BackupError(f"Somebody else replaced {file} meanwhile. Choose another folder.")
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(file.parent)
    return written.st_size


def _link(draft: Path, file: Path) -> None:
    try:
        os.link(draft, file, follow_symlinks=False)
    except FileExistsError:
        raise _taken(file) from None
    except OSError:  # a file system without links
        if os.path.lexists(file):
            raise _taken(file) from None
        draft.rename(file)


def _taken(file: Path) -> Conflict:
    return Conflict(f"{file} exists already. Nothing was written; choose another name.")


def dump_before(owner_url: str, home: Path, schema: str) -> Path:
    """Write a backup of the database at this schema into the home folder, and forget all but the
    newest of those made like this. Answers its name."""
    folder = home / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    file = folder / f"before-{schema}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.dump"
    dump(owner_url, file)
    ours = [path for path in folder.iterdir() if _BEFORE.fullmatch(path.name)]
    for old in sorted(ours, key=lambda path: path.lstat().st_mtime_ns)[:-KEPT]:
        old.unlink()
    return file


def look_into(file: Path) -> Contents:
    """Read what a backup says of itself. Raises BackupError where the file is no whole backup."""
    return Contents(
        next(iter(_column(file, "payviox_schema")), None), frozenset(_column(file, "secret_keys"))
    )


def contents_of(owner_url: str) -> Contents:
    """The same of a database itself."""
    with psycopg.connect(owner_url, options=session.READ_ALIKE) as connection:
        try:
            version = connection.execute("SELECT version_num FROM payviox_schema").fetchone()
            keys = connection.execute("SELECT key_id FROM secret_keys").fetchall()
        except psycopg.errors.UndefinedTable:
            return Contents(None, frozenset())
    return Contents(str(version[0]) if version else None, frozenset(str(row[0]) for row in keys))


def _column(file: Path, table: str) -> list[str]:
    """The first column of a small table."""
    command = ["pg_restore", "--data-only", f"--table={table}", "--file=-", str(file)]
    rows = _ROWS.search(_run(None, command))
    return [line.split("\t")[0] for line in rows[1].splitlines()] if rows else []


def restore(owner_url: str, file: Path) -> None:
    """Read a backup into an empty database, whole or not at all. Raises BackupError."""
    command = ["pg_restore", "--no-owner", "--single-transaction", "--exit-on-error"]
    _run(owner_url, command, more=[str(file)])


def _run(
    url: str | None,
    command: list[str],
    *,
    more: Sequence[str] = (),
    stdout: BinaryIO | None = None,
) -> str:
    """Run a program of the server's version, with none of our environment; what it printed."""
    where: list[str] = []
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
    if url is not None:
        parts = conninfo_to_dict(url)
        where = [f"--host={parts['host']}", f"--port={parts['port']}"]
        where += [f"--username={parts['user']}", f"--dbname={parts['dbname']}"]
        environment["PGPASSWORD"] = str(parts["password"])
    program, *options = command
    done = subprocess.run(  # noqa: S603  # the wheel's own program
        [binaries.find(server_account()) / program, *options, *where, *more],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=stdout or subprocess.PIPE,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        complaint = " ".join(done.stderr.decode("utf-8", "replace").split())
        raise BackupError(f"{program} failed: {complaint}")
    return (done.stdout or b"").decode("utf-8", "replace")
