"""Requests to hosts of businesses' own: they get that business's redemption page and nothing else.
The page is asked for at no other host than these and the installation's own."""

import time
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection

from payviox.db.pool import Database
from payviox.errors import NotFound, PayvioxError
from payviox.sites import hosts
from payviox.sites.model import Owner
from payviox.web.asgi import Application, Receive, Scope, Send
from payviox.web.errors import error_answer
from payviox.web.request_body import send_answer

STATE = "own_host"
KNOWN_S = 10.0
"""What was looked up is believed for so long."""
MOST = 1_000
"""So many hosts are remembered; a stranger may name any."""
PAGES = "/redeem"
ALLOWED = ("/redeem/", "/assets/", hosts.PATH)
SCRIPT = "/embed.js"
WELL_KNOWN = hosts.PATH


def owner_of(request: ASGIConnection[Any, Any, Any, Any]) -> Owner | None:
    """Whose own host a request came to; None at the installation's."""
    owner: Owner | None = request.scope["state"].get(STATE)
    return owner


class OwnHosts:
    """The ASGI application behind the question which host was asked."""

    def __init__(self, inner: Application, database: Database, site: str) -> None:
        self._inner = inner
        self._database = database
        self._site = site.rstrip("/")
        self._main = urlsplit(site).netloc.lower()
        self._seen: dict[str, tuple[Owner | None, float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = _host(scope) if scope["type"] == "http" else self._main
        if host == self._main or not _is_name(host):
            await self._inner(scope, receive, send)
            return
        owner, path = await self._find(host), scope["path"]
        is_page = path == PAGES or path.startswith(f"{PAGES}/")
        if owner is not None:
            scope["state"][STATE] = owner
            if path == "/":
                await send_answer(send, 303, b"", {"Location": PAGES})
            elif is_page or path == SCRIPT or path.startswith(ALLOWED):
                await self._inner(scope, receive, send)
            else:
                await send_answer(send, *error_answer(NotFound()))
        elif is_page and scope["method"] == "GET":
            await send_answer(send, 307, b"", {"Location": f"{self._site}{path}"})
        elif is_page:
            await send_answer(send, *error_answer(NotFound()))
        else:
            await self._inner(scope, receive, send)

    async def _find(self, host: str) -> Owner | None:
        owner, since = self._seen.get(host, (None, float("-inf")))
        if time.monotonic() - since < KNOWN_S:
            return owner
        try:
            owner = await self._database.fetch_caller(hosts.find_owner, host)
        except PayvioxError:
            return (
                owner  # the database is away: what was known, and whatever is asked needs it, too
            )
        if len(self._seen) >= MOST:
            self._seen.clear()
        self._seen[host] = owner, time.monotonic()
        return owner


def _host(scope: Scope) -> str:
    named: bytes = next((value for name, value in scope["headers"] if name == b"host"), b"")
    return named.decode("latin-1").lower()


def _is_name(host: str) -> bool:
    """Whether this may be somebody's own host: names without a dot and addresses are none."""
    name = host.partition(":")[0]
    if "." not in name or not name.isascii() or not name.isprintable():
        return False
    try:
        ip_address(name)
    except ValueError:
        return True
    return False
