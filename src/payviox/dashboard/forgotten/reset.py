"""`/login/reset/<token>`: another password in place of a forgotten one. Opening the link uses
nothing up; sending its form does."""

from typing import Any

import msgspec
from litestar import Response, get, post

from payviox import actors
from payviox.access import password_resets
from payviox.access.password_resets import LinkEnded
from payviox.dashboard.new_passwords import hash_typed
from payviox.errors import Busy, FieldErrors
from payviox.web.context import Call, address_of, services
from payviox.web.forms import read_form
from payviox.web.pages import page, redirect

ROUTE = "/login/reset/{token:str}"


class ResetView(msgspec.Struct, frozen=True):
    """Whose password it is about; nobody's where the link has ended, or was just used."""

    action: str = ""
    email: str | None = None
    is_done: bool = False
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)
    refused: str | None = None


@get("/login/reset", include_in_schema=False)
async def show_done(request: Call) -> Response[Any]:
    """What comes after another password was chosen."""
    return page(request, "forgotten/reset.html", ResetView(is_done=True))


@get(ROUTE, include_in_schema=False)
async def show_form(request: Call) -> Response[Any]:
    """The form, while the link opens."""
    try:
        return page(request, "forgotten/reset.html", await _view(request))
    except LinkEnded as error:
        return _ended(request, error)


@post(ROUTE, include_in_schema=False, status_code=200, right="anybody")
async def set_password(request: Call) -> Response[Any]:
    """Set the password and use the link up."""
    try:
        view = await _view(request)
        form = await read_form(request)
        try:
            password_hash = await hash_typed(request, form, view.email or "")
        except FieldErrors as error:
            view = ResetView(view.action, view.email, errors=error.fields)
            return page(request, "forgotten/reset.html", view, status=422)
        except Busy as error:
            view = ResetView(view.action, view.email, refused=str(error))
            return page(request, "forgotten/reset.html", view, status=error.status)
        with actors.at(address_of(request)):
            await services(request).database.write(
                password_resets.set_password, _token(request), password_hash
            )
    except LinkEnded as error:
        return _ended(request, error)
    return redirect("/login/reset")


async def _view(request: Call) -> ResetView:
    email = await services(request).database.fetch(password_resets.look_at, _token(request))
    return ResetView(request.scope["path"], email)


def _ended(request: Call, error: LinkEnded) -> Response[Any]:
    view = ResetView(refused=str(error))
    return page(request, "forgotten/reset.html", view, status=error.status)


def _token(request: Call) -> str:
    return str(request.path_params["token"])


ROUTES = [show_done, show_form, set_password]
