"""What a page says was done (`?done=…`) is said once, and only after something of ours did it: a
link from elsewhere cannot make a page claim what was not done.

The redirect that follows an act leaves a cookie with its address; the page at just that address
uses it up. Without it the page sees no `done`."""

from urllib.parse import parse_qsl, quote, unquote, urlencode

from litestar import Request
from litestar.datastructures import Cookie, MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from payviox.web.context import Call
from payviox.web.cookies import cookie_name, cookie_of

NAME = "done"
KEPT_S = 120


class SaidOnce(ASGIMiddleware):
    """Around the dashboard's routes."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        request: Call = Request(scope)
        query = scope["query_string"].decode("latin-1")
        asked = [name for name, _ in parse_qsl(query, keep_blank_values=True)]
        is_ours = False
        if NAME in asked:
            kept = request.cookies.get(cookie_name(request, NAME), "")
            is_ours = unquote(kept) == f"{scope['path']}?{query}"
            if not is_ours:
                scope["query_string"] = _without(query).encode("latin-1")

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableScopeHeaders(message)
                address = headers.get("location", "")
                if message["status"] == 303 and f"{NAME}=" in address.partition("?")[2]:
                    kept = cookie_of(request, NAME, quote(address, safe=""), max_age=KEPT_S)
                    headers.add("set-cookie", _header(kept))
                elif is_ours:
                    headers.add("set-cookie", _header(cookie_of(request, NAME, "", max_age=0)))
            await send(message)

        await next_app(scope, receive, send_marked)


def _without(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    return urlencode([(name, text) for name, text in pairs if name != NAME])


def _header(cookie: Cookie) -> str:
    return cookie.to_header(header="")
