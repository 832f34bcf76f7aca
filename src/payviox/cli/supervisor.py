"""The parent process of `serve`: starts web processes and a worker, starts one again that dies or
hangs, replaces them one after another, and stops them in order. It serves nothing itself."""

import asyncio
import itertools
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from payviox.errors import PayvioxError
from payviox.monitoring import shared_counts
from payviox.settings import Settings
from payviox.web import listening
from payviox.web.draining import DRAIN_S
from payviox.web.processes import WebProcess

logger = logging.getLogger(__name__)

STOP_S = 7.5
"""Seconds that the children have to stop in; with the embedded database's end it is within 10."""

LIVE_PATH, READY_PATH = "/health/live", "/health/ready"
READY_S = 90.0
LONGEST_PAUSE_S = 5.0
STEADY_S = 10.0
"""A child that lived this long is restarted at once; another one after a growing pause."""

LOOK_S, LOOKS = 5.0, 6
"""A worker hangs that /health/ready misses, which is after a minute without a heartbeat, so many
times in a row: one that was cut off with its database says so again in less."""
STARTED_S = 60.0
"""A younger worker may not have been heard of yet."""
SILENT_S = 30.0
"""A web process that has served and was not heard of for so long hangs: it says so each second."""
STALLED_S, SHARE_S = 5.0, 0.25
"""One that was not heard of for so long gets no connections while others do; looked at as often."""
END_S = 5.0
"""What a child that hangs has to end by itself."""


@dataclass(slots=True, eq=False)
class Child:
    """One child process."""

    process: asyncio.subprocess.Process
    web: WebProcess | None = None
    started: float = field(default_factory=time.monotonic)
    serves: asyncio.Event = field(default_factory=asyncio.Event)
    heard: float = 0.0
    """When a web process said last that it serves."""
    has_stalled: bool = False
    """Its listener was shut, which its HTTP server does not get over."""


