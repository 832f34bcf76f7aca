"""Around the whole application: headers that every answer carries, and the measure of every
request."""

import time
from collections.abc import Iterable, Mapping, Sequence

from payviox.monitoring.metrics import Metrics
from payviox.web.request_body import Application, Message, Receive, Scope, Send

Header = tuple[bytes, bytes]
ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)
DEFAULTS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
"""For answers that are no page; pages bring their own."""

ELSEWHERE = "elsewhere"
"""The route label of a path that is none."""


class ResponseHeaders:
    """The ASGI application with its headers and measures. `methods` names those of each path, with
    `{id}` where it holds one."""

    def __init__(
        self, inner: Application, metrics: Metrics, methods: Mapping[str, Sequence[str]]
    ) -> None:
        self._inner = inner
        self._metrics = metrics
        self._allow = {path: ", ".join(names).encode() for path, names in methods.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._headers(scope, message.get("headers", ()))
            await send(message)

        begun = time.perf_counter()
        try:
            await self._inner(scope, receive, answer)
        finally:
            if status:
                took = time.perf_counter() - begun
                self._metrics.observe(_method(scope), self._route(scope), status, took)

    def _route(self, scope: Scope) -> str:
        path: str = scope["path"]
        return path if path in self._allow else scope.get("path_template") or ELSEWHERE

    def _headers(self, scope: Scope, given: Iterable[tuple[bytes, bytes]]) -> list[Header]:
        headers = list(given)
        if scope["method"] == "OPTIONS":  # the framework knows the first of a path's routes only
            allow = self._allow.get(self._route(scope), b"")
            headers = [(b"allow", allow) if name == b"allow" else (name, v) for name, v in headers]
        names = {name for name, _ in headers}
        headers += ALWAYS
        headers += [header for header in DEFAULTS if header[0] not in names]
        return headers


def _method(scope: Scope) -> str:
    """A method that is none would be a label of a stranger's choice."""
    method: str = scope["method"]
    return method if method in ("GET", "POST", "PUT", "HEAD", "OPTIONS") else "OTHER"
