"""A webhook receiver on a real port that answers as told and remembers what it got."""

import asyncio
import contextlib
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook

from support.sockets import GONE


@dataclass(frozen=True)
class Received:
    """One POST."""

    path: str
    headers: dict[str, str] = field(repr=False)
    """Names in lower case."""
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)

    def verify(self, token: str) -> None:
        """By the Standard Webhooks library; raises where the signature is not the token's."""
        Webhook(token).verify(self.body, self.headers)

    def documented_signature(self, token: str) -> bool:
        """Whether `Signature` is the token's, as the documents have receivers check it."""
        expected = hmac.new(token.encode(), self.body, hashlib.sha256).hexdigest()
        return self.headers["signature"] == expected


Answering = Callable[[Received], int | None]
"""The status to answer, None for none: the sender waits until it gives up or the gate opens."""


class Receiver:
    """Answers 200 unless `answer` says otherwise."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answer: Answering = lambda _: 200
        self.content = b"thank you"
        self.gate = asyncio.Event()
        """Set, it lets those go on with a 200 who are waiting for an answer."""
        self.at_once = 0
        self.most_at_once = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        return [one.id for one in self.received]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        with contextlib.suppress(*GONE):
            one = await _request(reader)
            self.received.append(one)
            status = self.answer(one)
            if status is None:
                await self._wait(reader)
                status = 200
            head = f"HTTP/1.1 {status} So\r\nContent-Length: {len(self.content)}\r\n\r\n"
            writer.write(head.encode() + self.content)
            await writer.drain()
        self.at_once -= 1
        writer.close()

    async def _wait(self, reader: asyncio.StreamReader) -> None:
        """For the gate, or for the sender to hang up."""
        waiting = {asyncio.create_task(self.gate.wait()), asyncio.create_task(reader.read(1))}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()


async def _request(reader: asyncio.StreamReader) -> Received:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    pairs = (line.split(": ", 1) for line in lines)
    headers = {name.lower(): value for name, value in pairs}
    body = await reader.readexactly(int(headers["content-length"]))
    return Received(first.split(" ")[1], headers, body)


@contextlib.asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver that runs until the block ends."""
    one = Receiver()
    server = await asyncio.start_server(one.handle, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        one.gate.set()
        server.close()
