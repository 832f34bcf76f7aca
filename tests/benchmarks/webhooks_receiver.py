"""A receiver of webhooks that does as little as it can: it answers 200 at once, and under `/hang`
not at all. It remembers when each event came first, and says so when it is asked on its input."""

import asyncio
import json
import sys
import time

import uvloop
from tests.benchmarks.load import HOST

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
arrived: dict[str, float] = {}


class Receiving(asyncio.Protocol):
    """One connection; requests come whole or in pieces, one after another."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end].decode().lower()
        length = int(_field(head, "content-length"))
        if len(self.buffer) < end + 4 + length:
            return
        self.buffer = b""
        if not head.startswith("post /hang"):
            arrived.setdefault(_field(head, "webhook-id"), time.time())
            self.transport.write(ANSWER)


def _field(head: str, name: str) -> str:
    start = head.index(f"\r\n{name}: ") + len(name) + 4
    end = head.find("\r\n", start)
    return head[start : end if end > 0 else None]


async def main() -> None:
    """Answer each line: `count` with how many events have come, `times` with when each did; then
    these are forgotten."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Receiving, HOST, 0, backlog=1_024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    while line := await asyncio.to_thread(sys.stdin.readline):
        sys.stdout.write(json.dumps(len(arrived) if line == "count\n" else arrived) + "\n")
        sys.stdout.flush()
        if line != "count\n":
            arrived.clear()


if __name__ == "__main__":
    uvloop.run(main())
