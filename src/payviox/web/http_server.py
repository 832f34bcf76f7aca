"""Granian, set up so that strangers cannot hold much of the process: HTTP/1 alone, heads bounded in
bytes and time, on a socket of ours."""

import os
import socket
from contextlib import suppress

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from payviox.web.asgi import Application
from payviox.web.idle_connections import Busy, IdleConnections, descriptors, opened
from payviox.web.listening import BACKLOG, most_connections

HEAD_S = 10
"""Seconds that a connection may take to send a request's head, its first one or the next."""
BUFFER = 32_768
"""Bytes that the server keeps of a connection: the largest head, and how much of a body is read in
one go."""


class HttpServer(Server):
    """Serves the application on a socket that is bound and not listening yet."""

    def __init__(self, application: Application, bound: socket.socket) -> None:
        busy = Busy()
        most = most_connections()
        super().__init__(
            busy.watch(application),
            interface=Interfaces.ASGI,
            # One request at a time and connection: HTTP/2's many streams would each hold a body,
            # and its connections are never timed out before their first bytes.
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=HEAD_S * 1000, max_buffer_size=BUFFER),
            backlog=BACKLOG,
            backpressure=most,
            log_enabled=False,
            websockets=False,
        )
        self._bound = bound
        self._address = bound.getsockname()
        self._idle = IdleConnections(bound.getsockname()[1], most, busy)

    def stop_accepting(self) -> None:
        """Take no more connections, and go on with those there are: new ones are for the process
        that takes the socket over. Granian cannot do the one without the other.

        Our descriptors come to mean a socket to which nobody connects; the real one stays open in
        the parent. Linux alone.
        """
        with socket.socket(socket.AF_UNIX) as nobodys:
            nobodys.setblocking(False)
            nobodys.bind("")  # a name that is free
            nobodys.listen()
            for descriptor in descriptors():
                with suppress(OSError), opened(descriptor) as other:
                    is_listener = other.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
                    if is_listener and other.getsockname() == self._address:
                        os.dup2(nobodys.fileno(), descriptor, inheritable=False)

    def _init_shared_socket(self) -> None:
        """Granian would bind one by itself, without limits on a peer's silence."""
        self._ssp = None
        self._shd = SocketHolder(  # type: ignore[assignment]  # its parent's stub knows None alone
            self._bound.detach(),  # type: ignore[call-arg]  # the stub has no constructor
            False,
            self.backlog,
        )
        self._idle.start()
