"""Around the whole application: paths in one spelling, HEAD as GET without a body, headers that
every answer carries, and the measure of every request; what a business asked is noted."""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

from payviox import ids, tracing
from payviox.api_requests.model import ApiRequest, KeyUse
from payviox.api_requests.recorder import Recorder
from payviox.auth.keys import BusinessCaller
from payviox.errors import NotFound
from payviox.monitoring.metrics import Metrics
from payviox.tracing import Span
from payviox.web import paths
from payviox.web.asgi import Application, Message, Receive, Scope, Send
from payviox.web.context import address_in
from payviox.web.errors import error_answer
from payviox.web.request_body import send_answer

Header = tuple[bytes, bytes]
ALWAYS = ((b"x-content-type-options", b"nosniff"),)
HTTPS_ALONE = (b"strict-transport-security", b"max-age=31536000")
"""For a year a browser calls this host by https alone. Nothing is said of its subdomains, which
may be somebody else's."""
NO_FRAMES = (b"x-frame-options", b"DENY")
FRAME_ORIGINS = "frame_origins"
"""Where the state of a request's scope says which origins may show the answer in a frame: the
answer's policy names them, which the older header cannot."""
DEFAULTS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)
"""For answers that are no page; pages bring their own."""

KEY = b"idempotency-key"
ELSEWHERE = "elsewhere"
"""The route label of a path that is none."""


class ResponseHeaders:
    """The ASGI application with its headers and measures. `methods` names those of each path, with
    `{id}` where it holds one; `https` says that people reach the site by it."""

    def __init__(
        self,
        inner: Application,
        metrics: Metrics,
        methods: Mapping[str, Sequence[str]],
        recorder: Recorder,
        *,
        https: bool = False,
    ) -> None:
        self._https = https
        self._inner = inner
        self._metrics = metrics
        self._recorder = recorder
        self._allow = {path: _allowed(names) for path, names in methods.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        method, path = scope["method"], paths.canonical(scope["path"])
        disguised = paths.is_disguised(scope, path)
        inner_method = "GET" if method == "HEAD" else method
        state: dict[str, Any] = scope.get("state") or {}
        scope = {**scope, "method": inner_method, "path": path, "state": state}
        status, refusal = 0, b""
        request_id = ""

        async def answer(message: Message) -> None:
            nonlocal status, refusal, request_id
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = self._headers(scope, status, message.get("headers", ()))
                if "business" in state:
                    request_id = ids.new_text()
                    headers.append((b"request-id", f"{ids.REQUEST}_{request_id}".encode()))
                message["headers"] = headers
            else:
                refusal = refusal or (message.get("body", b"") if status >= 400 else b"")
                message = {**message, "body": b""} if method == "HEAD" else message
            await send(message)

        begun = time.perf_counter()
        with tracing.served(path, scope["headers"]) as span:
            try:
                if disguised:
                    await send_answer(answer, *error_answer(NotFound()))
                else:
                    await self._inner(scope, receive, answer)
            finally:
                if status:
                    took = time.perf_counter() - begun
                    route = ELSEWHERE if disguised else self._route(scope)
                    self._metrics.observe(_label(method), route, status, took)
                    if request_id:
                        self._note(scope, method, status, took, request_id, refusal)
                    if span.is_recorded:
                        _describe(span, _label(method), route, status)
                        if request_id:
                            _name_caller(span, request_id, state["business"])

    def _note(
        self,
        scope: Scope,
        method: str,
        status: int,
        took_s: float,
        request_id: str,
        refusal: bytes,
    ) -> None:
        caller: BusinessCaller = scope["state"]["business"]
        if caller.restrictions is not None:
            use = KeyUse(caller.business_id, caller.key_id, datetime.now(UTC), address_in(scope))
            self._recorder.note_use(use)
        if self._recorder.has_room(caller.business_id, status):
            noted = _noted(scope, method, status, took_s, request_id, caller)
            self._recorder.note(noted, refusal)

    def _route(self, scope: Scope) -> str:
        path: str = scope["path"]
        return path if path in self._allow else scope.get("path_template") or ELSEWHERE

    def _headers(
        self, scope: Scope, status: int, answered: Iterable[tuple[bytes, bytes]]
    ) -> list[Header]:
        headers = list(answered)
        if status == 405 or scope["method"] == "OPTIONS":
            headers = [self._complete(scope, header) for header in headers]
        framed = bool(scope["state"].get(FRAME_ORIGINS))
        return headers + _added(self._https, framed, tuple([name for name, _ in headers]))

    def _complete(self, scope: Scope, header: Header) -> Header:
        """`Allow` with every method of the path: the framework knows the first of its routes, and
        nothing of HEAD."""
        name, value = header
        if name != b"allow":
            return header
        known = self._allow.get(self._route(scope))
        return name, known or _allowed(value.decode().split(", "))


def _describe(span: Span, method: str, route: str, status: int) -> None:
    """Say what was asked by its route: a path may hold what opens a balance."""
    span.rename(f"{method} {route}")
    span.set("http.request.method", method)
    span.set("http.route", route)
    span.set("http.response.status_code", status)
    if status >= 500:
        span.fail(str(status))


def _name_caller(span: Span, request_id: str, caller: BusinessCaller) -> None:
    span.set("payviox.request", f"{ids.REQUEST}_{request_id}")
    span.set("payviox.business", ids.show(ids.BUSINESS, caller.business_id))


@cache
def _added(https: bool, framed: bool, names: tuple[bytes, ...]) -> list[Header]:
    """What an answer with headers of these names is given besides. There are few such sets."""
    added = [*ALWAYS, *([HTTPS_ALONE] if https else []), *([] if framed else [NO_FRAMES])]
    return added + [header for header in DEFAULTS if header[0] not in names]


def _allowed(methods: Sequence[str]) -> bytes:
    """The value of `Allow` for a path that has these routes."""
    answered = {*methods, "OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
    return ", ".join(sorted(answered)).encode()


def _noted(
    scope: Scope,
    method: str,
    status: int,
    took_s: float,
    request_id: str,
    caller: BusinessCaller,
) -> ApiRequest:
    key: bytes | None = next((value for name, value in scope["headers"] if name == KEY), None)
    return ApiRequest(
        business_id=caller.business_id,
        id=UUID(request_id),
        method=method,
        path=scope["path"],
        status=status,
        duration_ms=round(took_s * 1000, 1),
        key_hint=caller.hint,
        place=address_in(scope),
        idempotency_key=None if key is None else key.decode("latin-1"),
        error=None,
        called_at=datetime.now(UTC),
    )


def _label(method: str) -> str:
    """A method that is none would be a label of a stranger's choice."""
    return method if method in ("GET", "POST", "PUT", "HEAD", "OPTIONS") else "OTHER"
