"""The keeper: the process that runs the server while any command needs it, and then stops it.

Started by `cluster` as `python -m payviox.db.embedded.keeper HOME FD`, where FD is keeper.lock,
held from birth. It has one thread, because it forks, and imports no psycopg, to be quick. What
keeps it from starting is its standard output, which the command that started it reads.
"""

import contextlib
import logging
import logging.handlers
import os
import select
import signal
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import IO, cast

from payviox.db.embedded import binaries, server
from payviox.db.embedded.archive import Archiver
from payviox.db.embedded.errors import OWN_SERVER, EmbeddedError
from payviox.db.embedded.layout import Layout, Secrets, new_secrets, try_lock
from payviox.db.embedded.processes import (
    Account,
    command_of,
    is_postgres,
    server_account,
    server_processes,
)

_TICK_S = 0.1
# Children of a killed postmaster see it end at once, unless they are in the middle of a statement.
_STRAYS_MAY_TAKE_S = 1.0
# A fast shutdown writes out shared_buffers first, which a slow disk takes its time over.
_SHUTDOWN_MAY_TAKE_S = 60.0
# Of a shutdown: an archive's disk that hangs must not keep the server.
_ARCHIVING_MAY_TAKE_S = 3.0
_LONGEST_PAUSE_S = 5.0
_LOG_BYTES = 4 * 2**20

_log = logging.getLogger("payviox.keeper")
_server_log = logging.getLogger("payviox.keeper.server")


