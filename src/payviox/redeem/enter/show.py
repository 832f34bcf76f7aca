"""`/redeem#<hash>`: the first page, who sent the money, the button that lets somebody in, and the
way out. Opening the page asks and changes nothing: only the button sends what the link holds."""

from dataclasses import dataclass
from typing import Any

from litestar import Response, get, post

from payviox.auth import redemption
from payviox.auth.redemption import LinkEnded
from payviox.redeem.visits import BALANCE, COOKIE, ROUTE, page, session_of
from payviox.web.context import Call, services
from payviox.web.cookies import cookie_name, cookie_of
from payviox.web.forms import read_form
from payviox.web.pages import HEADERS, redirect

MAX_LINK = 2_000


@dataclass(frozen=True, slots=True)
class EnterView:
    """`is_refused` where what was sent opens nothing."""

    is_refused: bool = False


@get(ROUTE, include_in_schema=False)
async def show_entrance(request: Call) -> Response[Any]:
    """The same page for everybody: what opens it stays in the browser."""
    return page(request, "enter/show.html", EnterView())


@post(f"{ROUTE}/sender", include_in_schema=False, status_code=200)
async def say_sender(request: Call) -> Response[Any]:
    """The name of the business to which a link's first characters belong; empty for none."""
    code = (await read_form(request)).get("code", "")
    name = await services(request).database.fetch_caller(redemption.find_sender, code)
    return Response(name or "", media_type="text/plain", headers=HEADERS)


@post(ROUTE, include_in_schema=False, status_code=200)
async def enter(request: Call) -> Response[Any]:
    """Let somebody in by a hash, a ticket, or the whole link as it was pasted."""
    presented = (await read_form(request)).get("link", "")[:MAX_LINK].strip()
    secret = presented.rpartition("#")[2]
    before = request.cookies.get(cookie_name(request, COOKIE), "")
    try:
        token = await services(request).database.write(redemption.enter, secret, before)
    except LinkEnded:
        return page(request, "enter/show.html", EnterView(is_refused=True), status=403)
    answer = redirect(BALANCE)
    answer.cookies.append(cookie_of(request, COOKIE, token))
    return answer


@post(f"{ROUTE}/leave", include_in_schema=False, status_code=200)
async def leave(request: Call) -> Response[Any]:
    """End the session."""
    session = await session_of(request)
    if session is not None:
        await services(request).database.write(redemption.leave, session)
    answer = redirect(ROUTE)
    answer.cookies.append(cookie_of(request, COOKIE, "", max_age=0))
    return answer


ROUTES = [show_entrance, say_sender, enter, leave]
