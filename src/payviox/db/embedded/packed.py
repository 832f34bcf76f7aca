"""The files of a base backup as pg_basebackup packed them, each compared with the manifest.

pg_verifybackup does the same, but the wheel's ends with a segmentation fault.
"""

import gzip
import hashlib
import json
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from payviox.db.embedded.backup import BackupError

CHECKSUMS = "SHA256"
"""What the manifest is asked to hold."""

_CHUNK = 2**20

Progress = Callable[[str, int, int], None]
"""What is done, how much of it is, and of how much; 0 where that is not known."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Of each file its bytes and its SHA-256, and the first WAL position that is needed."""

    files: dict[str, tuple[int, str]]
    timeline: int
    start_lsn: int


def read_manifest(backup: Path) -> Manifest:
    """Raises BackupError where it is missing or was changed."""
    try:
        text = (backup / "backup_manifest").read_bytes()
        fields: dict[str, Any] = json.loads(text)
        covered = text[: text.rindex(b'"Manifest-Checksum"')]
        if hashlib.sha256(covered).hexdigest() != fields["Manifest-Checksum"]:
            raise BackupError(f"{backup} is no whole base backup: its manifest was changed.")
        start = fields["WAL-Ranges"][0]
        high, low = (int(part, 16) for part in start["Start-LSN"].split("/"))
        return Manifest(
            {file["Path"]: (file["Size"], file["Checksum"]) for file in fields["Files"]},
            start["Timeline"],
            high * 2**32 + low,
        )
    except (OSError, LookupError, TypeError, ValueError) as error:
        raise BackupError(f"{backup} is no whole base backup: {error}.") from error


def check(backup: Path, progress: Progress) -> None:
    """Read a base backup to its end. Raises BackupError where it is not as it was written."""
    _read(backup, None, "Verifying", progress)


def unpack(backup: Path, data: Path, progress: Progress) -> None:
    """Unpack it, with its WAL, into a new data folder. Raises what `check` does."""
    _read(backup, data, "Unpacking", progress)


def _read(backup: Path, data: Path | None, step: str, progress: Progress) -> None:
    missing = dict(read_manifest(backup).files)
    base, wal = backup / "base.tar.gz", backup / "pg_wal.tar.gz"
    try:
        for name, size, digest in _members(base, data, step, progress):
            # The manifest itself and tar's own entries are not in it.
            if name in missing and missing.pop(name) != (size, digest):
                raise BackupError(f"{backup} is no whole base backup: {name} was changed.")
        for _ in _members(wal, data / "pg_wal" if data else None, step, progress):
            pass  # gzip's own checksums, and those of WAL itself
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise BackupError(f"{backup} is no whole base backup: {error}.") from error
    if missing:
        raise BackupError(f"{backup} is no whole base backup: {min(missing)} is missing.")


def _members(
    file: Path, into: Path | None, step: str, progress: Progress
) -> list[tuple[str, int, str]]:
    """Each plain file in it: its name, bytes and SHA-256; written below `into`, if anywhere."""
    members = []
    total = file.stat().st_size
    with (
        file.open("rb") as packed,
        gzip.open(packed) as stream,  # of several members, which tarfile's own way cannot read
        tarfile.open(fileobj=stream, mode="r|") as archive,
    ):
        for member in archive:
            name = PurePosixPath(member.name)
            if name.is_absolute() or ".." in name.parts or not (member.isdir() or member.isfile()):
                raise BackupError(f"{file} holds {member.name!r}, which no base backup has.")
            path = into / name if into else None
            if member.isdir():
                if path is not None:
                    path.mkdir(mode=0o700, parents=True, exist_ok=True)
                continue
            content = archive.extractfile(member)
            assert content is not None  # noqa: S101  # it is a plain file
            members.append((str(name), member.size, _copy(content, path)))
            progress(step, packed.tell(), total)
    return members


def _copy(content: IO[bytes], path: Path | None) -> str:
    digest = hashlib.sha256()
    if path is None:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
        return digest.hexdigest()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("wb") as target:
        path.chmod(0o600)
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
            target.write(chunk)
    return digest.hexdigest()
