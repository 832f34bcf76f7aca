"""The application's outer edge: reads each request's body once, bounded in bytes and time, and
hands allocations to their own short path. Everything else goes to Litestar."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any

from payviox.api.rendering import error_answer
from payviox.errors import BodyTooLarge, MethodNotAllowed, PayvioxError, UnsupportedMediaType

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
ShortPath = Callable[[Scope, bytes], Awaitable[tuple[int, bytes, dict[str, str]]]]

MAX_BODY = 1_000_000
MAX_BATCH_BODY = 4_000_000
BODY_S = 30.0
"""Seconds that a client may take to send its body."""


class RequestTimeout(PayvioxError):
    status = 408
    message = "The request body did not arrive in time"


class OtherMethod(MethodNotAllowed):
    """The path is a short one, but not for this method."""

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__()
        self._allowed = allowed

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Allow": ", ".join(self._allowed)}


class ClientGone(Exception):
    """The client hung up; nobody is left to answer."""


class Edge:
    """The ASGI application. `short_paths` maps (method, path) to a function of scope and body."""

    def __init__(
        self,
        inner: Application,
        short_paths: dict[tuple[str, str], ShortPath],
        body_s: float = BODY_S,
    ) -> None:
        self._inner = inner
        self._short_paths = short_paths
        self._methods: dict[str, list[str]] = {}
        for method, path in short_paths:
            self._methods.setdefault(path, []).append(method)
        self._body_s = body_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        try:
            body = await self._body(scope, receive)
            short = self._short_path(scope)
            if short is None:
                scope.setdefault("state", {})["body"] = body
                await self._inner(scope, _replay(body, receive), send)
                return
            status, content, headers = await short(scope, body)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001  # rendered, and logged where it is our fault
            status, content, headers = error_answer(error)
        await _answer(send, status, content, headers)

    def _short_path(self, scope: Scope) -> ShortPath | None:
        """Raises OtherMethod."""
        found = self._short_paths.get((scope["method"], scope["path"]))
        if found is None and scope["path"] in self._methods:
            raise OtherMethod(self._methods[scope["path"]])
        return found

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        limit = MAX_BATCH_BODY if scope["path"] == "/payout/batch" else MAX_BODY
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > limit:
                raise BodyTooLarge(f"The request body may not be larger than {limit} bytes")
        try:
            async with asyncio.timeout(self._body_s):
                body = await _collect(receive, limit)
        except TimeoutError:
            raise RequestTimeout from None
        if body and not _is_json(scope):
            raise UnsupportedMediaType
        return body


async def _collect(receive: Receive, limit: int) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise BodyTooLarge(f"The request body may not be larger than {limit} bytes")
        parts.append(part)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _is_json(scope: Scope) -> bool:
    for name, value in scope["headers"]:
        if name == b"content-type":
            kind = value.split(b";", 1)[0].strip().lower()
            return bool(kind == b"application/json" or kind.endswith(b"+json"))
    return True


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body already read, then what the server says next."""
    given = False

    async def again() -> Message:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return again


async def _answer(send: Send, status: int, content: bytes, headers: dict[str, str]) -> None:
    sent = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(content)),
        *((name.lower().encode(), value.encode()) for name, value in headers.items()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": content})
