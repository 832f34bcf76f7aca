"""The application's outer edge: reads each request's body once, bounded in bytes and time (a long
one only from a business that is known), and hands allocations to their own short path. Everything
else goes to Litestar."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any

from payviox.errors import (
    BodyTooLarge,
    MethodNotAllowed,
    PayvioxError,
    Unauthorized,
    UnsupportedMediaType,
)
from payviox.idempotency.model import BadKey
from payviox.web.errors import error_answer

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
ShortPath = Callable[[Scope, bytes], Awaitable[tuple[int, bytes, dict[str, str]]]]
Authenticate = Callable[[str | None], Awaitable[object]]
"""Finds out who calls by an Authorization header. Raises Unauthorized."""

MAX_BODY = 1_000_000
MAX_BATCH_BODY = 4_000_000
MAX_STRANGERS_BODY = 64_000
"""Bytes that are read before anybody asks who sends them."""
BODY_S = 15.0
"""Seconds that a client may take to send its body."""

USERS_ROUTES = ("/payout/operations", "/payout/quote", "/payout/gift-cards", "/payout/withdraw")
"""How the paths of payout users' routes begin; all others under `/payout/` are businesses'."""

ONCE: Mapping[bytes, type[PayvioxError]] = {
    b"authorization": Unauthorized,
    b"x-payout-hash": Unauthorized,
    b"idempotency-key": BadKey,
}
"""Headers that may be there once, and what more of them are."""


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


class RequestBodies:
    """The ASGI application. `short_paths` maps (method, path) to a function of scope and body."""

    def __init__(
        self,
        inner: Application,
        short_paths: Mapping[tuple[str, str], ShortPath],
        authenticate: Authenticate,
        body_s: float = BODY_S,
    ) -> None:
        self._inner = inner
        self._short_paths = short_paths
        self._authenticate = authenticate
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
        """The body. On a business's routes a bad key is said before whatever is wrong with it."""
        head, path = _Head(scope["headers"]), scope["path"]
        if not _is_business(path):
            return await self._read(_Body(receive, MAX_STRANGERS_BODY), head)
        limit = MAX_BATCH_BODY if path == "/payout/batch" else MAX_BODY
        try:
            return await self._read(_Body(receive, limit), head)
        except PayvioxError:
            await self._authenticate(head.authorization)
            raise

    async def _read(self, body: "_Body", head: "_Head") -> bytes:
        """Raises what is wrong with the headers or the body, and Unauthorized where it is longer
        than a stranger's may be."""
        head.check()
        body.check(head.length)
        long = head.length > MAX_STRANGERS_BODY
        try:
            async with asyncio.timeout(self._body_s):
                if not long:
                    long = not await body.collect(MAX_STRANGERS_BODY)
                if long:
                    await self._authenticate(head.authorization)
                    await body.collect(body.limit)
        except TimeoutError:
            raise RequestTimeout from None
        content = body.content
        if content and not head.is_json:
            raise UnsupportedMediaType
        return content


class _Head:
    """What the edge goes by of a request's headers."""

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.authorization: str | None = None
        self.length = 0
        self.is_json = True
        self._given = dict.fromkeys(ONCE, 0)
        for name, value in headers:
            if name in ONCE:
                self._given[name] += 1
            if name == b"authorization":
                self.authorization = value.decode("latin-1")
            elif name == b"content-length" and value.isdigit():
                self.length = int(value)
            elif name == b"content-type":
                kind = value.split(b";", 1)[0].strip().lower()
                self.is_json = kind == b"application/json" or kind.endswith(b"+json")

    def check(self) -> None:
        """Raises Unauthorized or BadKey where a header that counts once is there more often: which
        of them counts would be a guess."""
        for name, error in ONCE.items():
            if self._given[name] > 1:
                raise error


class _Body:
    """A body as it comes in, up to `limit` bytes."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self.limit = limit
        self._receive = receive
        self._parts: list[bytes] = []
        self._size = 0
        self._complete = False

    @property
    def content(self) -> bytes:
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    def check(self, size: int) -> None:
        """Raises BodyTooLarge."""
        if size > self.limit:
            raise BodyTooLarge(f"The request body may not be larger than {self.limit} bytes")

    async def collect(self, size: int) -> bool:
        """Read on until it is complete, or longer than `size`; answers whether it is complete and
        no longer. Raises BodyTooLarge and ClientGone."""
        while not self._complete and self._size <= size:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            part = message.get("body", b"")
            self._size += len(part)
            self.check(self._size)
            self._parts.append(part)
            self._complete = not message.get("more_body")
        return self._complete and self._size <= size


def _is_business(path: str) -> bool:
    return path == "/balance" or (path.startswith("/payout/") and not path.startswith(USERS_ROUTES))


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
