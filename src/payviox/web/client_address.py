"""Who calls, behind proxies: `X-Forwarded-For` is believed as far as it was written by proxies that
the installation trusts, and not from anybody else."""

import ipaddress
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from payviox.web.asgi import Application, Receive, Scope, Send

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
FORWARDED_FOR = b"x-forwarded-for"


class ClientAddresses:
    """Around the application: `scope["client"]` is whoever called the outermost trusted proxy."""

    def __init__(self, inner: Application, trusted: Sequence[Network]) -> None:
        self._inner = inner
        self._trusted = tuple(trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._trusted and scope["type"] == "http" and scope.get("client"):
            host, port = scope["client"]
            values = [value for name, value in scope["headers"] if name == FORWARDED_FOR]
            client = find_client(host, values, self._trusted)
            scope = {**scope, "client": (client, port if client == host else 0)}
        await self._inner(scope, receive, send)


def find_client(peer: str, values: Iterable[bytes], trusted: Sequence[Network]) -> str:
    """The nearest hop that is no trusted proxy, counted from us; what stands before it anybody may
    have written. A hop that is no address ends the search at the proxy that named it."""
    nearest = _parse(peer)
    if nearest is None or not _is_trusted(nearest, trusted):
        return peer
    for text in reversed(b",".join(values).decode("latin-1").split(",")):
        hop = _parse(text.strip(" \t"))
        if hop is None:
            break
        nearest = hop
        if not _is_trusted(hop, trusted):
            break
    return str(nearest)


def _is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)


def _parse(text: str) -> Address | None:
    """An address as proxies write it: bare, with a port, or IPv6 in brackets."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or IPv6Address(int(address))  # without its zone
    return address
