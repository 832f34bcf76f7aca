"""A small, cheap HTTP load generator: closed loops on keep-alive connections, or an open loop at a
fixed rate. It shares the machine with what it measures, so it does as little as it can."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field

HOST = "127.0.0.1"


@dataclass
class Load:
    """What a run saw: latencies in seconds of the answers that had the expected status."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    refused: int = 0

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    def quantile(self, q: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(q * len(ordered)))] if ordered else float("nan")


def request(path: str, key: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Connection(asyncio.Protocol):
    """One keep-alive connection: sends what it is given, calls back with each answer's status."""

    def __init__(self, done: "asyncio.Future[None]") -> None:
        self.done = done
        self.buffer = b""
        self.on_answer = None
        self.transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def send(self, data: bytes) -> None:
        self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end].lower()
        at = head.index(b"content-length:") + 15
        stop = head.find(b"\r\n", at)
        length = int(head[at : stop if stop > 0 else None])
        if len(self.buffer) < end + 4 + length:
            return
        status = int(self.buffer[9:12])
        self.buffer = b""
        self.on_answer(status)


async def _connect(port: int, number: int) -> list[_Connection]:
    loop = asyncio.get_running_loop()
    made = []
    for _ in range(number):
        done = loop.create_future()
        _, protocol = await loop.create_connection(lambda d=done: _Connection(d), HOST, port)
        made.append(protocol)
    return made


async def closed_loop(
    port: int, requests: list[bytes], connections: int, seconds: float, expected: int = 201
) -> Load:
    """Every connection sends its next request as soon as it has its answer."""
    result = Load(seconds)
    made = await _connect(port, connections)
    following = deque(requests)
    stop = time.perf_counter() + seconds
    finished = asyncio.get_running_loop().create_future()
    open_ones = len(made)

    def drive(connection: _Connection) -> None:
        started = 0.0

        def send() -> None:
            nonlocal started
            following.rotate(-1)
            started = time.perf_counter()
            connection.send(following[0])

        def answered(status: int) -> None:
            nonlocal open_ones
            now = time.perf_counter()
            if status == expected:
                result.latencies.append(now - started)
            else:
                result.refused += 1
            if now < stop:
                send()
                return
            open_ones -= 1
            if open_ones == 0:
                finished.set_result(None)

        connection.on_answer = answered
        send()

    for connection in made:
        drive(connection)
    await finished
    for connection in made:
        connection.transport.close()
    return result


async def open_loop(
    port: int, requests: list[bytes], connections: int, rate: float, seconds: float
) -> Load:
    """Requests leave at a fixed rate whatever the answers do; a latency counts from when its
    request was due, so that waiting for a free connection is not left out."""
    result = Load(seconds)
    made = await _connect(port, connections)
    free = deque(made)
    due: deque[float] = deque()
    following = deque(requests)
    started: dict[_Connection, float] = {}

    def dispatch() -> None:
        while due and free:
            connection = free.popleft()
            started[connection] = due.popleft()
            following.rotate(-1)
            connection.send(following[0])

    def answers(connection: _Connection) -> None:
        def answered(status: int) -> None:
            if status == 201:
                result.latencies.append(time.perf_counter() - started[connection])
            else:
                result.refused += 1
            free.append(connection)
            dispatch()

        connection.on_answer = answered

    for connection in made:
        answers(connection)
    begin = time.perf_counter()
    sent = 0
    while (now := time.perf_counter()) < begin + seconds:
        wanted = int((now - begin) * rate)
        while sent < wanted:
            due.append(begin + sent / rate)
            sent += 1
        dispatch()
        await asyncio.sleep(0.001)
    while len(free) < len(made):  # noqa: ASYNC110  # once, after what is measured
        await asyncio.sleep(0.01)
    for connection in made:
        connection.transport.close()
    return result
