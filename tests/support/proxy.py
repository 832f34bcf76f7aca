"""A proxy in front of PostgreSQL that loses a connection at a chosen moment: a network that fails
when it hurts most."""

import asyncio
import contextlib
import ctypes
import socket
import struct
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from typing import Literal

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from support.sockets import GONE

Moment = Literal["before COMMIT", "COMMIT sent", "COMMIT done"]
"""Where to cut: COMMIT never reaches the server; it does, and nobody waits for the answer; the
server has committed and its answer is lost."""

_COMMIT_DONE = b"C" + struct.pack("!i", 11) + b"COMMIT\0"


@dataclass
class Proxy:
    """Forwards until it is armed; cuts one connection, once for each time that it is armed."""

    url: str = field(repr=False)
    moment: Moment | None = None
    after_messages: int | None = None
    """Cut before the client's message of this number, counted from now."""
    after_bytes: int | None = None
    """Cut behind so many bytes of the server's answers, counted from now."""
    refusing: bool = False
    refuse_after_cut: bool = False
    """Whether new connections are refused from the cut at a moment on."""
    cuts: int = 0
    refused: int = 0
    _seen: int = 0
    _clients: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut_at(self, moment: Moment) -> None:
        self.moment = moment

    def cut_after(self, messages: int) -> None:
        self._seen, self.after_messages = 0, messages

    def cut_answers_after(self, count: int) -> None:
        self.after_bytes = count

    def fall_silent(self) -> int:
        """Lose what clients send on the connections that are open now, as a network does that is
        gone without a word: nothing is acknowledged, no end is heard of. Answers how many."""
        for writer in self._clients:
            _deafen(writer.get_extra_info("socket"))
        return len(self._clients)

    def disarm(self) -> None:
        self.moment = self.after_messages = self.after_bytes = None


@contextlib.asynccontextmanager
async def proxy(url: str) -> AsyncIterator[Proxy]:
    """A proxy to the server of `url`; connect by its own `url`."""
    target = conninfo_to_dict(url)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        running._clients.add(writer)
        try:
            if running.refusing:
                running.refused += 1
            else:
                await _Link(running, reader, writer).run(*await _connect(target))
        except GONE:
            pass
        finally:
            tasks.discard(task)
            running._clients.discard(writer)
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    running = Proxy(
        make_conninfo(url, host="127.0.0.1", port=port, sslmode="disable", gssencmode="disable")
    )
    try:
        yield running
    finally:
        server.close()
        for writer in list(running._clients):
            writer.transport.abort()
        if tasks:
            await asyncio.wait(tasks, timeout=5)
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _connect(
    target: dict[str, object],
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = str(target.get("host") or "127.0.0.1"), int(str(target.get("port") or 5432))
    if host.startswith("/"):
        return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
    return await asyncio.open_connection(host, port)


class _Link:
    """One client's connection."""

    def __init__(
        self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.proxy = proxy
        self.reader, self.writer = reader, writer
        self.commits: set[bytes] = set()
        self.committing = False
        self.looking = False
        """A pool looks where its new connection leads, in a transaction that nobody's call is."""

    async def run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._closing(self._forward(writer)))
                group.create_task(self._closing(self._back(reader)))
        except* (_Over, *GONE):
            pass
        finally:
            with contextlib.suppress(*GONE):
                await writer.drain()
            writer.close()

    async def _closing(self, work: Coroutine[None, None, None]) -> None:
        await work
        raise _Over

    async def _forward(self, server: asyncio.StreamWriter) -> None:
        """The client's messages: the first without a type, the others with one."""
        size = await self.reader.readexactly(4)
        server.write(size + await self.reader.readexactly(struct.unpack("!i", size)[0] - 4))
        while True:
            head = await self.reader.readexactly(5)
            body = await self.reader.readexactly(struct.unpack("!i", head[1:])[0] - 4)
            if self._counted() or (self._is_commit(head[:1], body) and self._now("before COMMIT")):
                self.proxy.cuts += 1
                return
            server.write(head + body)
            await server.drain()
            # Sync ends the pipeline that the COMMIT came in.
            if self.committing and head[:1] in (b"S", b"Q") and self._now("COMMIT sent"):
                self.proxy.cuts += 1
                return

    async def _back(self, server: asyncio.StreamReader) -> None:
        while part := await server.read(65_536):
            if self.committing and _COMMIT_DONE in part:
                self.committing = False
                if self._now("COMMIT done"):
                    self.proxy.cuts += 1
                    return
            left = self.proxy.after_bytes
            if left is not None and left < len(part):
                self.proxy.disarm()
                self.proxy.cuts += 1
                self.writer.write(part[:left])
                self.writer.close()
                await self.writer.wait_closed()
                return
            if left is not None:
                self.proxy.after_bytes = left - len(part)
            self.writer.write(part)
            await self.writer.drain()

    def _counted(self) -> bool:
        if self.proxy.after_messages is None:
            return False
        self.proxy._seen += 1
        if self.proxy._seen <= self.proxy.after_messages:
            return False
        self.proxy.disarm()
        return True

    def _is_commit(self, kind: bytes, body: bytes) -> bool:
        self.looking = self.looking or b"pg_control_system" in body
        if kind == b"P":
            name, query, _ = body.split(b"\0", 2)
            (self.commits.add if query == b"COMMIT" else self.commits.discard)(name)
            return False
        found = (kind == b"B" and body.split(b"\0", 2)[1] in self.commits) or (
            kind == b"Q" and body.endswith(b"COMMIT\0")
        )
        if found and self.looking:
            found = self.looking = False
        self.committing = self.committing or found
        return found

    def _now(self, moment: Moment) -> bool:
        if self.proxy.moment != moment:
            return False
        self.proxy.disarm()
        self.proxy.refusing = self.proxy.refusing or self.proxy.refuse_after_cut
        return True


class _Over(Exception):
    """One side has ended."""


_ATTACH_FILTER = 26  # SO_ATTACH_FILTER of Linux, which the socket module does not name


def _deafen(client: socket.socket) -> None:
    """Have the kernel drop each packet that arrives for a socket, its acknowledgement included: a
    filter of one instruction, which keeps nothing (`man 7 socket`)."""
    program = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # BPF_RET | BPF_K
    client.setsockopt(
        socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program))
    )
