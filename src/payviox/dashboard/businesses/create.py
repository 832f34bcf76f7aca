"""`/dashboard/businesses/create`: a new business, for admins of the installation."""

from typing import Any

import msgspec
from litestar import Response, get, post

from payviox.auth.sessions import Session
from payviox.dashboard.visits import act, base_of, insider_of
from payviox.errors import Forbidden
from payviox.text import MAX_NAME, printable
from payviox.treasury import service as treasury
from payviox.web.context import Call
from payviox.web.forms import read_form
from payviox.web.pages import page, redirect

ROUTE = "/dashboard/businesses/create"


class CreateView(msgspec.Struct, frozen=True):
    name: str = ""
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)


@get(ROUTE, include_in_schema=False)
async def show_form(request: Call) -> Response[Any]:
    """Ask for the name."""
    await _admin_of(request)
    return page(request, "businesses/create.html", CreateView())


@post(ROUTE, include_in_schema=False, status_code=200, right="signed_in")
async def create(request: Call) -> Response[Any]:
    """Make the live and the test business, and go to the settings of the test one."""
    session = await _admin_of(request)
    typed = (await read_form(request)).get("name", "")
    try:
        name = printable(typed, MAX_NAME)
    except ValueError as error:
        view = CreateView(typed, {"name": [f"It {error}."]})
        return page(request, "businesses/create.html", view, status=422)
    _, test = await act(request, session, treasury.open_organization, name, session.actor)
    return redirect(f"{base_of(test.business)}/settings?done=created")


async def _admin_of(request: Call) -> Session:
    """Raises SignedOut, SecondFactorMissing and Forbidden."""
    session = await insider_of(request)
    if not session.is_admin:
        raise Forbidden
    return session


ROUTES = [show_form, create]
