"""`payviox reload`, and the file by which it finds the `serve` that it means."""

import fcntl
import json
import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click

from payviox import settings as settings_module
from payviox.errors import PayvioxError
from payviox.settings import Settings

logger = logging.getLogger(__name__)

LOOK_S = 0.1
LONGEST_S = 600.0
LOCK_S = 1.0


@dataclass(frozen=True, slots=True)
class Served:
    """What a running `serve` says of itself: its process, how many reloads have begun and ended,
    and what kept it from the last one."""

    pid: int
    begun: int = 0
    ended: int = 0
    failure: str | None = None


class ServedFile:
    """The file of the `serve` on one port, locked while it runs."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        self._served = Served(os.getpid())
        self._write()

    def begun(self) -> None:
        """Say that a reload begins."""
        self._served = replace(self._served, begun=self._served.begun + 1)
        self._write()

    def reloaded(self, failure: str | None) -> None:
        """Say that the reload has ended, and why where it failed."""
        self._served = replace(self._served, ended=self._served.begun, failure=failure)
        self._write()

    def _write(self) -> None:
        if self._descriptor is not None:
            text = json.dumps(asdict(self._served)).encode()
            with suppress(OSError):  # a full disk; `reload` says that it heard nothing
                os.pwrite(self._descriptor, text, 0)
                os.ftruncate(self._descriptor, len(text))


@contextmanager
def served_file(settings: Settings) -> Iterator[ServedFile]:
    """Be found by `payviox reload` within the block, where PAYVIOX_HOME can be written to."""
    path = _path(settings)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        logger.info("`payviox reload` will not find this process, SIGHUP does: %s", error)
        yield ServedFile(None)
        return
    try:
        _lock(descriptor)
        yield ServedFile(descriptor)
        path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    """Hold the file, which a `reload` that looks for us may hold for a moment."""
    until = time.monotonic() + LOCK_S
    while time.monotonic() < until:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(0.01)
    logger.warning("`payviox reload` will not find this process, SIGHUP does: its file is held")


@click.command()
def reload() -> None:
    """Replace the running processes of `payviox serve` one after another, without a refused call.

    Waits for a reload that began after it was asked for, where another one is on its way.

    Each new web process reads the settings anew and serves before an old one ends; the worker
    follows. Host, port and the number of processes stay as they are until the next start.
    """
    settings = settings_module.load()
    before = _find(settings)
    os.kill(before.pid, signal.SIGHUP)
    until = time.monotonic() + LONGEST_S
    while time.monotonic() < until:
        time.sleep(LOOK_S)
        now = _find(settings)
        if now.pid != before.pid:
            break
        if now.ended > before.begun:
            if now.failure is not None:
                raise PayvioxError(now.failure)
            click.echo("Reloaded.")
            return
    raise PayvioxError("`payviox serve` did not say that it was reloaded; see its log.")


def _find(settings: Settings) -> Served:
    """Raises PayvioxError where nothing serves on the port."""
    path = _path(settings)
    with suppress(OSError, ValueError, TypeError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _read(descriptor)
        finally:
            os.close(descriptor)
    raise PayvioxError(
        f"No `payviox serve` of {settings.home} runs on port {settings.port}. Set PAYVIOX_HOME and"
        " PAYVIOX_PORT as it has them, or send SIGHUP to it."
    )


def _read(descriptor: int) -> Served:
    """What the file says; it may be in the middle of being written."""
    until = time.monotonic() + 1
    while True:
        try:
            return Served(**json.loads(os.pread(descriptor, 4096, 0)))
        except ValueError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def _path(settings: Settings) -> Path:
    return settings.home / f"serve-{settings.port}.json"
