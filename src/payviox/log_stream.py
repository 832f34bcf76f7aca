"""A stream that never keeps its writer waiting. A process that serves writes its log to one of
these: whoever reads standard error may stop reading, and the API must not stop with him."""

import atexit
import io
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

MOST = 1_000_000
"""Characters that wait to be written; what comes on top is left out, and counted."""
GATHER_S = 0.01
"""What comes within so long is written together: to wake the thread for each line would cost a
request more than the line."""
LAST_S = 1.0
"""What the process's last lines have to be written in when it ends."""


class LogStream(io.TextIOBase):
    """Text for a file descriptor, written by a thread of its own.

    `on_left_out` is called with the number of lines that were left out, once it flows again.
    """

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(
        self, descriptor: int, on_left_out: Callable[[int], None], most: int = MOST
    ) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._on_left_out = on_left_out
        self._most = most
        # Re-entrant: a warning of the garbage collector's may come in the middle of a write.
        self._lock = threading.RLock()
        self._texts: deque[str] = deque()
        self._held = 0
        self._left_out = 0
        self._some = threading.Event()
        self._none = threading.Event()
        self._none.set()
        threading.Thread(target=self._run, name="payviox-log", daemon=True).start()
        atexit.register(self.drain, LAST_S)

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def fileno(self) -> int:
        return self._descriptor

    def write(self, text: str, /) -> int:
        """Hand it over, or leave it out where too much waits already."""
        if not isinstance(text, str):
            raise TypeError(f"text is written here, not {type(text).__name__}")
        with self._lock:
            if self._held + len(text) > self._most:
                self._left_out += max(text.count("\n"), 1)
                return len(text)
            self._texts.append(text)
            self._held += len(text)
            if not self._some.is_set():
                self._none.clear()
                self._some.set()
        return len(text)

    def drain(self, within_s: float) -> bool:
        """Wait until all is written, but not for longer; answers whether it is."""
        return self._none.wait(within_s)

    def _run(self) -> None:
        while self._some.wait():
            time.sleep(GATHER_S)
            with self._lock:
                text = "".join(self._texts)
                self._texts.clear()
                self._some.clear()
            with suppress(OSError):  # nobody will ever read it: a closed pipe, a full disk
                self._write(text.encode(self.encoding, self.errors))
            with self._lock:
                self._held -= len(text)
                left_out, self._left_out = self._left_out, 0
            if left_out:  # outside the lock: it writes here itself
                self._on_left_out(left_out)
            with self._lock:
                if not self._texts:
                    self._none.set()

    def _write(self, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:  # somebody who shares it set it so
                select.select([], [self._descriptor], [])
