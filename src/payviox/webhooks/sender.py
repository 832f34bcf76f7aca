"""One POST to a webhook target, bounded in time and bytes whatever the other side does, on a
connection of its own or one that an earlier POST to the same target left open.

What is sent, when, and what an answer means for a delivery is decided elsewhere.
"""

import asyncio
import functools
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import certifi
import h11
from aiohappyeyeballs import AddrInfoType, start_connection

from payviox.webhooks.targets import Lookup, Target, TargetError, resolve

EXCERPT_BYTES = 4096
"""So much of an answer's body is kept; then reading stops."""
ANSWER_BYTES = 32 * 1024
"""So much of an answer is read: interim answers, headers, chunk sizes and body together. It bounds
the number of headers too, and a flood of 1xx answers."""

MOST_HEADERS, HEADER_CHARS = 40, 200
"""So many of an answer's headers are kept, each up to so many characters."""
SECRET_HEADERS = (b"set-cookie", b"authorization", b"proxy-authenticate", b"www-authenticate")

IDLE_S = 5.0
"""A connection that nobody used for so long is closed: many servers hang up by themselves then."""
MOST_AGE_S = 60.0
"""How long a connection is used: then its name is looked up, and its addresses checked, again."""
MOST_IDLE = 200
"""Connections of one process that wait for their next POST."""

Connect = Callable[[Sequence[AddrInfoType]], Awaitable[socket.socket]]
_connect: Connect = functools.partial(start_connection, happy_eyeballs_delay=0.25)

# h11 reads answers, which depend on what was asked: it hears of a POST, whose bytes are _request's.
_POST = h11.Request(method="POST", target="/", headers=[("Host", "-"), ("Content-Length", "0")])
_END = h11.EndOfMessage()


@dataclass(frozen=True, slots=True)
class Answer:
    """How one attempt ended: with a `status`, or with an `error` that says why there is none."""

    status: int | None
    body: str
    """The first 4096 bytes as text that PostgreSQL can store. Not decompressed, not trusted."""
    duration_ms: int
    error: str | None
    headers: Mapping[str, str] = field(default_factory=dict)
    """The receiver's, as far as they may be shown; see `_shown`."""
    body_bytes: int = 0
    """So many of the body were read: no more than the first few thousand."""

    @property
    def delivered(self) -> bool:
        """HTTP 200 and nothing else: what our documents promise to receivers."""
        return self.status == 200


@dataclass(slots=True)
class _Reply:
    """What has arrived so far; it outlives the time limit that cuts the rest."""

    status: int | None = None
    headers: Sequence[tuple[bytes, bytes]] = ()
    body: bytes = b""


class Kept:
    """Connections that wait for their next POST, each to the very target that it was opened for."""

    def __init__(self) -> None:
        self._idle: dict[Target, list[_Wire]] = {}
        self._number = 0

    def take(self, target: Target) -> "_Wire | None":
        """The one that was used last, if any is still good."""
        wires = self._idle.get(target)
        if not wires:
            return None
        wire = wires[-1]
        self._forget(target, wire)
        wire.rests(None)
        if wire.age_s > MOST_AGE_S:
            wire.hang_up()
            return None
        return wire

    def keep(self, target: Target, wire: "_Wire") -> None:
        """Keep it for a while, or hang up where it cannot be used again."""
        if not wire.can_go_on or wire.age_s > MOST_AGE_S or self._number >= MOST_IDLE:
            wire.hang_up()
            return
        self._idle.setdefault(target, []).append(wire)
        self._number += 1
        wire.rests(functools.partial(self._forget, target, wire))

    def hang_up(self) -> None:
        """Close all of them."""
        for wires in list(self._idle.values()):
            for wire in list(wires):
                wire.hang_up()

    def _forget(self, target: Target, wire: "_Wire") -> None:
        wires = self._idle[target]
        wires.remove(wire)
        self._number -= 1
        if not wires:
            del self._idle[target]


