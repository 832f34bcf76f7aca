"""`/login/forgotten`: asks for a link. Every address is answered alike, whether it is anybody's."""

from typing import Any

import msgspec
from litestar import Response, get, post

from payviox import actors
from payviox.access import password_resets
from payviox.errors import Busy, TooManyAttempts
from payviox.payout_users.email import InvalidEmail, canonical
from payviox.web.context import Call, address_of, services
from payviox.web.forms import read_form
from payviox.web.pages import page, redirect

ROUTE = "/login/forgotten"


class AskView(msgspec.Struct, frozen=True):
    sends_mail: bool
    is_sent: bool = False
    email: str = ""
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)
    refused: str | None = None


@get(ROUTE, include_in_schema=False)
async def show_form(request: Call) -> Response[Any]:
    """The form; after it was sent, what happens next."""
    view = AskView(_sends_mail(request), is_sent="done" in request.query_params)
    return page(request, "forgotten/ask.html", view)


@post(ROUTE, include_in_schema=False, status_code=200, right="anybody")
async def ask(request: Call) -> Response[Any]:
    """Send a link, if somebody has this address."""
    if not _sends_mail(request):
        return page(request, "forgotten/ask.html", AskView(sends_mail=False), status=409)
    typed = (await read_form(request)).get("email", "").strip()
    try:
        email = canonical(typed)
    except InvalidEmail as error:
        view = AskView(sends_mail=True, email=typed, errors={"email": [error.in_full]})
        return page(request, "forgotten/ask.html", view, status=422)
    place = address_of(request)
    try:
        async with services(request).writes.slot(ROUTE):
            with actors.at(place):
                await services(request).database.write(password_resets.ask, email, place)
    except (TooManyAttempts, Busy) as error:
        view = AskView(sends_mail=True, email=typed, refused=str(error))
        return page(request, "forgotten/ask.html", view, status=error.status)
    return redirect(f"{ROUTE}?done=sent")


def _sends_mail(request: Call) -> bool:
    return services(request).settings.smtp_url is not None


ROUTES = [show_form, ask]
