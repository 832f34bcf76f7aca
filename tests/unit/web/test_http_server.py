"""The HTTP server on real sockets: what strangers can hold of it, and for how long."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from payviox.web import http_server, idle_connections, listening
from payviox.web.http_server import HttpServer
from payviox.web.idle_connections import Busy, IdleConnections
from payviox.web.listening import bind
from support.polling import eventually

pytestmark = pytest.mark.anyio

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LAST_GET = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
Serve = Callable[..., Awaitable[int]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """`serve(answer)` serves and answers the port; `answer(path)` gives the body."""
    running: list[tuple[HttpServer, asyncio.Task[None]]] = []

    async def start(answer: Callable[[str], Awaitable[bytes]]) -> int:
        async def application(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                return
            while (await receive()).get("more_body"):
                pass
            body = await answer(scope["path"])
            head = [(b"content-length", b"%d" % len(body))]
            await send({"type": "http.response.start", "status": 200, "headers": head})
            await send({"type": "http.response.body", "body": body})

        bound = bind("127.0.0.1", 0)
        port = int(bound.getsockname()[1])
        server = HttpServer(application, bound)
        running.append((server, asyncio.create_task(server.serve())))
        await eventually(lambda: asyncio.to_thread(_listens, port))
        return port

    yield start
    for server, task in running:
        server.stop()  # type: ignore[no-untyped-call]  # granian's own
        await asyncio.wait_for(task, 30)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def ok(_: str) -> bytes:
    return b"ok"


async def said(port: int, *parts: bytes) -> bytes:
    """What comes back until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(60):
            for part in parts:
                writer.write(part)
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    "begun", [b"", b"G", b"GET / HTTP/1.1\r\nHo", b"PRI * HT", GET, b"POST / HTTP/1.1\r\n"]
)
async def test_a_connection_that_sends_nothing_more_is_closed(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(http_server, "HEAD_S", 1)
    port = await serve(ok)

    answer = await said(port, begun)

    assert answer.count(b"HTTP/1.1 200") == (1 if begun == GET else 0)


async def test_http_2_is_not_spoken(serve: Serve) -> None:
    port = await serve(ok)

    answer = await said(port, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")

    assert answer == b""


async def test_a_head_beyond_measure_is_refused(serve: Serve) -> None:
    port = await serve(ok)

    answer = await said(port, b"GET / HTTP/1.1\r\nX: " + b"a" * 1_000_000)

    assert answer == b"" or b" 431 " in answer


async def test_a_client_that_does_not_read_its_answer_is_given_up(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "SILENCE_S", 2)

    async def large(_: str) -> bytes:
        return b"x" * 30_000_000

    port = await serve(large)
    look = IdleConnections(port, 1, Busy())
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
        await asyncio.get_running_loop().sock_sendall(client, GET)

        await eventually(lambda: look.count() == 1)
        await eventually(lambda: look.count() == 0, timeout_s=60)


async def test_silent_connections_of_one_client_leave_room_for_the_next(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of them is timed out here: room is made by closing those that wait for nothing."""
    monkeypatch.setattr(http_server, "HEAD_S", 600)
    monkeypatch.setattr(http_server, "most_connections", lambda: 40)
    monkeypatch.setattr(idle_connections, "IDLE_S", 0.1)
    monkeypatch.setattr(idle_connections, "LOOK_S", 0.05)
    port = await serve(ok)
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(120)]
    try:
        for one in silent[::2]:
            one.sendall(b"GET / HT")

        answer = await said(port, LAST_GET)

        assert answer.startswith(b"HTTP/1.1 200")
    finally:
        for one in silent:
            one.close()


async def test_a_request_that_is_worked_on_is_never_closed_for_room(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "most_connections", lambda: 8)
    monkeypatch.setattr(idle_connections, "IDLE_S", 0.0)
    monkeypatch.setattr(idle_connections, "LOOK_S", 0.05)
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(path: str) -> bytes:
        if path == "/slow":
            entered.set()
            await leave.wait()
        return b"done"

    port = await serve(slow)
    working = asyncio.create_task(said(port, LAST_GET.replace(b"GET /", b"GET /slow")))
    await entered.wait()
    others = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    try:
        for one in others:
            one.settimeout(30)
        gone = await asyncio.to_thread(others[0].recv, 1)
        assert gone == b"", "a silent one was closed"
        leave.set()

        assert (await working).endswith(b"done")
    finally:
        for one in others:
            one.close()


async def test_the_greediest_client_loses_its_idle_connections_first(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "HEAD_S", 600)
    monkeypatch.setattr(idle_connections, "IDLE_S", 0.0)
    port = await serve(ok)
    modest = socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.2", 0))
    greedy = [socket.create_connection(("127.0.0.1", port)) for _ in range(19)]
    look = IdleConnections(port, 20, Busy())
    try:
        await eventually(lambda: look.count() == 20)

        closed = look.make_room()

        assert closed == 8, "down to three fifths"
        modest.sendall(LAST_GET)
        modest.settimeout(30)
        assert (await asyncio.to_thread(modest.recv, 100)).startswith(b"HTTP/1.1 200")
        assert look.make_room() == 0
    finally:
        for one in (modest, *greedy):
            one.close()


async def test_connections_that_come_and_go_while_it_looks_are_no_fault(serve: Serve) -> None:
    port = await serve(ok)
    look = IdleConnections(port, 1, Busy())
    until = time.monotonic() + 0.5

    def look_on() -> None:
        while time.monotonic() < until:
            look.make_room()

    looking = asyncio.create_task(asyncio.to_thread(look_on))
    while not looking.done():
        await asyncio.gather(*[said(port, LAST_GET) for _ in range(5)])
    await looking
