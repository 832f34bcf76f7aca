"""The application's outer edge: reads each request's body once, bounded in bytes and time (a long
one only from a business that is known), and hands allocations to their own short path. Everything
else goes to Litestar."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from uuid import UUID

from payviox.auth.keys import BusinessCaller
from payviox.errors import (
    BodyTooLarge,
    Busy,
    ClientGone,
    MethodNotAllowed,
    PayvioxError,
    Unauthorized,
    UnsupportedMediaType,
)
from payviox.idempotency.model import BadKey
from payviox.web.asgi import Application, Message, Receive, Scope, Send
from payviox.web.body_memory import BodyMemory
from payviox.web.errors import error_answer
from payviox.web.waiting import Waiting

Answer = tuple[int, bytes, dict[str, str]]
"""Status, body and headers."""
ShortPath = Callable[[Scope, "Head", bytes], Awaitable[Answer]]
Authenticate = Callable[[str | None], Awaitable[BusinessCaller]]
"""Finds out who calls by an Authorization header. Raises Unauthorized."""
FindSender = Callable[[Scope], Awaitable[UUID | None]]
"""The business to which the person who sends a file may send one; None where it is none."""
REFUSED = "refused_body"
"""Where a request's state says why its file was not taken; a page of ours tells that."""

MAX_BODY = 1_000_000
MAX_BATCH_BODY = 4_000_000
MAX_CALLBACK_BODY = 64_000
MAX_STRANGERS_BODY = 8_000
MAX_FORM = 64_000
MAX_UPLOAD = 20_100_000
"""Bytes of a file with the form around it, from somebody who may upload."""
"""Bytes that are read before anybody asks who sends them, and the most of a payout user's body."""
HELD = 32_000_000
HELD_OF_ONE = 16_000_000
"""Bytes of longer bodies that are held at once, of all businesses and of one of them."""
HELD_OF_UPLOADS = 2 * MAX_UPLOAD
"""As much, of files, one of each business."""
HELD_OF_STRANGERS = 4_000_000
"""As much, of strangers' callbacks. A body of up to MAX_STRANGERS_BODY is not counted: there is one
of them for each connection at the most."""
BODY_S = 15.0
"""Seconds that a client may take to send its body."""
UPLOAD_S = 240.0
"""As much for a file."""
BEGIN_S = 5.0
LEAST_RATE = 20_000
"""After BEGIN_S seconds a body is given up that came in at fewer bytes a second."""

FORM = b"application/x-www-form-urlencoded"
FILE = b"multipart/form-data"
UPLOAD_PATH = re.compile(
    r"/dashboard/[a-z0-9_-]{1,64}/"
    r"(?:allocate/upload|gift-cards/import/file|bank-files/import/report|settings/brand/logo)",
    re.ASCII,
)
PAGES = ("login", "logout", "dashboard", "account", "redeem")
"""How the paths begin that forms are sent to, and no JSON."""
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


class RequestBodies:
    """The ASGI application. `short_paths` maps (method, path) to what answers it."""

    def __init__(
        self,
        inner: Application,
        short_paths: Mapping[tuple[str, str], ShortPath],
        authenticate: Authenticate,
        body_s: float = BODY_S,
        find_sender: FindSender | None = None,
    ) -> None:
        self._inner = inner
        self._short_paths = short_paths
        self._authenticate = authenticate
        self._methods: dict[str, list[str]] = {}
        for method, path in short_paths:
            self._methods.setdefault(path, []).append(method)
        self._body_s = body_s
        self._waiting = Waiting()
        self._businesses = BodyMemory(HELD, HELD_OF_ONE)
        self._strangers = BodyMemory(HELD_OF_STRANGERS, HELD_OF_STRANGERS)
        self._find_sender = find_sender
        self._files = BodyMemory(HELD_OF_UPLOADS, MAX_UPLOAD)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        try:
            async with AsyncExitStack() as held:
                head = Head(scope["headers"])
                body = await self._body(scope, receive, head, held)
                short = self._short_path(scope)
                if short is None:
                    scope.setdefault("state", {}).update(body=body, held=held)
                    await self._inner(scope, _replay(body, receive), send)
                    return
                status, content, headers = await short(scope, head, body)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001  # rendered, and logged where it is our fault
            status, content, headers = error_answer(error)
        await send_answer(send, status, content, headers)

    def _short_path(self, scope: Scope) -> ShortPath | None:
        """Raises OtherMethod."""
        short_path = self._short_paths.get((scope["method"], scope["path"]))
        if short_path is None and scope["path"] in self._methods:
            if scope["method"] == "OPTIONS":
                return self._say_methods
            raise OtherMethod(self._methods[scope["path"]])
        return short_path

    async def _say_methods(self, scope: Scope, *_: object) -> Answer:
        return 204, b"", {"Allow": ", ".join(self._methods[scope["path"]])}

    async def _body(
        self, scope: Scope, receive: Receive, head: "Head", held: AsyncExitStack
    ) -> bytes:
        """The body. On a business's routes a bad key is said before whatever is wrong with it."""
        path = scope["path"]
        if head.is_file and scope["method"] == "POST" and UPLOAD_PATH.fullmatch(path):
            return await self._file(scope, receive, head, held)
        if not _is_business(path):
            return await self._read(
                _Body(receive, self._waiting, _limit(path), self._body_s),
                head,
                held,
                form=_is_page(path),
            )
        limit = MAX_BATCH_BODY if path == "/payout/batch" else MAX_BODY
        try:
            body = _Body(receive, self._waiting, limit, self._body_s)
            return await self._read(body, head, held, business=True)
        except PayvioxError:
            caller = await self._authenticate(head.authorization)
            scope.setdefault("state", {})["business"] = caller
            raise

    async def _file(
        self, scope: Scope, receive: Receive, head: "Head", held: AsyncExitStack
    ) -> bytes:
        """A file with its form. Without one where its sender may send none, and where it is too
        large or too much is held: the page says that, so what comes is passed over first."""
        head.check()
        sender = await self._find_sender(scope) if self._find_sender is not None else None
        if sender is None:
            return b""
        body = _Body(receive, self._waiting, MAX_UPLOAD, UPLOAD_S)
        try:
            body.check(head.length)
            held.enter_context(self._files.hold(sender, head.length or body.limit))
            await body.collect(body.limit)
        except (BodyTooLarge, Busy) as error:
            await body.skip()
            scope.setdefault("state", {})[REFUSED] = error
            return b""
        return body.content

    async def _read(
        self,
        body: "_Body",
        head: "Head",
        held: AsyncExitStack,
        *,
        business: bool = False,
        form: bool = False,
    ) -> bytes:
        """Raises what is wrong with the headers or the body; where it is longer than a stranger's
        may be, Unauthorized, and Busy where too much is held already."""
        head.check()
        body.check(head.length)
        long = head.length > MAX_STRANGERS_BODY or not await body.collect(MAX_STRANGERS_BODY)
        if long:
            size = head.length or body.limit
            if business:
                caller = await self._authenticate(head.authorization)
                held.enter_context(self._businesses.hold(caller.business_id, size))
            else:
                held.enter_context(self._strangers.hold(None, size))
            await body.collect(body.limit)
        content = body.content
        if content and not (head.is_form if form else head.is_json):
            raise UnsupportedMediaType
        return content


