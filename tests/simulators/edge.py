"""What every vendor's call passes through: it is recorded, and may go wrong on purpose."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from aiohttp import web

from .clock import Agenda
from .faults import Fault, Faults

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

KEPT = 200_000
"""Requests that are remembered."""


BODIES: dict[str, Callable[[str], bytes]] = {
    "garbage": lambda _: b"\x00\xff\xfe{\x80" * 20,
    "empty": lambda _: b"",
    "list": lambda _: json.dumps(["unexpected"]).encode(),
    "cut": lambda text: text[: len(text) // 2].encode(),
    "huge": lambda _: b'{"filler": "' + b"x" * 20_000_000 + b'"}',
}
"""What is answered in place of a right answer's text, whole as HTTP."""


@dataclass
class Recorded:
    """A request as it came. Of the Authorization header only its scheme is kept."""

    route: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: str
    at: float
    fault: str | None = None
    status: int | None = None


@dataclass
class Edge:
    """The middleware of all vendors' routes. A route's name starts with its vendor's."""

    agenda: Agenda
    faults: Faults
    error: Callable[[str, int], dict[str, Any]]
    """A vendor's error body for a status that has nothing to do with the request."""
    recording: bool = True
    recorded: list[Recorded] = field(default_factory=list)

    async def pass_through(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        name = request.match_info.route.name
        if name is None or name.startswith("control"):
            return await handler(request)
        self.agenda.run_due()
        body = (await request.read()).decode(errors="replace")
        entry = self._record(name, request, body)
        fault = self.faults.pick(name, f"{request.path_qs}\n{body}")
        if fault is None:
            response = await handler(request)
        else:
            entry.fault = f"{fault.fault} {fault.when}"
            response = await self._go_wrong(fault, name, request, handler)
        entry.status = response.status
        return response

    def shown(self, route: str | None) -> list[dict[str, Any]]:
        return [asdict(one) for one in self.recorded if route is None or one.route == route]

    def _record(self, name: str, request: web.Request, body: str) -> Recorded:
        headers = {header.lower(): value for header, value in request.headers.items()}
        if "authorization" in headers:
            headers["authorization"] = headers["authorization"].split(" ")[0] + " …"
        entry = Recorded(
            route=name,
            method=request.method,
            path=request.rel_url.raw_path,
            query=request.rel_url.raw_query_string,
            headers=headers,
            body=body,
            at=self.agenda.now(),
        )
        if self.recording and len(self.recorded) < KEPT:
            self.recorded.append(entry)
        return entry

    async def _go_wrong(
        self, fault: Fault, name: str, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        if fault.fault in ("late", "slow"):
            await asyncio.sleep(fault.seconds)
            return await handler(request)
        right = await handler(request) if fault.when == "after" else None
        if fault.fault == "hang":
            await _until_gone(request, fault.seconds)
        if fault.fault in ("hang", "drop"):
            return _hang_up(request)
        if fault.fault == "error":
            return web.json_response(self.error(name, fault.status), status=fault.status)
        if fault.fault == "rate_limit":
            headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            return web.json_response(self.error(name, 429), status=429, headers=headers)
        return await _nonsense(fault.fault, request, right)


async def _until_gone(request: web.Request, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while loop.time() < until:
        if request.transport is None or request.transport.is_closing():
            return
        await asyncio.sleep(0.02)


def _hang_up(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)  # which nobody reads


async def _nonsense(
    kind: str, request: web.Request, right: web.StreamResponse | None
) -> web.StreamResponse:
    status = right.status if right is not None else 200
    text = right.text if isinstance(right, web.Response) and right.text else '{"id": "AB12'
    if kind == "html":
        page = "<!doctype html><title>Please wait</title><p>We are working on it."
        return web.Response(text=page, content_type="text/html", status=status)
    if kind in BODIES:
        body = BODIES[kind](text)
        return web.Response(body=body, content_type="application/json", status=status)
    whole = text.encode()
    answer = web.StreamResponse(status=status, headers={"Content-Type": "application/json"})
    answer.content_length = len(whole) + 10
    await answer.prepare(request)
    await answer.write(whole[: len(whole) // 2])
    if request.transport is not None:
        request.transport.close()
    return answer
