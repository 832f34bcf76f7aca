"""The files of the embedded server under home, the locks on them and the secrets in them.

Starts nothing and knows nothing of PostgreSQL beyond names.
"""

import contextlib
import fcntl
import json
import os
import secrets
import stat
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from payviox.db.embedded.errors import OWN_SERVER, EmbeddedError

# sockaddr_un holds 104 bytes on macOS and 108 on Linux, the final zero included.
_LONGEST_SOCKET = 103
_SOCKET_NAME = "/.s.PGSQL.5432"


@dataclass(frozen=True)
class Secrets:
    """The cluster's name, by which its processes are told from others', and three passwords."""

    name: str
    admin: str
    owner: str
    web: str


class Layout:
    """Paths under one home."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()
        self.root = self.home / "postgres"
        self.data = self.root / "data"
        self.secrets = self.root / "cluster.json"
        self.holders_lock = self.root / "holders.lock"
        self.keeper_lock = self.root / "keeper.lock"
        self.data_lock = self.root / "data.lock"
        self.serve_lock = self.root / "serve.lock"
        self.shortcut = self.root / "socket"
        self.keeper_log = self.root / "keeper.log"
        self.server_log = self.root / "server.log"
        self.archive = self.root / "archive.json"
        self.archive_log = self.root / "archive.log"

    def prepare(self) -> None:
        """Make home and our folder in it, if missing; home itself is never changed.

        Raises EmbeddedError where they cannot be written or are another user's.
        """
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            home = self.home.stat()
            if home.st_uid not in (0, os.geteuid()):
                raise EmbeddedError(
                    f"{self.home} belongs to user id {home.st_uid} and you are {os.geteuid()}: what"
                    " another user made is not trusted. Run Payviox as that user, or choose another"
                    f" folder with PAYVIOX_HOME. {OWN_SERVER}"
                )
            self.root.mkdir(mode=0o700, exist_ok=True)
            status = self.root.lstat()
        except OSError as error:
            raise EmbeddedError(
                f"Cannot use the data folder {self.home}: {error.strerror}. Choose one that you"
                f" may write to with PAYVIOX_HOME. {OWN_SERVER}"
            ) from error
        if status.st_uid != os.geteuid():
            raise EmbeddedError(
                f"{self.root} belongs to user id {status.st_uid} and you are {os.geteuid()}."
                f" Run Payviox as the user who ran it first. {OWN_SERVER}"
            )
        if not stat.S_ISDIR(status.st_mode):
            raise EmbeddedError(f"{self.root} is not a folder. Move it away. {OWN_SERVER}")
        if stat.S_IMODE(status.st_mode) != 0o700:
            self.root.chmod(0o700)

    def cluster_name(self, name: str) -> str:
        """What this home's server is called, by its secrets' name and its data folder: the copy of
        a home carries the name, and must not take the original's server for its own."""
        status = self.data.stat()
        return f"{name}-{status.st_dev:x}-{status.st_ino:x}"

    def read_secrets(self) -> Secrets | None:
        """The secrets, or None before the first start. Raises EmbeddedError if unreadable."""
        try:
            return Secrets(**json.loads(self.secrets.read_text("utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, TypeError, ValueError) as error:
            raise EmbeddedError(
                f"Cannot read {self.secrets}. Restore it from a backup, or move it away and new"
                " passwords are made."
            ) from error

    def write_secrets(self, new: Secrets) -> None:
        """Keep the secrets, readable by their owner alone, whole or not at all."""
        write_private(self.secrets, json.dumps(asdict(new)))

    def socket_folder(self) -> Path:
        """A folder to name to libpq: data itself, or a short link to it.

        A comma is libpq's separator of hosts, so a home with one takes the link as well.
        """
        direct = str(self.data)
        if len(os.fsencode(direct + _SOCKET_NAME)) <= _LONGEST_SOCKET and "," not in direct:
            return self.data
        return self._kept_link() or self._new_link()

    def _kept_link(self) -> Path | None:
        """The link made before, if it still is ours and leads to data."""
        with contextlib.suppress(OSError):
            link = Path(self.shortcut.read_text("utf-8"))
            folder = link.parent.lstat()
            ours = stat.S_ISDIR(folder.st_mode) and folder.st_uid == os.geteuid()
            # Nobody else may write there, or they could turn the link to a server of theirs.
            if ours and not folder.st_mode & 0o077 and link.readlink() == self.data:
                return link
        return None

    def _new_link(self) -> Path:
        # mkdtemp's folder is new, 0700 and ours, whatever others prepared in /tmp.
        link = Path(tempfile.mkdtemp(prefix="payviox-", dir="/tmp")) / "pg"
        link.symlink_to(self.data)
        write_private(self.shortcut, str(link))
        return link


def new_secrets() -> Secrets:
    """Random passwords; no character of theirs needs quoting in SQL or a URL."""
    name = f"payviox-{secrets.token_hex(6)}"
    return Secrets(name, *(secrets.token_urlsafe(32) for _ in range(3)))


def write_private(path: Path, text: str) -> None:
    """Replace a file by one that only its owner reads; after a crash it is the old or the new."""
    descriptor, new = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    Path(new).replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def try_lock(path: Path, *, shared: bool = False) -> int | None:
    """Lock a file without waiting: a descriptor (close it to unlock), or None if others hold it.

    The kernel lets go when the last copy of the descriptor is closed, so a killed holder does not
    hold on. Programs started later do not get it (close-on-exec); a plain fork shares it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
