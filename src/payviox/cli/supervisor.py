"""The parent process of `serve`: starts web and worker, restarts one that dies or hangs, and stops
them in order. It serves nothing itself."""

import asyncio
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from payviox.errors import PayvioxError
from payviox.settings import Settings

logger = logging.getLogger(__name__)

STOP_S = 7.5
"""Seconds that the children have to stop in; with the embedded database's end it is within 10."""

READY_PATH = "/health/ready"
READY_S = 90.0
LONGEST_PAUSE_S = 5.0
STEADY_S = 10.0
"""A child that lived this long is restarted at once; another one after a growing pause."""

LOOK_S, LOOKS = 5.0, 6
"""A worker hangs that /health/ready misses, which is after a minute without a heartbeat, so many
times in a row: one that was cut off with its database says so again in less."""
STARTED_S = 60.0
"""A younger worker may not have been heard of yet."""
END_S = 5.0
"""What a worker that hangs has to end by itself."""


@dataclass(slots=True)
class Child:
    """One child process, by the command that it runs."""

    name: str
    process: asyncio.subprocess.Process | None = None
    ready: bool = False
    pause_s: float = 0.0
    started: float = field(default_factory=time.monotonic)


class Supervisor:
    """Runs until it is told to stop. `arguments` are what each child's command line adds."""

    def __init__(self, settings: Settings, names: Sequence[str] = ("web", "worker")) -> None:
        self._settings = settings
        self._children = [Child(name) for name in names]
        self._stopping = asyncio.Event()
        # Never written to: its end in the children closes with this process.
        self._lifeline, self._own_end = os.pipe()

    async def run(self, when_ready: Callable[[], None]) -> None:
        """Start the children, call `when_ready` once they serve, and see to them until a signal.

        Raises PayvioxError where a child does not come up at all; it has said why itself.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._stopping.set)
        keepers = [asyncio.create_task(self._keep(child)) for child in self._children]
        announcing = asyncio.create_task(self._announce(when_ready))
        watching = asyncio.create_task(self._watch())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            done, _ = await asyncio.wait([*keepers, stopping], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                task.result()
        finally:
            announcing.cancel()
            watching.cancel()
            stopping.cancel()
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, announcing, watching, stopping, return_exceptions=True)
            await self._stop()

    async def _keep(self, child: Child) -> None:
        """Run a child again and again. Raises PayvioxError where its first start fails."""
        while True:
            child.started = time.monotonic()
            child.process = await self._start(child.name)
            status = await child.process.wait()
            if self._stopping.is_set():
                return
            if not child.ready and status > 0:
                raise PayvioxError(f"`payviox {child.name}` did not start; it said why above.")
            if time.monotonic() - child.started > STEADY_S:
                child.pause_s = 0.0
            logger.error(
                "%s ended with status %d, restarting in %.1f s", child.name, status, child.pause_s
            )
            await asyncio.sleep(child.pause_s)
            child.pause_s = min(child.pause_s * 2 + 0.2, LONGEST_PAUSE_S)

    async def _watch(self) -> None:
        """End a worker that hangs; what keeps it starts it again."""
        worker = next((child for child in self._children if child.name == "worker"), None)
        missed = 0
        while worker is not None:
            await asyncio.sleep(LOOK_S)
            old = time.monotonic() - worker.started > STARTED_S
            missed = missed + 1 if old and await worker_is_silent(self._settings) else 0
            if missed == LOOKS and worker.process is not None:
                await _end(worker.process)
                logger.error("the worker had no heartbeat any more and is started again")
                missed = 0

    async def _start(self, name: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # this folder's modules are not ours
            "-m",
            "payviox",
            name,
            "--lifeline",
            str(self._lifeline),
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=[self._lifeline],
        )

    async def _announce(self, when_ready: Callable[[], None]) -> None:
        until = time.monotonic() + READY_S
        while not await answers(self._settings, READY_PATH):
            if time.monotonic() > until:
                logger.error("not ready after %.0f s; see /health/ready", READY_S)
                until = time.monotonic() + READY_S
            await asyncio.sleep(0.05)
        for child in self._children:
            child.ready = True
        when_ready()

    async def _stop(self) -> None:
        running = [c.process for c in self._children if c.process and c.process.returncode is None]
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


def _signal(processes: Sequence[asyncio.subprocess.Process], number: signal.Signals) -> None:
    for process in processes:
        if process.returncode is None:
            process.send_signal(number)


async def _end(process: asyncio.subprocess.Process) -> None:
    _signal([process], signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), END_S)
    except TimeoutError:
        _signal([process], signal.SIGKILL)
        await process.wait()


async def worker_is_silent(settings: Settings) -> bool:
    """Whether the web process reaches the database and finds no worker's heartbeat there."""
    _, body = await _get(settings, READY_PATH)
    try:
        checks = json.loads(body)["checks"]
        return bool(checks["database"] == checks["schema"] == "ok" != checks["worker"])
    except (ValueError, LookupError, TypeError):
        return False  # it does not answer, or answers something else: nothing is known


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