async def post(
    target: Target,
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout_s: float = 30.0,
    kept: Kept | None = None,
    lookup: Lookup | None = None,
    connect: Connect = _connect,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """POST `body` on a connection of its own, or on one of `kept`, where it stays open for the
    next; never raises for what the other side does.

    `timeout_s` covers everything from looking the name up to the end of the answer's body. Once
    the answer's head is here, its status stands, even if the body never ends or breaks off.
    Redirects are not followed, answers are not decompressed, and proxies named in the environment
    are not used. `lookup`, `connect` and `tls` replace the system's for tests.
    """
    started = time.monotonic()
    reply = _Reply()
    error = None
    wire: _Wire | None = None
    request = _request(target, body, headers, ends=kept is None)
    try:
        async with asyncio.timeout(timeout_s) as limit:
            wire = None if kept is None else kept.take(target)
            if wire is None or not await wire.still_answers(request, reply):
                addresses = await resolve(target, lookup=lookup)
                context = (tls or _default_tls()) if target.scheme == "https" else None
                wire = await _connected(target, await connect(addresses), context)
                await wire.exchange(request, reply)
    except (OSError, TargetError, h11.RemoteProtocolError) as failure:
        if reply.status is None:
            error = f"no answer within {timeout_s:g} s" if limit.expired() else _why(failure)
    finally:
        if wire is not None:
            if kept is None:
                wire.hang_up()
            else:
                kept.keep(target, wire)
    return Answer(
        status=reply.status,
        body=reply.body[:EXCERPT_BYTES]
        .decode(errors="replace")
        .replace("\0", "\N{REPLACEMENT CHARACTER}"),
        duration_ms=round((time.monotonic() - started) * 1000),
        error=error,
        headers=_shown(reply.headers),
        body_bytes=len(reply.body),
    )


def _shown(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """The first headers as printable text; what may open a session at the receiver stays out."""
    shown: dict[str, str] = {}
    for name, value in headers[:MOST_HEADERS]:
        text = value.decode("latin-1")[:HEADER_CHARS]
        if not text.isprintable():
            text = "".join(
                char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text
            )
        shown[name.decode("latin-1")] = "(left out)" if name.lower() in SECRET_HEADERS else text
    return shown


@functools.cache
def _default_tls() -> ssl.SSLContext:
    """The system's authorities, to which an operator may add, and certifi's, where it has none."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


async def _connected(target: Target, sock: socket.socket, tls: ssl.SSLContext | None) -> "_Wire":
    _, wire = await asyncio.get_running_loop().create_connection(
        _Wire, sock=sock, ssl=tls, server_hostname=target.host if tls else None
    )
    return wire


def _request(target: Target, body: bytes, headers: Mapping[str, str], *, ends: bool) -> bytes:
    """`ends`: the connection is closed after the answer."""
    lines = [
        f"POST {target.path} HTTP/1.1",
        f"Host: {target.authority}",
        "User-Agent: Payviox-Webhooks/1",
        "Accept: */*",
        "Accept-Encoding: identity",
        *(["Connection: close"] if ends else []),
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
        "\r\n",
    ]
    return "\r\n".join(lines).encode("ascii") + body


class _Wire(asyncio.Protocol):
    """One connection: writes a request, and reads its answer as far as anybody wants it."""

    def __init__(self) -> None:
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=ANSWER_BYTES)
        self._reply = _Reply()
        self._left = 0
        self._answered: asyncio.Future[None] | None = None
        self._opened_at = time.monotonic()
        self._when_closed: Callable[[], None] | None = None
        self._idle: asyncio.TimerHandle | None = None
        self.can_go_on = False
        """Whether the whole answer was read, and neither side wants to end the connection."""

    @property
    def age_s(self) -> float:
        return time.monotonic() - self._opened_at

    async def exchange(self, request: bytes, reply: _Reply) -> None:
        """Fill the reply; returns at its end or once enough of it is here. Raises OSError and
        h11.RemoteProtocolError."""
        self._reply, self._left = reply, ANSWER_BYTES
        self.can_go_on = False
        self._http.send(_POST)
        self._http.send(_END)
        self._answered = asyncio.get_running_loop().create_future()
        # Nothing waits for its end: a receiver may answer before it has read, or without reading.
        self._transport.write(request)
        await self._answered

    async def still_answers(self, request: bytes, reply: _Reply) -> bool:
        """The same on a connection that was kept; False where the other side had hung up before
        it answered a word, as servers do with what rests."""
        try:
            await self.exchange(request, reply)
        except OSError:
            if self._left < ANSWER_BYTES:
                raise
            self.hang_up()
            return False
        return True

    def rests(self, when_closed: Callable[[], None] | None) -> None:
        """Whom to tell when it ends while it waits for the next request; None: it waits no more."""
        self._when_closed = when_closed
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if when_closed is not None:
            self._idle = asyncio.get_running_loop().call_later(IDLE_S, self.hang_up)

    def hang_up(self) -> None:
        # Not close(): that would wait for a peer that does not read, or does not say goodbye.
        self._transport.abort()
        self._ended()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._answered is None or self._answered.done():
            self.hang_up()  # nobody asked: it must answer no request that comes later
            return
        try:
            self._http.receive_data(data[: self._left])
            left, self._left = self._left, max(0, self._left - len(data))
            if self._has_all():
                self.can_go_on &= len(data) <= left
                self._answered.set_result(None)
        except h11.RemoteProtocolError as error:
            self._answered.set_exception(error)

    def eof_received(self) -> None:
        self.connection_lost(None)

    def connection_lost(self, error: Exception | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._end_of_data(self._answered, error or ConnectionResetError())
        self._ended()

    def _end_of_data(self, answered: "asyncio.Future[None]", error: Exception) -> None:
        """A body without a length ends with the connection; a status that is here stands anyway."""
        if self._reply.status is None:
            answered.set_exception(error)
        else:
            answered.set_result(None)

    def _has_all(self) -> bool:
        """Read on; whether the answer is over, or there is enough of it."""
        while len(self._reply.body) < EXCERPT_BYTES:
            match self._http.next_event():
                case h11.NEED_DATA if self._left == 0:
                    raise h11.RemoteProtocolError("answer too long", error_status_hint=431)
                case h11.NEED_DATA:
                    return False
                case h11.Response(status_code=status, headers=headers):
                    self._reply.status, self._reply.headers = status, list(headers)
                case h11.Data(data=data):
                    self._reply.body += data
                case h11.InformationalResponse():
                    pass
                case _:
                    self._look_ahead()
                    return True
        return True

    def _look_ahead(self) -> None:
        """Whether another request may follow: both are done, and nothing came that nobody asked
        for, which would pass for the next answer."""
        http = self._http
        both_done = http.our_state is h11.DONE and http.their_state is h11.DONE
        written = self._transport.get_write_buffer_size() == 0
        if both_done and written and http.trailing_data == (b"", False):
            http.start_next_cycle()
            self.can_go_on = True

    def _ended(self) -> None:
        self.can_go_on = False
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        when_closed, self._when_closed = self._when_closed, None
        if when_closed is not None:
            when_closed()


def _why(failure: Exception) -> str:
    """One sentence for the operator and the business; nothing that the peer wrote is in it."""
    match failure:
        case h11.RemoteProtocolError(error_status_hint=431):
            sentence = f"the answer's headers are longer than {ANSWER_BYTES} bytes"
        case h11.RemoteProtocolError():
            sentence = "the answer is not valid HTTP"
        case ssl.SSLCertVerificationError():
            sentence = f"TLS certificate not valid: {failure.verify_message}"
        case ssl.SSLError():
            sentence = f"TLS failed: {failure.reason}"
        case ConnectionRefusedError():
            sentence = "connection refused"
        case ConnectionError():
            sentence = "the connection was closed before an answer"
        case OSError():
            sentence = f"cannot connect: {failure.strerror or failure}"
        case _:
            sentence = str(failure)  # a TargetError
    return sentence
