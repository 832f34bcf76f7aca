"""Who runs the server, how its programs are started as that user, and which of them still run."""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from payviox.db.embedded.errors import OWN_SERVER, EmbeddedError

SYSTEM_USER = "payviox"

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PROC = Path("/proc")  # faster than ps, which small containers lack; macOS has no /proc


@dataclass(frozen=True)
class Account:
    """The user the server runs as; `switch` if that is another than ours."""

    uid: int
    gid: int
    switch: bool


def server_account() -> Account:
    """Ourselves, or as root, as whom PostgreSQL will not run, the system user `payviox`.

    The user is made if missing. `nobody` would do for PostgreSQL, but whatever else runs as nobody
    could then read and signal the server.

    Raises EmbeddedError where no such user can be had.
    """
    if os.geteuid() != 0:
        return _ourselves()
    if sys.platform != "linux":
        raise EmbeddedError(f"As root this works on Linux only; run as another user. {OWN_SERVER}")
    try:
        user = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        user = _make_system_user()
    if user.pw_uid == 0:
        raise EmbeddedError(f"The user {SYSTEM_USER} must not be root. {OWN_SERVER}")
    return Account(user.pw_uid, user.pw_gid, switch=True)


def _ourselves() -> Account:
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        # initdb looks its user up and gives up without an entry, as in containers with --user.
        raise EmbeddedError(
            f"User id {os.geteuid()} has no entry in /etc/passwd, which PostgreSQL needs. Run as"
            f" a user that has one. {OWN_SERVER}"
        ) from None
    return Account(os.geteuid(), os.getegid(), switch=False)


def _make_system_user() -> pwd.struct_passwd:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    advice = f"Make a system user {SYSTEM_USER}, or run Payviox as a user other than root."
    if useradd is None:
        raise EmbeddedError(f"PostgreSQL does not run as root, useradd is missing. {advice}")
    options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    made = subprocess.run(  # noqa: S603  fixed arguments
        [useradd, *options, "--shell", "/usr/sbin/nologin", SYSTEM_USER],
        capture_output=True,
        text=True,
        check=False,
    )
    try:  # not the exit status: another command may have made it at the same moment
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise EmbeddedError(
            f"PostgreSQL does not run as root and useradd failed: {made.stderr.strip()}. {advice}"
        ) from None


def start(
    command: Sequence[str | Path],
    account: Account,
    *,
    folder: Path,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    keep: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a program of PostgreSQL in `folder` as `account`; its output comes by one pipe.

    It gets none of our environment, which may hold keys of rails. On Linux it is shut down by
    SIGINT when the calling thread ends; the caller must have no other threads (it forks).
    Raises OSError where the program cannot be executed.
    """
    # The folder is entered before the user is switched, so one below a folder of root's will do.
    return subprocess.Popen(  # noqa: S603  PostgreSQL's programs, by full path
        command,
        cwd=folder,
        user=account.uid if account.switch else None,
        group=account.gid if account.switch else None,
        extra_groups=[] if account.switch else None,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=keep,
        umask=0o077,
        preexec_fn=die_with(os.getpid()),  # noqa: PLW1509  one thread, see above
    )


def die_with(parent: int) -> Callable[[], None] | None:
    """Tie a child's life to ours, as a Popen's `preexec_fn`. Called between fork and exec, after
    the switch of user, which would undo it."""
    if sys.platform != "linux":
        # Elsewhere an orphan lives on until the next keeper finds it.
        return None
    prctl = ctypes.CDLL(None).prctl

    def arrange() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT))
        if os.getppid() != parent:  # died before we could ask to be told
            os._exit(1)

    return arrange


def command_of(pid: int) -> str:
    """A process's command line, "" if there is none such."""
    if not _PROC.exists():
        return _ps("-o", "command=", "-p", str(pid))
    try:
        arguments = (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return ""
    return arguments.replace(b"\0", b" ").decode("utf-8", "replace")


def is_postgres(command: str) -> bool:
    """Whether a command line is a postmaster's or that of one of its children."""
    return command.startswith("postgres: ") or command.split(" -D ", 1)[0].endswith("/postgres")


def server_processes(name: str) -> dict[int, bool]:
    """The pids of a cluster's server, each with whether it is the postmaster.

    Told by the cluster's name, which they all show to everybody; a look at their folders would take
    CAP_SYS_PTRACE, which root in a container does not have.
    """
    servers = {}
    for pid in _all_pids():
        command = command_of(pid)
        if command.startswith(f"postgres: {name}:"):
            servers[pid] = False
        elif f"cluster_name={name} " in f"{command} " and is_postgres(command):
            servers[pid] = True
    return servers


def _all_pids() -> list[int]:
    if not _PROC.exists():
        return [int(pid) for pid in _ps("-axo", "pid=").split()]
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]


def _ps(*options: str) -> str:
    command = ["/bin/ps", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603
