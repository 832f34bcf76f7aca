"""How a child of `serve` learns that its parent has died, even by kill -9: it holds the reading end
of a pipe whose only writing end is the parent's, and the kernel closes that."""

import os
import signal
import threading
import time
from collections.abc import Callable

GRACE_S = 8.0
"""Seconds for an orderly stop after the parent's end, before the process ends by force."""


def end_with_parent(descriptor: int, when_orphaned: Callable[[], None]) -> None:
    """Watch from a thread: when the pipe closes, call `when_orphaned` and stop as on SIGTERM, by
    force if that takes too long."""
    arguments = [descriptor, when_orphaned]
    threading.Thread(target=_wait, args=arguments, name="payviox-lifeline", daemon=True).start()


def _wait(descriptor: int, when_orphaned: Callable[[], None]) -> None:
    while os.read(descriptor, 1):
        pass
    when_orphaned()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(1)
