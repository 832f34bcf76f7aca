"""Before a process ends for another one to take its place, it accepts no more and tells its clients
to open another connection: one that is closed while a request is on its way loses it."""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable

from payviox.web.asgi import Application, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

DRAIN_S = 2.0
"""For so long each answer closes its connection. A client that is silent meanwhile is hardly about
to send something in the moment in which the rest is closed."""


class Draining:
    """The ASGI application. `begin` ends the process in a while."""

    def __init__(self, inner: Application) -> None:
        self._inner = inner
        self._begun = False

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return self._inner(scope, receive, _closing(send) if self._begun else send)

    def begin(self, stop_accepting: Callable[[], None]) -> None:
        """Close connections as they are answered, then stop as on SIGTERM."""
        if not self._begun:
            self._begun = True
            loop = asyncio.get_running_loop()
            loop.call_later(DRAIN_S, os.kill, os.getpid(), signal.SIGTERM)
            try:
                stop_accepting()
            except OSError as error:  # no file to spare: what comes is closed with its answer
                logger.warning("new connections are accepted until the end: %s", error)


def _closing(send: Send) -> Send:
    async def closing(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), (b"connection", b"close")]
            message = {**message, "headers": headers}
        await send(message)

    return closing
