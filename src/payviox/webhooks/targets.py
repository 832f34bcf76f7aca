"""Where a webhook may go: the syntax of a business's URL, and the guard of public addresses.

Nothing here opens a connection; sender.py connects to what resolve() has checked.
"""

import asyncio
import functools
import logging
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import urlsplit

import idna
from aiohappyeyeballs import AddrInfoType

logger = logging.getLogger(__name__)

MAX_URL_CHARS = 2048
MAX_ADDRESSES = 8
"""Of a name's answers, all are checked and so many are tried: a name must not make us knock on a
hundred doors."""

Lookup = Callable[[str, int], Awaitable[Sequence[AddrInfoType]]]
"""Host and port to addresses, as `loop.getaddrinfo` answers them; raises OSError."""

# Not `ipaddress.is_global`: what it answers differs between Python versions (3.11.7 takes
# 192.0.0.192, a cloud's metadata service, and multicast for global).
# Source: the IANA special-purpose address registries (RFC 6890), October 2025.
_GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")  # leaves out loopback, local, mapped, NAT64, multicast
_NOT_PUBLIC = {
    ip_network(network): what
    for network, what in {
        "0.0.0.0/8": "this network",
        "10.0.0.0/8": "private",
        "100.64.0.0/10": "carrier-grade NAT",
        "127.0.0.0/8": "loopback",
        "168.63.129.16/32": "Azure's host service",
        "169.254.0.0/16": "link-local",
        "172.16.0.0/12": "private",
        "192.0.0.0/24": "protocol assignments",
        "192.0.2.0/24": "documentation",
        "192.88.99.0/24": "6to4 relay",
        "192.168.0.0/16": "private",
        "198.18.0.0/15": "benchmarking",
        "198.51.100.0/24": "documentation",
        "203.0.113.0/24": "documentation",
        "224.0.0.0/4": "multicast",
        "240.0.0.0/4": "reserved",
        "2001::/23": "protocol assignments, Teredo among them",
        "2001:db8::/32": "documentation",
        "2002::/16": "6to4",
        "3fff::/20": "documentation",
    }.items()
}

_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:@%]+)(?::(?P<port>[0-9]{1,5})?)?")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

# Our own threads: names that never resolve keep theirs busy, and must not hold up other work. Each
# name has one at most, also after its callers' time is up, and so each business, which has one URL.
_LOOKUPS = ThreadPoolExecutor(max_workers=128, thread_name_prefix="webhook-lookup")
_looking: dict[tuple[str, int], "Future[Sequence[AddrInfoType]]"] = {}


class TargetError(ValueError):
    """A URL or an address that no webhook is sent to; the message is a clause for people."""


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed webhook URL. That it was parsed says nothing about its addresses: see resolve()."""

    scheme: str
    host: str
    """An ASCII name without a trailing dot, or an IP address without brackets."""
    port: int
    path: str
    """Path and query, as they stand in a request."""
    allow_private: bool

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        standard = self.port == (443 if self.scheme == "https" else 80)
        return host if standard else f"{host}:{self.port}"


def parse_target(url: str, *, allow_private: bool) -> Target:
    """Check what can be checked without the network; for a business that sets its URL.

    `allow_private` is the operator's switch for development: it permits plain http, names
    without a dot, and addresses that are not public.

    Raises TargetError.
    """
    if len(url) > MAX_URL_CHARS:
        raise TargetError(f"the URL is longer than {MAX_URL_CHARS} characters")
    # urlsplit() drops tabs and line ends, and others read a backslash as a slash.
    if not url.isprintable() or " " in url or "\\" in url:
        raise TargetError("the URL contains a space, a backslash or an invisible character")
    if "#" in url:
        raise TargetError("the URL has a fragment (#…), which no server would see")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise TargetError("the URL has no valid host") from error
    if parts.scheme not in (("https", "http") if allow_private else ("https",)):
        or_http = " or http://" if allow_private else ""
        raise TargetError(f"the URL must begin with https://{or_http}")
    host, port = _authority(parts.netloc, 443 if parts.scheme == "https" else 80)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii():
        raise TargetError("the path has characters that must be percent-encoded")
    if not allow_private:
        _require_public_form(host)
    return Target(parts.scheme, host, port, path, allow_private)


async def resolve(
    target: Target,
    *,
    lookup: Lookup | None = None,
    inside: Sequence[IPv4Network | IPv6Network] = (),
) -> Sequence[AddrInfoType]:
    """The addresses to connect to, each of them checked: connect to these and look up no more.

    One answer that is neither public nor `inside` these networks condemns the name, unless the
    target allows private ones. Which
    one it was is for the operator's log: whoever chose the name must not learn our network by it.

    Raises TargetError.
    """
    try:
        addresses = await (lookup or _system_lookup)(target.host, target.port)
    except OSError as error:
        raise TargetError("the name does not resolve") from error
    if not addresses:
        raise TargetError("the name does not resolve")
    if not target.allow_private:
        for _, _, _, _, address in addresses:
            try:
                if not any(ip_address(address[0]) in network for network in inside):
                    _require_public(ip_address(address[0]))
            except TargetError as error:
                logger.warning("target %s: %s", target.host, error)
                raise TargetError("the name does not resolve to a public address") from None
    return addresses[:MAX_ADDRESSES]


async def _system_lookup(host: str, port: int) -> Sequence[AddrInfoType]:
    looking = _looking.get((host, port))
    if looking is None:
        ask = functools.partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        looking = _looking[host, port] = _LOOKUPS.submit(ask)
        looking.add_done_callback(lambda _: _looking.pop((host, port), None))
    answer = asyncio.wrap_future(looking)
    # Nobody may be left to hear of an error, and one caller's end is not the others'.
    answer.add_done_callback(lambda done: done.cancelled() or done.exception())
    return await asyncio.shield(answer)


def _authority(netloc: str, standard_port: int) -> tuple[str, int]:
    if "@" in netloc:
        raise TargetError("the URL contains a user name or a password")
    match = _AUTHORITY.fullmatch(netloc)
    if match is None:
        raise TargetError("the URL has no valid host")
    port = int(match["port"] or standard_port)
    # No receiver of webhooks lives on another system port, and some things that do take orders.
    if port not in (80, 443) and not 1024 <= port <= 65535:
        raise TargetError("the port must be 80, 443 or between 1024 and 65535")
    return _host(match["host"]), port


def _host(raw: str) -> str:
    try:
        if raw.startswith("["):
            return IPv6Address(raw[1:-1]).compressed
        # UTS 46 also turns look-alikes such as full-width digits into what they would resolve to.
        name = raw.lower() if raw.isascii() else idna.encode(raw, uts46=True).decode()
        name = name.removesuffix(".")
        labels = name.split(".")
        if _NUMBER.fullmatch(labels[-1]):
            # 2130706433, 0x7f.1 and 0177.0.0.1 all mean 127.0.0.1 to a C library.
            return str(IPv4Address(name))
    except ValueError as error:
        raise TargetError("the URL has no valid host") from error
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise TargetError("the URL has no valid host")
    return name


def _require_public_form(host: str) -> None:
    try:
        address = ip_address(host)
    except ValueError:
        if "." not in host:
            raise TargetError("the host is not a public name") from None
    else:
        _require_public(address)


def _require_public(address: IPv4Address | IPv6Address) -> None:
    what = next((what for network, what in _NOT_PUBLIC.items() if address in network), None)
    if what is None and address.version == 6 and address not in _GLOBAL_UNICAST_V6:
        what = "not global unicast"
    if what is not None:
        raise TargetError(f"the address is not public: {address} ({what})")
