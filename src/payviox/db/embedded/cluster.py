"""What commands call: join the embedded server, starting it if need be, and leave it.

Commands share one server by holding one lock together; the keeper, a process of its own, sees when
the last has let go, however it ended.
"""

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import IO, cast

from payviox.db import session
from payviox.db.embedded import server
from payviox.db.embedded.errors import OWN_SERVER, AlreadyServing, EmbeddedError
from payviox.db.embedded.layout import Layout, try_lock

_KEEPER = "payviox.db.embedded.keeper"
_POLL_S = 0.02
_WATCH_S = 0.25
# From the last sign of life: recovery after a crash may take longer, but it says that it goes on.
_READY_WITHIN_S = 90.0
_LEAVE_WITHIN_S = 60.0

_log = logging.getLogger(__name__)

# Commands stay the parents of the keepers they started, which may outlive their part in them.
_started: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class Cluster:
    """URLs of one database of the embedded server; each has its password inside: never log them."""

    application_url: str = field(repr=False)
    """As payviox_web, a member of payviox_app that owns nothing: for all that serves."""
    owner_url: str = field(repr=False)
    """As payviox_owner, who owns the database: for migrations."""
    admin_url: str = field(repr=False)
    """As superuser: for backups and tests."""


@contextlib.contextmanager
def embedded(home: Path, *, database: str = "payviox") -> Iterator[Cluster]:
    """Start or join the server of `home`, make `database` if missing, and leave at the end.

    While joined, a thread of this process restarts the keeper if it dies. The last to leave waits
    until the server has stopped, about 0.2 seconds.

    A process that is forked from this one is joined with it, for as long as it lives. A program
    started from it is not, and must join by itself if it may outlive this one.

    libpq's variables are dropped from this process's environment: they would lead elsewhere.

    Raises EmbeddedError, which says what to do.
    """
    session.forget_environment(embedded=True)
    layout = Layout(home)
    layout.prepare()
    member = _Member(layout)
    try:
        member.join()
        yield member.cluster(database)
    finally:
        member.leave()


@contextlib.contextmanager
def exclusive_serve(home: Path) -> Iterator[None]:
    """Be the only `serve` on `home`. Raises AlreadyServing, naming the other's pid."""
    layout = Layout(home)
    layout.prepare()
    lock = try_lock(layout.serve_lock)
    if lock is None:
        pid = layout.serve_lock.read_text().strip() or "unknown"
        raise AlreadyServing(
            f"Payviox is being served from {layout.home} already, by process {pid}. End that one"
            " first, or serve from another PAYVIOX_HOME."
        )
    try:
        os.truncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(lock)


