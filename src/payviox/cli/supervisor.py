"""The parent process of `serve`: starts web processes and a worker, starts one again that ended,
replaces them one after another, and stops them in order. It serves nothing itself."""

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence

from payviox import garbage
from payviox.cli import looks
from payviox.cli.children import Child, Children
from payviox.cli.health import LIVE_PATH, READY_PATH, answers
from payviox.cli.looks import Looks, Program
from payviox.errors import PayvioxError
from payviox.monitoring import shared_counts
from payviox.settings import Settings
from payviox.web import listening
from payviox.web.draining import DRAIN_S

logger = logging.getLogger(__name__)

LONGEST_PAUSE_S = 5.0
STEADY_S = 10.0
"""A child that lived this long is restarted at once; another one after a growing pause."""


class Supervisor:
    """Runs a web process for each of `listeners`, and the `others` by their names, until it is told
    to stop. A listener keeps connections until its web process takes them, or the next one; while
    that is away and others serve, it takes none. `on_reload` hears when a reload begins,
    `on_reloaded` when it has ended, and why where it failed."""

    def __init__(
        self,
        settings: Settings,
        listeners: Sequence[socket.socket],
        others: Sequence[str] = ("worker",),
        *,
        on_reload: Callable[[], None] = lambda: None,
        on_reloaded: Callable[[str | None], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._listeners = listeners
        self._on_reload = on_reload
        self._on_reloaded = on_reloaded
        self._programs = [
            *(Program("web", listener) for listener in listeners),
            *(Program(name) for name in others),
        ]
        self._children = Children(len(listeners))
        self._stopping = asyncio.Event()
        self._reload_asked = asyncio.Event()

    async def run(self, when_ready: Callable[[], None]) -> None:
        """Start the children, call `when_ready` once they serve, and see to them until a signal.

        SIGHUP replaces the children; where it comes from a terminal that has closed, it is a signal
        to stop. Raises PayvioxError where a child does not come up at all; it has said why itself.
        """
        garbage.loaded()
        for listener in self._listeners:
            listening.listen(listener)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        ends_with_terminal = has_terminal() and not _is_ignored(signal.SIGHUP)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up, ends_with_terminal)
        with shared_counts.folder() as self._children.counts:
            await self._run(when_ready)

    async def _run(self, when_ready: Callable[[], None]) -> None:
        keepers = [asyncio.create_task(self._keep(program)) for program in self._programs]
        stopping = asyncio.create_task(self._stopping.wait())
        looking = Looks(self._settings, self._programs)
        others = [
            asyncio.create_task(self._announce(when_ready)),
            asyncio.create_task(looking.look()),
            asyncio.create_task(looking.share_out()),
            asyncio.create_task(self._reload_when_asked()),
        ]
        for task in others:
            task.add_done_callback(_log_failure)
        try:
            done, _ = await asyncio.wait([*keepers, stopping], return_when=asyncio.FIRST_COMPLETED)
            for ended in done - {stopping}:
                ended.result()
        finally:
            self._stopping.set()
            every = [*keepers, stopping, *others]
            for each in every:
                each.cancel()
            await asyncio.gather(*every, return_exceptions=True)
            killed = await self._children.stop(looks.STOP_S)
            if killed:
                logger.warning("%d processes did not stop in time and were killed", killed)

    def _hang_up(self, ends_with_terminal: bool) -> None:
        if ends_with_terminal and not has_terminal():
            self._stopping.set()
        else:
            self._reload_asked.set()

    async def _reload_when_asked(self) -> None:
        """Reload for each signal; those that come during a reload get one more after it."""
        while True:
            await self._reload_asked.wait()
            self._reload_asked.clear()
            self._on_reload()
            failure = None
            try:
                await self._reload()
            except PayvioxError as error:
                failure = str(error)
            except Exception as error:
                logger.exception("a reload was broken off")
                failure = f"The reload was broken off: {error}."
            if self._stopping.is_set():
                return
            if failure is None:
                logger.info("reloaded: every process is a new one")
            else:
                logger.error("not reloaded: %s", failure)
            self._on_reloaded(failure)

    async def _reload(self) -> None:
        """Replace one process after another, the worker last, each by one that can do its work
        already. Raises PayvioxError where a new one cannot; the old one goes on, and the others
        stay as they are."""
        for program in self._programs:
            if not self._stopping.is_set():
                await self._replace(program)

    async def _replace(self, program: Program) -> None:
        new = await self._children.start(program.name, program.listener)
        ready = asyncio.create_task(new.is_ready.wait())
        ended = asyncio.create_task(new.process.wait())
        try:
            await asyncio.wait(
                [ready, ended], timeout=looks.READY_S, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            ready.cancel()
            ended.cancel()
        if new.has_ended or not new.is_ready.is_set():
            await self._children.forget(new)
            raise PayvioxError(_why_not(program, new))
        async with program.changing:
            old, program.child = program.child, new
        if old is None:
            return
        if program.listener is None:
            await old.end(looks.STOP_S)
        else:
            await old.end(DRAIN_S + looks.STOP_S, signal.SIGUSR1)

    async def _keep(self, program: Program) -> None:
        """Run a program's child again and again. Raises PayvioxError where its first start fails,
        and OSError where it is not possible."""
        program.child = await self._children.start(program.name, program.listener)
        while True:
            child = program.child
            status = await child.process.wait()
            await self._children.forget(child)
            if self._stopping.is_set():
                return
            if program.child is not child:
                continue  # a reload put another one there
            if not program.came_up and not child.serves.is_set() and status > 0:
                raise PayvioxError(f"`payviox {program.name}` did not start; it said why above.")
            if time.monotonic() - child.started > STEADY_S:
                program.pause_s = 0.0
            logger.error(
                "%s ended with status %d, restarting in %.1f s",
                program.name,
                status,
                program.pause_s,
            )
            await self._start_again(program, child)

    async def _start_again(self, program: Program, ended: Child) -> None:
        """Start the next child after a pause, as often as it takes, unless a reload did."""
        while True:
            await asyncio.sleep(program.pause_s)
            program.pause_s = min(program.pause_s * 2 + 0.2, LONGEST_PAUSE_S)
            async with program.changing:
                if program.child is not ended:
                    return
                try:
                    program.child = await self._children.start(program.name, program.listener)
                except OSError as error:  # the machine has no process, memory or file to spare
                    logger.warning(
                        "%s cannot be started, trying again in %.1f s: %s",
                        program.name,
                        program.pause_s,
                        error,
                    )
                else:
                    return

    async def _announce(self, when_ready: Callable[[], None]) -> None:
        has_worker = any(program.listener is None for program in self._programs)
        path = READY_PATH if has_worker else LIVE_PATH
        until = time.monotonic() + looks.READY_S
        while not (self._all_serve() and await answers(self._settings, path)):
            if time.monotonic() > until:
                logger.error("not ready after %.0f s; see /health/ready", looks.READY_S)
                until = time.monotonic() + looks.READY_S
            await asyncio.sleep(0.05)
        for program in self._programs:
            program.came_up = True
        when_ready()

    def _all_serve(self) -> bool:
        web = [program.child for program in self._programs if program.listener is not None]
        return all(child is not None and child.serves.is_set() for child in web)


def _why_not(program: Program, new: Child) -> str:
    """What to say of a process that was to replace another one."""
    name = "worker" if program.listener is None else "web process"
    if new.serves.is_set():
        return (
            f"A new {name} started and cannot do its work; /health/ready or the log of `serve` says"
            " why. The old one goes on."
        )
    return f"A new {name} did not come up; the log of `serve` says why. The old one goes on."


def has_terminal() -> bool:
    """Whether this process has a terminal that may close."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _is_ignored(number: signal.Signals) -> bool:
    return signal.getsignal(number) is signal.SIG_IGN


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("a part of the parent process ended", exc_info=error)
