"""The child processes of `serve`: how they are started, heard of and ended. When that has to be is
supervisor.py's."""

import asyncio
import itertools
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from payviox.monitoring import shared_counts
from payviox.web.processes import READY, WebProcess

END_S = 5.0
"""What a child that hangs has to end by itself."""


@dataclass(slots=True, eq=False)
class Child:
    """One child process."""

    process: asyncio.subprocess.Process
    number: int | None = None
    """Of a web process."""
    started: float = field(default_factory=time.monotonic)
    serves: asyncio.Event = field(default_factory=asyncio.Event)
    is_ready: asyncio.Event = field(default_factory=asyncio.Event)
    """It can do its work, too: it said so once."""
    heard: float = 0.0
    """When a web process said last that it serves."""
    has_stalled: bool = False
    """Its listener was shut, which its HTTP server does not get over."""

    @property
    def has_ended(self) -> bool:
        return self.process.returncode is not None

    async def end(
        self, within_s: float | None = None, number: signal.Signals = signal.SIGTERM
    ) -> None:
        """Tell it to end, and kill it where it does not within so many seconds, `END_S` where they
        are not given."""
        self.send(number)
        try:
            await asyncio.wait_for(self.process.wait(), END_S if within_s is None else within_s)
        except TimeoutError:
            self.send(signal.SIGKILL)
            await self.process.wait()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if not self.has_ended:
            self.process.send_signal(number)

    def hear(self, descriptor: int) -> None:
        """Note what it says of itself; at its end nothing more is heard of it."""
        said = os.read(descriptor, 4096)
        if said:
            self.heard = time.monotonic()
            self.serves.set()
            if READY in said:
                self.is_ready.set()
        else:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)


class Children:
    """Those of one parent that run: up to `together` web processes, besides one that is to replace
    another one, and workers."""

    def __init__(self, together: int) -> None:
        self._together = together
        self._running: set[Child] = set()
        self._numbers: set[int] = set()
        # Never written to: its end in the children closes with this process.
        self._lifeline, self._own_end = os.pipe()
        self.counts = Path()
        """Where web processes keep what they count."""

    async def start(self, name: str, listener: socket.socket | None) -> Child:
        """Start a child by its command; one with a listener is a web process. Raises OSError."""
        heard, pulse = os.pipe()
        os.set_blocking(pulse, False)
        number = None if listener is None else self._free_number()
        arguments = ["--lifeline", str(self._lifeline)]
        inherited = [self._lifeline, pulse]
        if listener is None or number is None:
            arguments += ["--pulse", str(pulse)]
        else:
            counts = str(self.counts)
            web = WebProcess(number, self._together, listener.fileno(), pulse, counts)
            arguments += ["--process", web.write()]
            inherited.append(listener.fileno())
        try:
            child = Child(await execute(name, arguments, inherited), number)
        except BaseException:
            os.close(heard)
            if number is not None:
                self._numbers.discard(number)
            raise
        finally:
            os.close(pulse)
        asyncio.get_running_loop().add_reader(heard, child.hear, heard)
        self._running.add(child)
        return child

    def _free_number(self) -> int:
        """The lowest that no web process has."""
        number = next(n for n in itertools.count(1) if n not in self._numbers)
        self._numbers.add(number)
        return number

    async def forget(self, child: Child) -> None:
        """A child that has ended, or does so now, is none of ours any more."""
        if not child.has_ended:
            await child.end()
        if child in self._running and child.number is not None:
            shared_counts.forget(self.counts, child.number)
            self._numbers.discard(child.number)
        self._running.discard(child)

    async def stop(self, within_s: float) -> int:
        """End all of them in so many seconds; answers how many had to be killed."""
        running = [child for child in self._running if not child.has_ended]
        for child in running:
            child.send(signal.SIGTERM)
        waiting = {asyncio.create_task(child.process.wait()): child for child in running}
        late: set[asyncio.Task[int]] = set()
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=within_s)
        for task in late:
            waiting[task].send(signal.SIGKILL)
        if late:
            await asyncio.wait(late)
        os.close(self._own_end)
        os.close(self._lifeline)
        return len(late)


async def execute(
    name: str, arguments: Sequence[str], inherited: Sequence[int]
) -> asyncio.subprocess.Process:
    """Run a command of ours. Raises OSError."""
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
