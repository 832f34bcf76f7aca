"""One log line a request: method, path, status and time. Never a query string, a header or a body:
keys and hashes travel there.
"""

import time
from urllib.parse import quote

from payviox import logs
from payviox.web.asgi import Application, Message, Receive, Scope, Send

TOKENS = ("/login/reset/", "/dashboard/invitation/")
"""What follows these in a path opens something and is not logged."""
QUIET = ("/health/", "/metrics")
"""Asked every few seconds by machines; logged only when refused."""


class RequestLog:
    """Around the application."""

    def __init__(self, inner: Application) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        began = time.perf_counter()
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._inner(scope, receive, watched)
        finally:
            _log(scope, status, (time.perf_counter() - began) * 1000)


def _log(scope: Scope, status: int, took_ms: float) -> None:
    path: str = scope["path"]
    if status < 400 and path.startswith(QUIET):
        return
    # Decoded by the server: what could break a line or steer a terminal is encoded again.
    shown = path if path.isprintable() and path.isascii() else quote(path)
    for beginning in TOKENS:
        if path.startswith(beginning):
            shown = f"{beginning}…"
    logs.request(scope["method"], shown, status, round(took_ms, 1))
