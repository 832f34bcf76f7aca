"""What a process does when it is told to stop: in order, and in any case within ten seconds."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable

STOP_S = 7.0
"""A process that has not ended by then ends by force. Nothing is lost: whatever was not committed
is found again in the database."""


def on_stop(stop: Callable[[], object]) -> None:
    """Call `stop` on the running loop at SIGTERM, SIGINT (Ctrl-C) or, unless that is ignored as
    under `nohup` and `payviox serve`, SIGHUP (a closed terminal)."""

    def stop_in_time() -> None:
        timer = threading.Timer(STOP_S, os._exit, [1])
        timer.daemon = True
        timer.start()
        stop()

    loop = asyncio.get_running_loop()
    numbers = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, stop_in_time)