class _Member:
    """This process's part in a running server."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._held: int | None = None
        self._keeper: subprocess.Popen[bytes] | None = None
        self._left = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="payviox-keeper", daemon=True)

    def join(self) -> None:
        """Hold the server and wait until it answers. Raises EmbeddedError."""
        until = time.monotonic() + _READY_WITHIN_S
        try:
            # A keeper that is stopping keeps us out until it has ended.
            while (held := try_lock(self._layout.holders_lock, shared=True)) is None:
                if time.monotonic() > until:
                    raise self._late("the one before does not stop")
                time.sleep(_POLL_S)
            self._held = held
            self._wait_until_it_answers()
        except OSError as error:
            raise EmbeddedError(f"Cannot use {self._layout.root}: {error}. {OWN_SERVER}") from error
        self._watcher.start()

    def leave(self) -> None:
        """Let go; if we were the last, wait until the server has stopped."""
        self._left.set()
        if self._watcher.ident is not None:
            self._watcher.join()
        if self._held is None:
            return
        os.close(self._held)
        self._held = None
        until = time.monotonic() + _LEAVE_WITHIN_S
        while self._is_stopping() and time.monotonic() < until:
            time.sleep(_POLL_S)
        if self._keeper is not None and self._keeper.poll() is None and self._keeper.stdout:
            self._keeper.stdout.close()

    def _is_stopping(self) -> bool:
        """Whether a keeper is left and nobody else to keep for."""
        if (free := try_lock(self._layout.keeper_lock)) is not None:
            os.close(free)
            return False
        if (shared := try_lock(self._layout.holders_lock, shared=True)) is None:
            return True  # the keeper has it
        os.close(shared)
        if (alone := try_lock(self._layout.holders_lock)) is None:
            return False  # another command has it
        os.close(alone)
        return True  # the keeper has not looked yet

    def _watch(self) -> None:
        while not self._left.wait(_WATCH_S):
            try:
                self._ensure_keeper()
            except EmbeddedError as error:
                _log.error("The embedded PostgreSQL is down: %s", error)  # it says all
                self._left.wait(2.0)
            except OSError as error:  # of this process: too many open files, a full disk
                _log.error("The embedded PostgreSQL cannot be looked after: %s", error)
                self._left.wait(2.0)

    def _ensure_keeper(self) -> None:
        """Start a keeper if there is none. Raises EmbeddedError if ours has failed."""
        self._raise_if_keeper_failed()
        lock = try_lock(self._layout.keeper_lock)
        if lock is None:
            return
        try:
            # It inherits the lock, so there is no moment in which two could be started.
            self._keeper = subprocess.Popen(  # noqa: S603  this Python, this package
                [sys.executable, "-P", "-m", _KEEPER, str(self._layout.home), str(lock)],
                cwd="/",
                env=_keeper_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[lock],
                start_new_session=True,  # so Ctrl-C reaches the command and not its database
            )
            _started.append(self._keeper)
        finally:
            os.close(lock)

    def _raise_if_keeper_failed(self) -> None:
        keeper = self._keeper
        if keeper is None or keeper.poll() is None:
            return
        self._keeper = None
        _started.remove(keeper)
        with cast("IO[bytes]", keeper.stdout) as output:
            complaint = output.read().decode("utf-8", "replace").strip()
        # Killed by a signal, it is simply replaced.
        if keeper.returncode > 0:
            raise EmbeddedError(complaint or f"The keeper failed, see {self._layout.keeper_log}.")

    def _wait_until_it_answers(self) -> None:
        until = time.monotonic() + _READY_WITHIN_S
        refusal: str | None = "the keeper has not made the cluster"
        while time.monotonic() < until:
            self._ensure_keeper()
            if self._layout.secrets.exists():
                refusal = _database().refusal(self._layout)
            if refusal is None:
                return
            if "password authentication failed" in refusal:
                raise EmbeddedError(
                    f"The passwords in {self._layout.secrets} are not the server's. End all"
                    " commands and move the file away; the next start makes new ones."
                )
            if "the database system is" in refusal:  # starting up, in recovery, shutting down
                until = time.monotonic() + _READY_WITHIN_S
            time.sleep(_POLL_S)
        raise self._late(str(refusal))

    def _late(self, refusal: str) -> EmbeddedError:
        return EmbeddedError(
            f"PostgreSQL did not answer within {_READY_WITHIN_S:.0f} seconds: {refusal.strip()}."
            f" See {self._layout.server_log} and {self._layout.keeper_log}. {OWN_SERVER}"
        )

    def cluster(self, database: str) -> Cluster:
        """URLs of a database, which is made if missing. Raises EmbeddedError."""
        _database().ensure(self._layout, database)
        urls = _database().urls(self._layout, database)
        return Cluster(urls[server.WEB], urls[server.OWNER], urls[server.ADMIN])


def _database() -> ModuleType:
    """Imported late: the keeper passes by here, and psycopg would double the time it starts in."""
    from payviox.db.embedded import database  # noqa: PLC0415

    return database


def _keeper_environment() -> dict[str, str]:
    """Ours, less what a database has no business to know, plus where this package lies."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PAYVIOX_", "PG")) and name != "PYTHONPATH"
    }
    root = str(Path(__file__).resolve().parents[3])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**inherited, "PYTHONPATH": os.pathsep.join(paths)}
