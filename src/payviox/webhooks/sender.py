"""One POST to a webhook target, bounded in time and bytes whatever the other side does.

What is sent, when, and what an answer means for a delivery is decided elsewhere.
"""

import asyncio
import contextlib
import functools
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

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

Connect = Callable[[Sequence[AddrInfoType]], Awaitable[socket.socket]]
_connect: Connect = functools.partial(start_connection, happy_eyeballs_delay=0.25)


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


async def post(
    target: Target,
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout_s: float = 30.0,
    lookup: Lookup | None = None,
    connect: Connect = _connect,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """POST `body` on a connection of its own; never raises for what the other side does.

    `timeout_s` covers everything from looking the name up to the end of the answer's body. Once
    the answer's head is here, its status stands, even if the body never ends or breaks off.
    Redirects are not followed, answers are not decompressed, and proxies named in the environment
    are not used. `lookup`, `connect` and `tls` replace the system's for tests.
    """
    started = time.monotonic()
    reply = _Reply()
    error = None
    try:
        async with asyncio.timeout(timeout_s) as limit:
            addresses = await resolve(target, lookup=lookup)
            context = (tls or _default_tls()) if target.scheme == "https" else None
            async with _connection(target, await connect(addresses), context) as (reader, writer):
                http = h11.Connection(h11.CLIENT, max_incomplete_event_size=ANSWER_BYTES)
                # Not drained: a receiver may answer before it has read, or without reading, all.
                writer.write(_request(http, target, body, headers))
                await _read(reader, http, reply)
    except (OSError, TargetError, h11.RemoteProtocolError) as failure:
        if reply.status is None:
            error = f"no answer within {timeout_s:g} s" if limit.expired() else _why(failure)
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
        printable = "".join(
            char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text
        )
        shown[name.decode("latin-1")] = (
            "(left out)" if name.lower() in SECRET_HEADERS else printable
        )
    return shown


@functools.cache
def _default_tls() -> ssl.SSLContext:
    """The system's authorities, to which an operator may add, and certifi's, where it has none."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


@contextlib.asynccontextmanager
async def _connection(
    target: Target, sock: socket.socket, tls: ssl.SSLContext | None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(
        sock=sock, ssl=tls, server_hostname=target.host if tls else None, limit=ANSWER_BYTES
    )
    try:
        yield reader, writer
    finally:
        # Not close(): that would wait for a peer that does not read, or does not say goodbye.
        writer.transport.abort()


def _request(
    http: h11.Connection, target: Target, body: bytes, headers: Mapping[str, str]
) -> bytes:
    fields = {
        "Host": target.authority,
        "User-Agent": "Payviox-Webhooks/1",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "close",
        "Content-Length": str(len(body)),
        **headers,
    }
    head = h11.Request(method="POST", target=target.path, headers=list(fields.items()))
    return http.send(head) + http.send(h11.Data(data=body)) + http.send(h11.EndOfMessage())


async def _read(reader: asyncio.StreamReader, http: h11.Connection, reply: _Reply) -> None:
    left = ANSWER_BYTES
    while len(reply.body) < EXCERPT_BYTES:
        match http.next_event():
            case h11.NEED_DATA if left == 0:
                raise h11.RemoteProtocolError("answer too long", error_status_hint=431)
            case h11.NEED_DATA:
                data = await reader.read(left)
                if not data and reply.status is None:
                    raise ConnectionResetError
                left -= len(data)
                http.receive_data(data)
            case h11.Response(status_code=status, headers=headers):
                reply.status, reply.headers = status, list(headers)
            case h11.Data(data=data):
                reply.body += data
            case h11.InformationalResponse():
                pass
            case _:
                return


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
