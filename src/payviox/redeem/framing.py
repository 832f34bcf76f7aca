"""The page inside a business's own site. Browsers say what asks for a page: one that a frame asks
for may be shown by the origins which its business names, and has a session of its own, whose cookie
belongs to the site around it. Everything else is in no frame."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response

from payviox.sites import origins
from payviox.web.context import Call, services
from payviox.web.cookies import cookie_name, cookie_of
from payviox.web.pages import POLICY, redirect
from payviox.web.response_headers import FRAME_ORIGINS

COOKIE = "redeem"
FRAMED = "redeem-framed"
MARK = "payviox-framed"
"""The header of what a framed page asks for by itself: browsers do not say where its page is."""
NOWHERE = "frame-ancestors 'none'"


def is_framed(request: Call) -> bool:
    """Whether a frame asks for this as its page."""
    return request.headers.get("sec-fetch-dest") == "iframe"


def token_of(request: Call) -> str:
    """The session's token, of the frame or of the window; empty for none."""
    window = request.cookies.get(cookie_name(request, COOKIE), "")
    frame = request.cookies.get(cookie_name(request, FRAMED), "")
    if is_framed(request) or MARK in request.headers:
        return frame
    is_from_a_script = request.headers.get("sec-fetch-dest") == "empty"
    return window or (frame if is_from_a_script else "")


async def allow(request: Call, token: str) -> None:
    """Let the origins of the business whose links and tokens begin so show what is answered, where
    a frame asks for it."""
    if is_framed(request):
        named = await services(request).database.fetch_caller(origins.of_links, token)
        request.scope["state"][FRAME_ORIGINS] = named


def origins_of(request: Call) -> Sequence[str]:
    """Which origins may show the answer."""
    named: Sequence[str] = request.scope["state"].get(FRAME_ORIGINS, ())
    return named


def policy(named: Sequence[str]) -> Mapping[str, str]:
    """The headers by which these origins may show a page; none where there are none."""
    if not named:
        return {}
    ancestors = f"frame-ancestors {' '.join(named)}"
    return {"Content-Security-Policy": POLICY.replace(NOWHERE, ancestors)}


def let_in(request: Call, address: str, token: str) -> Response[Any]:
    """Go on to this page with a session."""
    if is_framed(request):
        return redirect(address, {"Set-Cookie": _framed_cookie(request, token)})
    answer = redirect(address)
    answer.cookies.append(cookie_of(request, COOKIE, token))
    return answer


def let_out(request: Call, address: str) -> Response[Any]:
    """Go on to this page without one."""
    if is_framed(request):
        return redirect(address, {"Set-Cookie": f"{_framed_cookie(request, '')}; Max-Age=0"})
    answer = redirect(address)
    answer.cookies.append(cookie_of(request, COOKIE, "", max_age=0))
    return answer


def _framed_cookie(request: Call, token: str) -> str:
    """A cookie that browsers keep apart for each site which has the page in a frame."""
    name = cookie_name(request, FRAMED)
    return f"{name}={token}; Path=/; HttpOnly; Secure; SameSite=None; Partitioned"