@dataclass(slots=True, eq=False)
class Program:
    """What has to run, by its command; `child` is the process that runs it now."""

    name: str
    listener: socket.socket | None = None
    """What a web process takes connections from; it stays when the child goes."""
    child: Child | None = None
    is_shut: bool = False
    """Whether the listener takes no connections just now."""
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)
    came_up: bool = False
    is_replaced: bool = False
    pause_s: float = 0.0


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
        self._running: set[Child] = set()
        self._numbers: set[int] = set()
        """Of the web processes; while one is replaced there is one more."""
        self._stopping = asyncio.Event()
        self._reload_asked = asyncio.Event()
        self._missed = 0
        """How many looks in a row found no worker's heartbeat."""
        # Never written to: its end in the children closes with this process.
        self._lifeline, self._own_end = os.pipe()
        self._counts = Path()

    async def run(self, when_ready: Callable[[], None]) -> None:
        """Start the children, call `when_ready` once they serve, and see to them until a signal.

        SIGHUP replaces the children; where it comes from a terminal that has closed, it is a signal
        to stop. Raises PayvioxError where a child does not come up at all; it has said why itself.
        """
        for listener in self._listeners:
            listening.listen(listener)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        ends_with_terminal = has_terminal() and not _is_ignored(signal.SIGHUP)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up, ends_with_terminal)
        with shared_counts.folder() as self._counts:
            await self._run(when_ready)

    async def _run(self, when_ready: Callable[[], None]) -> None:
        keepers = [asyncio.create_task(self._keep(program)) for program in self._programs]
        stopping = asyncio.create_task(self._stopping.wait())
        others = [
            asyncio.create_task(self._announce(when_ready)),
            asyncio.create_task(_repeat(self._watch, LOOK_S)),
            asyncio.create_task(_repeat(self._share_out, SHARE_S)),
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
            await self._stop()

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
        """Replace the web processes one after another, each by one that serves already, then the
        worker. Raises PayvioxError where a new one does not come up; the others stay."""
        for program in self._programs:
            if self._stopping.is_set():
                return
            if program.listener is not None:
                await self._replace(program)
            elif program.child is not None and program.child.process.returncode is None:
                program.is_replaced = True
                await _end(program.child.process, STOP_S)

    async def _replace(self, program: Program) -> None:
        new = await self._start(program)
        serving = asyncio.create_task(new.serves.wait())
        ended = asyncio.create_task(new.process.wait())
        try:
            await asyncio.wait(
                [serving, ended], timeout=READY_S, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            serving.cancel()
            ended.cancel()
        if not new.serves.is_set():
            await self._forget(new)
            raise PayvioxError("A new web process did not come up; the log of `serve` says why.")
        async with program.changing:
            old, program.child = program.child, new
        if old is not None and old.process.returncode is None:
            await _end(old.process, DRAIN_S + STOP_S, signal.SIGUSR1)

    async def _keep(self, program: Program) -> None:
        """Run a program's child again and again. Raises PayvioxError where its first start fails,
        and OSError where it is not possible."""
        program.child = await self._start(program)
        while True:
            child = program.child
            status = await child.process.wait()
            await self._forget(child)
            if self._stopping.is_set():
                return
            if program.child is not child:
                continue  # a reload put another one there
            if not program.came_up and not child.serves.is_set() and status > 0:
                raise PayvioxError(f"`payviox {program.name}` did not start; it said why above.")
            if program.is_replaced or time.monotonic() - child.started > STEADY_S:
                program.pause_s = 0.0
            if not program.is_replaced:
                logger.error(
                    "%s ended with status %d, restarting in %.1f s",
                    program.name,
                    status,
                    program.pause_s,
                )
            program.is_replaced = False
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
                    program.child = await self._start(program)
                except OSError as error:  # the machine has no process, memory or file to spare
                    logger.warning(
                        "%s cannot be started, trying again in %.1f s: %s",
                        program.name,
                        program.pause_s,
                        error,
                    )
                else:
                    return

    async def _watch(self) -> None:
        """End children that hang; what keeps them starts them again."""
        now = time.monotonic()
        for program in self._programs:
            child = program.child
            if child is None or child.process.returncode is not None:
                continue
            if program.name == "worker":
                await self._look_at_worker(child)
            elif child.has_stalled and now - child.heard < STALLED_S:
                await _end(child.process, STOP_S)
                logger.error("a web process stalled and is started again")
            elif now - child.heard > SILENT_S if child.heard else now - child.started > READY_S:
                await _end(child.process, END_S)
                logger.error("a web process hung and is started again")

    async def _look_at_worker(self, child: Child) -> None:
        """Count the looks that miss its heartbeat; one that learns nothing does not count."""
        if time.monotonic() - child.started <= STARTED_S:
            self._missed = 0
            return
        silent = await worker_is_silent(self._settings)
        if silent is None:
            return
        self._missed = self._missed + 1 if silent else 0
        if self._missed == LOOKS:
            self._missed = 0
            await _end(child.process, END_S)
            logger.error("the worker had no heartbeat any more and is started again")

    async def _share_out(self) -> None:
        """Shut the listener of each web process that has ended or stalls while another serves: what
        waits there unread is reset, and new connections are for the others."""
        now = time.monotonic()
        web = [(p, p.listener) for p in self._programs if p.listener is not None]
        serving = [
            listener
            for program, listener in web
            if (child := program.child) is not None
            and child.process.returncode is None
            and child.heard
            and not child.has_stalled
            and now - child.heard < STALLED_S
        ]
        for program, listener in web:
            if listener in serving:
                if program.is_shut:
                    listening.listen(listener)
                    program.is_shut = False
            elif serving and not program.is_shut:
                listening.shut(listener)
                program.is_shut = True
                if program.child is not None and program.child.heard:
                    program.child.has_stalled = True

    async def _start(self, program: Program) -> Child:
        """Start a child; what a web process says of itself is noted."""
        arguments, inherited = ["--lifeline", str(self._lifeline)], [self._lifeline]
        if program.listener is None:
            child = Child(await _execute(program.name, arguments, inherited))
        else:
            child = await self._start_web(program.listener, arguments, inherited)
        self._running.add(child)
        return child

    async def _start_web(
        self, listener: socket.socket, arguments: list[str], inherited: list[int]
    ) -> Child:
        heard, pulse = os.pipe()
        number = next(n for n in itertools.count(1) if n not in self._numbers)
        self._numbers.add(number)
        try:
            os.set_blocking(pulse, False)
            web = WebProcess(
                number, len(self._listeners), listener.fileno(), pulse, str(self._counts)
            )
            arguments = [*arguments, "--process", web.write()]
            child = Child(await _execute("web", arguments, inherited + web.descriptors), web)
        except BaseException:
            os.close(heard)
            self._numbers.discard(number)
            raise
        finally:
            os.close(pulse)
        asyncio.get_running_loop().add_reader(heard, _hear, heard, child)
        return child

    async def _forget(self, child: Child) -> None:
        """A child that has ended, or does so now, is none of ours any more."""
        if child.process.returncode is None:
            await _end(child.process, END_S)
        if child in self._running and child.web is not None:
            shared_counts.forget(self._counts, child.web.number)
            self._numbers.discard(child.web.number)
        self._running.discard(child)

    async def _announce(self, when_ready: Callable[[], None]) -> None:
        path = (
            READY_PATH if any(program.name == "worker" for program in self._programs) else LIVE_PATH
        )
        until = time.monotonic() + READY_S
        while not (self._all_serve() and await answers(self._settings, path)):
            if time.monotonic() > until:
                logger.error("not ready after %.0f s; see /health/ready", READY_S)
                until = time.monotonic() + READY_S
            await asyncio.sleep(0.05)
        for program in self._programs:
            program.came_up = True
        when_ready()

    def _all_serve(self) -> bool:
        web = [program.child for program in self._programs if program.name == "web"]
        return all(child is not None and child.serves.is_set() for child in web)

    async def _stop(self) -> None:
        running = [child.process for child in self._running if child.process.returncode is None]
        _signal(running, signal.SIGTERM)
        waiting = [asyncio.create_task(process.wait()) for process in running]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=STOP_S)
            if late:
                _signal(running, signal.SIGKILL)
                await asyncio.wait(late)
                logger.warning("%d processes did not stop in time and were killed", len(late))
        os.close(self._own_end)
        os.close(self._lifeline)


def has_terminal() -> bool:
    """Whether this process has a terminal that may close."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _is_ignored(number: signal.Signals) -> bool:
    return signal.getsignal(number) is signal.SIG_IGN


async def _repeat(look: Callable[[], Awaitable[None]], every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        try:
            await look()
        except Exception:
            logger.exception("a look at the processes failed")


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("a part of the parent process ended", exc_info=error)


async def _execute(
    name: str, arguments: Sequence[str], inherited: Sequence[int]
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # this folder's modules are not ours
        "-m",
        "payviox",
        name,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        pass_fds=inherited,
    )


def _hear(descriptor: int, child: Child) -> None:
    """Note that a web process serves; at its end nothing more is heard of it."""
    if os.read(descriptor, 4096):
        child.heard = time.monotonic()
        child.serves.set()
    else:
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)


def _signal(processes: Sequence[asyncio.subprocess.Process], number: signal.Signals) -> None:
    for process in processes:
        if process.returncode is None:
            process.send_signal(number)


async def _end(
    process: asyncio.subprocess.Process,
    within_s: float,
    number: signal.Signals = signal.SIGTERM,
) -> None:
    """Tell a process to end, and kill it where it does not within so many seconds."""
    _signal([process], number)
    try:
        await asyncio.wait_for(process.wait(), within_s)
    except TimeoutError:
        _signal([process], signal.SIGKILL)
        await process.wait()


async def worker_is_silent(settings: Settings) -> bool | None:
    """Whether the web process reaches the database and finds no worker's heartbeat there; None
    where it does not answer or cannot know."""
    _, body = await _get(settings, READY_PATH)
    try:
        checks = json.loads(body)["checks"]
        if not checks["database"] == checks["schema"] == "ok":
            return None
        return bool(checks["worker"] != "ok")
    except (ValueError, LookupError, TypeError):
        return None


async def answers(settings: Settings, path: str) -> bool:
    """Whether the web process answers this path with 200."""
    status, _ = await _get(settings, path)
    return status.startswith(b"HTTP/1.1 200 ")


async def _get(settings: Settings, path: str) -> tuple[bytes, bytes]:
    """The status line and the body; nothing where there is no answer."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104  # compared, not bound
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(host, settings.port)
            try:
                request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
                writer.write(request.encode())
                status, _, rest = (await reader.read()).partition(b"\r\n")
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return b"", b""
    return status, rest.partition(b"\r\n\r\n")[2]