class Keeper:
    """One keeper of one home. `run` is its life."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._stopping = False
        self._nobody_lock: int | None = None
        self._last_lines: deque[str] = deque(maxlen=20)
        self._unfinished = b""
        self._archiver: Archiver | None = None

    def stop_soon(self) -> None:
        """Stop at the next tick, whoever may still be joined."""
        self._stopping = True

    def run(self) -> None:
        """Serve until nobody is joined. Raises EmbeddedError if the server does not start."""
        account = server_account()
        programs = binaries.find(account)
        secrets = self._ready_cluster(programs, account)
        self._archiver = Archiver(self._layout, programs, secrets)
        was_ready = False
        pause_s = 0.0
        while True:
            began = time.monotonic()
            lock = self._sole_use()
            self._drop_stale_pid_files()
            process = server.start_server(self._layout, programs, account, secrets, lock)
            os.close(lock)
            _log.info("postmaster %d started", process.pid)
            was_ready = self._attend(process, until_ready=True) or was_ready
            if process.poll() is None:
                self._attend(process, until_ready=False)
            if process.poll() is None:
                self._stop(process)
                return
            self._read(process, 0)
            _log.warning("postmaster %d ended with %s", process.pid, process.returncode)
            if not was_ready:
                raise EmbeddedError(
                    f"PostgreSQL does not start in {self._layout.data}. Is the disk full?"
                    f" {OWN_SERVER} It said:\n" + "\n".join(self._last_lines)
                )
            lived_s = time.monotonic() - began
            longer_s = min(pause_s * 2 + 0.1, _LONGEST_PAUSE_S)
            pause_s = 0.0 if lived_s > _LONGEST_PAUSE_S else longer_s
            if self._pause(pause_s):
                return

    def _ready_cluster(self, programs: Path, account: Account) -> Secrets:
        """Make the cluster at the first start; check it at the others."""
        secrets = self._layout.read_secrets()
        lock = self._sole_use()
        try:
            maker = server.Maker(self._layout, programs, account, lock)
            if not self._layout.data.exists():
                # The secrets first: a cluster whose passwords nobody knows would be of no use.
                secrets = secrets or new_secrets()
                self._layout.write_secrets(secrets)
                _log.info("making a cluster in %s", self._layout.data)
                maker.make(secrets)
            server.check(self._layout, account)
            if secrets is None:
                _log.warning("cluster.json is missing, setting new passwords")
                secrets = new_secrets()
                self._drop_stale_pid_files()
                maker.set_passwords(secrets)
                self._layout.write_secrets(secrets)
            return secrets
        finally:
            os.close(lock)

    def _sole_use(self) -> int:
        """Take data.lock, once every process of a former server has ended, and see to it.

        A keeper that was killed leaves a postmaster that is shutting down; a postmaster that was
        killed leaves backends, which PostgreSQL would refuse to start beside.
        """
        began = time.monotonic()
        signalled: set[int] = set()
        while (lock := try_lock(self._layout.data_lock)) is None:
            waited_s = time.monotonic() - began
            left = self._left_of_a_server()
            postmasters = {pid for pid, is_postmaster in left.items() if is_postmaster}
            if postmasters - signalled:
                _signal_all(postmasters - signalled, signal.SIGINT)
                signalled |= postmasters
            elif waited_s > (_SHUTDOWN_MAY_TAKE_S if postmasters else _STRAYS_MAY_TAKE_S):
                _log.warning("killing what is left of a former server: %s", sorted(left))
                _signal_all(set(left), signal.SIGKILL)
            if waited_s > _SHUTDOWN_MAY_TAKE_S * 2:
                raise EmbeddedError(
                    f"Another process uses {self._layout.data} and does not end. Find it with"
                    f" `fuser {self._layout.data_lock}` and end it. {OWN_SERVER}"
                )
            time.sleep(0.02)
        return lock

    def _left_of_a_server(self) -> dict[int, bool]:
        """What still runs on this data folder, as `server_processes` answers it."""
        secrets = self._layout.read_secrets()
        if secrets is None or not self._layout.data.exists():
            return {}
        return server_processes(self._layout.cluster_name(secrets.name))

    def _drop_stale_pid_files(self) -> None:
        """Remove a dead postmaster's pid files, whose pid may be a zombie's or another program's.

        PostgreSQL would take any process with that pid for the old postmaster. We hold data.lock,
        so a living postmaster is another home's, from which this one was copied, or somebody's own,
        started by hand: then its files we leave, and PostgreSQL refuses to start beside it.
        """
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            path = self._layout.data / name
            try:
                pid = int(path.read_text().split("\n", 1)[0])
            except FileNotFoundError:
                continue
            except ValueError:  # cut off by a crash or a full disk
                pid = 0
            command = command_of(pid) if pid else ""
            if not is_postgres(command) or "cluster_name=payviox-" in command:
                path.unlink(missing_ok=True)

    def _attend(self, process: subprocess.Popen[bytes], *, until_ready: bool) -> bool:
        """Look after the running server until it ends or should; or, if asked, until it is ready.

        Returns whether it is ready, as far as it says itself: commands find out by connecting.
        """
        while process.poll() is None and not self._should_stop():
            if until_ready and self._says_ready(process.pid):
                return True
            if not until_ready and self._archiver is not None:
                self._archiver.look()
            self._read(process, _TICK_S)
        return False

    def _says_ready(self, pid: int) -> bool:
        try:
            lines = (self._layout.data / "postmaster.pid").read_text().split("\n")
        except OSError:
            return False
        return lines[0] == str(pid) and len(lines) > 7 and lines[7].strip() == "ready"

    def _should_stop(self) -> bool:
        """Whether nobody is joined any more; if so nobody can join until we have ended."""
        if self._nobody_lock is None:
            self._nobody_lock = try_lock(self._layout.holders_lock)
        return self._stopping or self._nobody_lock is not None

    def _pause(self, seconds: float) -> bool:
        """Wait before the next start. Returns whether to stop instead."""
        until = time.monotonic() + seconds
        while not self._should_stop():
            if time.monotonic() >= until:
                return False
            time.sleep(min(_TICK_S, seconds))
        return True

    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        """Shut down: fast, which loses nothing; then at once; then by force, which recovers."""
        _log.info("stopping postmaster %d", process.pid)
        for number, wait_s in ((signal.SIGINT, _SHUTDOWN_MAY_TAKE_S), (signal.SIGQUIT, 10.0)):
            process.send_signal(number)
            began = time.monotonic()
            while process.poll() is None and time.monotonic() < began + wait_s:
                self._read(process, 0.02)
                # The server waits until the archive has everything.
                if self._archiver and time.monotonic() > began + _ARCHIVING_MAY_TAKE_S:
                    self._archiver.stop()
            if process.poll() is not None:
                break
        else:
            process.kill()
            process.wait()
        if self._archiver is not None:
            self._archiver.stop()
        # Nobody is left behind, and the next start need not wait.
        os.close(self._sole_use())
        self._read(process, 0)

    def _read(self, process: subprocess.Popen[bytes], wait_s: float) -> None:
        """Put what the server says into its log, waiting for up to `wait_s` seconds."""
        descriptor = cast("IO[bytes]", process.stdout).fileno()
        while select.select([descriptor], [], [], wait_s)[0]:
            chunk = os.read(descriptor, 2**16)
            if not chunk:  # all ends are closed: it is about to end
                time.sleep(min(wait_s, 0.02))
                return
            *lines, self._unfinished = (self._unfinished + chunk).split(b"\n")
            for line in lines:
                text = line.decode("utf-8", "replace")
                self._last_lines.append(text)
                _server_log.info("%s", text)
            wait_s = 0


def _signal_all(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _set_up_logs(layout: Layout) -> None:
    logging.raiseExceptions = False  # a full disk must not stop the server
    for logger, path, form in (
        (_log, layout.keeper_log, "%(asctime)s [%(process)d] %(message)s"),
        (_server_log, layout.server_log, "%(message)s"),
    ):
        handler = logging.handlers.RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=2)
        handler.setFormatter(logging.Formatter(form))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False


def main(home: str) -> int:
    """Keep until done. Returns the exit status: 0, or 1 having printed what is wrong."""
    os.umask(0o077)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])  # whatever the command had blocked
    layout = Layout(Path(home))
    _set_up_logs(layout)
    keeper = Keeper(layout)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: keeper.stop_soon())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        keeper.run()
    except (EmbeddedError, OSError) as error:
        _log.error("%s", error)
        with contextlib.suppress(OSError):  # nobody reads any more
            sys.stdout.write(f"{error}\n")
            sys.stdout.flush()
        return 1
    except Exception:
        _log.exception("a mistake of ours")
        raise
    _log.info("done")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
