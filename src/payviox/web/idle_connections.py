"""What keeps room for the next connection: while there are nearly as many as there may be, those
that wait for their client are closed, of the client that has most of them first. Linux alone."""

import math
import os
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from payviox.web.asgi import Application, Message, Receive, Scope, Send

LOOK_S = 0.5
CROWDED = 0.75
"""From this part of all connections on some are closed, down to ROOMY."""
ROOMY = 0.6
IDLE_S = 1.0
"""A connection that was heard of since is left alone."""
SENDING_S = 1.0
"""What an answer has to be sent in, after which its connection waits for its client again."""
LAST_DATA = struct.Struct("=44xI4xI")
"""`tcpi_last_data_sent` and `tcpi_last_data_recv` of Linux's `struct tcp_info`: milliseconds."""
FILES = Path("/proc/self/fd")

Peer = tuple[str, int]


class Busy:
    """The clients whose request is being worked on: read to its end, and not answered for long
    enough for the answer to be on its way."""

    def __init__(self) -> None:
        self._until: dict[Peer, float] = {}

    def __contains__(self, peer: Peer) -> bool:
        return self._until.get(peer, 0.0) > time.monotonic()

    def forget(self) -> None:
        """Drop those that are busy no more."""
        now = time.monotonic()
        for peer, until in list(self._until.items()):
            if until <= now:
                self._until.pop(peer, None)

    def watch(self, application: Application) -> Application:
        """The application, its requests noted."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            client = scope.get("client")
            if scope["type"] != "http" or client is None:
                await application(scope, receive, send)
                return
            peer = (client[0], int(client[1]))  # Granian says the port as text

            async def read() -> Message:
                message = await receive()
                if not message.get("more_body"):
                    self._until[peer] = math.inf
                return message

            try:
                await application(scope, read, send)
            finally:
                self._until[peer] = time.monotonic() + SENDING_S

        return watched


class _Connection(msgspec.Struct, frozen=True):
    """One of this process's connections."""

    descriptor: int
    peer: Peer
    idle_s: float


class IdleConnections:
    """Looks after the connections to one port of this process, in a thread."""

    def __init__(self, port: int, most: int, busy: Busy) -> None:
        self._port = port
        self._most = most
        self._busy = busy

    def start(self) -> None:
        """Look again and again, as long as the process lives."""
        if hasattr(socket, "TCP_INFO") and FILES.is_dir():
            threading.Thread(target=self._run, name="payviox-connections", daemon=True).start()

    def _run(self) -> None:
        pause = threading.Event()
        while not pause.wait(LOOK_S):
            self._busy.forget()
            # Nearly all of a crowd's descriptors are connections; what else is open is looked
            # through then and no more.
            if len(descriptors()) > self._most * CROWDED:
                self.make_room()

    def make_room(self) -> int:
        """Close idle connections where there are too many; answers how many were closed."""
        connections = self._connections()
        if len(connections) <= self._most * CROWDED:
            return 0
        surplus = len(connections) - int(self._most * ROOMY)
        by_host = Counter(connection.peer[0] for connection in connections)
        idle = [c for c in connections if c.idle_s >= IDLE_S and c.peer not in self._busy]
        idle.sort(key=lambda c: (by_host[c.peer[0]], c.idle_s), reverse=True)
        return sum(self._close(connection) for connection in idle[:surplus])

    def count(self) -> int:
        """How many connections there are."""
        return len(self._connections())

    def _connections(self) -> list[_Connection]:
        return [connection for number in descriptors() if (connection := self._look(number))]

    def _look(self, descriptor: int) -> _Connection | None:
        """The connection to our port that this descriptor is, if it is one."""
        try:
            with opened(descriptor) as own:
                if own.family not in (socket.AF_INET, socket.AF_INET6):
                    return None
                if own.getsockname()[1] != self._port:
                    return None
                peer = own.getpeername()
                known = own.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, LAST_DATA.size)
        except OSError:  # no socket, the listening one, or closed since
            return None
        return _Connection(descriptor, peer[:2], min(LAST_DATA.unpack(known)) / 1000)

    def _close(self, connection: _Connection) -> bool:
        try:
            with opened(connection.descriptor) as own:
                if own.getpeername()[:2] != connection.peer:
                    return False  # the number stands for another one by now
                own.shutdown(socket.SHUT_RDWR)
        except OSError:  # it has gone by itself
            return False
        return True


def descriptors() -> list[int]:
    """This process's open files; none where there is no `/proc`."""
    return [int(path.name) for path in FILES.iterdir()] if FILES.is_dir() else []


@contextmanager
def opened(descriptor: int) -> Iterator[socket.socket]:
    """The socket of this descriptor, which stays the HTTP server's. Raises OSError."""
    copy = os.dup(descriptor)
    try:
        own = socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        raise
    with own:
        yield own
