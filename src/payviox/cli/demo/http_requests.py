"""Requests to the demo's own little servers, each read whole and within bounds."""

import asyncio
from dataclasses import dataclass

import h11

MAX_BODY = 100_000
TIME_S = 10


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What was asked; the headers' names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


async def read(reader: asyncio.StreamReader, most: int = MAX_BODY) -> HttpRequest | None:
    """The next request; None where it is none, or its body has more than `most` bytes."""
    connection = h11.Connection(h11.SERVER)
    head: h11.Request | None = None
    body = b""
    try:
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(2**14))
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
            if len(body) > most or isinstance(event, h11.ConnectionClosed):
                return None
    except h11.RemoteProtocolError:
        return None
    if head is None:
        return None
    headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
    return HttpRequest(head.method.decode(), head.target.decode("latin-1"), headers, body)