class Head:
    """What a request's headers say, to the edge and to a short path."""

    def __init__(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self._headers = headers
        self._last = last = dict(headers)
        self.authorization = self._text(b"authorization")
        self.idempotency_key = self._text(b"idempotency-key")
        length = last.get(b"content-length", b"")
        self.length = int(length) if length.isdigit() else 0
        kind = last.get(b"content-type", b"").split(b";", 1)[0].strip().lower()
        unsaid = b"content-type" not in last
        self.is_json = unsaid or kind == b"application/json" or kind.endswith(b"+json")
        self.is_form = unsaid or kind == FORM
        self.is_file = kind == FILE

    def _text(self, name: bytes) -> str | None:
        value = self._last.get(name)
        return None if value is None else value.decode("latin-1")

    def check(self) -> None:
        """Raises Unauthorized or BadKey where a header that counts once is there more often: which
        of them counts would be a guess."""
        if len(self._last) == len(self._headers):
            return
        for once, error in ONCE.items():
            if sum(name == once for name, _ in self._headers) > 1:
                raise error


class _Body:
    """A body as it comes in, up to `limit` bytes and `most_s` seconds."""

    def __init__(self, receive: Receive, waiting: Waiting, limit: int, most_s: float) -> None:
        self.limit = limit
        self._receive = receive
        self._waiting = waiting
        self._most_s = most_s
        self._waited_s = 0.0
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
        no longer. Raises BodyTooLarge, RequestTimeout and ClientGone."""
        while not self._complete and self._size <= size:
            message = await self._next()
            if message["type"] == "http.disconnect":
                raise ClientGone
            part = message.get("body", b"")
            self._size += len(part)
            self.check(self._size)
            self._parts.append(part)
            self._complete = not message.get("more_body")
        return self._complete and self._size <= size

    async def skip(self) -> None:
        """Read on to the end and keep nothing. Raises RequestTimeout and ClientGone."""
        self._parts.clear()
        while not self._complete:
            message = await self._next()
            if message["type"] == "http.disconnect":
                raise ClientGone
            self._size += len(message.get("body", b""))
            self._complete = not message.get("more_body")

    async def _next(self) -> Message:
        """What comes next, in the time that is left for it. Only waiting for the client counts."""
        allowed_s = min(self._most_s, BEGIN_S + self._size / LEAST_RATE)
        now = asyncio.get_running_loop().time
        began = now()
        try:
            return await self._waiting.within(allowed_s - self._waited_s, self._receive())
        except TimeoutError:
            raise RequestTimeout from None
        finally:
            self._waited_s += now() - began


def _is_business(path: str) -> bool:
    return path == "/balance" or (path.startswith("/payout/") and not path.startswith(USERS_ROUTES))


def _is_page(path: str) -> bool:
    return path.partition("/")[2].partition("/")[0] in PAGES


def _limit(path: str) -> int:
    """The most bytes of a body that is no business's."""
    if path.startswith("/rails/"):
        return MAX_CALLBACK_BODY
    return MAX_FORM if _is_page(path) else MAX_STRANGERS_BODY


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body already read, then what the server says next."""
    replayed = False

    async def again() -> Message:
        nonlocal replayed
        if not replayed:
            replayed = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return again


async def send_answer(send: Send, status: int, content: bytes, headers: Mapping[str, str]) -> None:
    """Send a whole JSON answer; without a body where `content` is empty."""
    sent = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    if content:
        sent += [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(content)),
        ]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": content})
