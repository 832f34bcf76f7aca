"""An HTTP server on a real port, before the application, that treats some requests badly: a
network, a proxy or a server that fails when it hurts most."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Literal

import h11
import httpx

from payviox.web.asgi import Application
from support.sockets import GONE

Fault = Literal["refused", "lost", "half", "cut", 429, 500, 503]
"""The connection ends before the application has the request; after it has done what was asked,
without an answer; within an answer whose length was told; within one whose length was not; or the
application is not asked and this status is answered."""


@dataclass
class FaultyServer:
    """`faults` are dealt to as many requests, in order; None and the others are served well."""

    url: str
    faults: list[Fault | None] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    """The idempotency key of each request, well treated or not."""


@contextlib.asynccontextmanager
async def faulty_server(application: Application) -> AsyncIterator[FaultyServer]:
    """A running one in front of the application in this process."""
    tasks: set[asyncio.Task[None]] = set()
    transport = httpx.ASGITransport(application)  # type: ignore[arg-type]  # ASGI

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            while await _one(running, transport, reader, writer):
                pass
        except GONE:
            pass
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    running = FaultyServer(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        yield running
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _one(
    server: FaultyServer,
    transport: httpx.ASGITransport,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> bool:
    """Serve one request; answers whether the connection can take another."""
    request = await _request(reader)
    if request is None:
        return False
    server.keys.append(request.headers.get("idempotency-key"))
    fault = server.faults.pop(0) if server.faults else None
    if fault == "refused":
        return False
    if isinstance(fault, int):
        content, status = json.dumps({"error": "Try again."}).encode(), fault
        headers = [(b"Retry-After", b"0")]
    else:
        response = await transport.handle_async_request(request)
        content, status = await response.aread(), response.status_code
        dropped = (b"content-length", b"transfer-encoding")
        headers = [pair for pair in response.headers.raw if pair[0].lower() not in dropped]
    if fault == "lost":
        return False
    if fault == "cut":
        headers.append((b"Connection", b"close"))
    else:
        headers.append((b"Content-Length", str(len(content)).encode()))
    writer.write(b"HTTP/1.1 %d Said\r\n" % status)
    writer.writelines(b"%b: %b\r\n" % pair for pair in headers)
    writer.write(b"\r\n" + (content[: len(content) // 2] if fault in ("half", "cut") else content))
    await writer.drain()
    return fault not in ("half", "cut")


async def _request(reader: asyncio.StreamReader) -> httpx.Request | None:
    """The next request of a connection, None where there is none."""
    parser = h11.Connection(h11.SERVER)
    head: h11.Request | None = None
    body = b""
    while True:
        event = parser.next_event()
        if event is h11.NEED_DATA:
            parser.receive_data(await reader.read(65_536))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            url = b"http://payviox.test" + head.target
            return httpx.Request(
                head.method.decode(), url.decode(), headers=list(head.headers), content=body
            )
        else:
            return None
