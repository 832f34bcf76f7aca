"""`/account/password`: another password for oneself."""

from typing import Any

import msgspec
from litestar import Response, get, post

from payviox.auth import operators
from payviox.dashboard.new_passwords import hash_typed
from payviox.dashboard.visits import ACCOUNT, act, require_fresh, session_of
from payviox.errors import FieldErrors
from payviox.web.context import Call
from payviox.web.forms import read_form
from payviox.web.pages import page, redirect

ROUTE = f"{ACCOUNT}/password"


class PasswordView(msgspec.Struct, frozen=True):
    email: str
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)


@get(ROUTE, include_in_schema=False)
async def show_form(request: Call) -> Response[Any]:
    """Ask for the new password."""
    session = await session_of(request)
    require_fresh(session)
    return page(request, "account/password.html", PasswordView(session.email))


@post(ROUTE, include_in_schema=False, status_code=200, right="signed_in")
async def change(request: Call) -> Response[Any]:
    """Change it, and sign out everywhere else."""
    session = await session_of(request)
    require_fresh(session)
    form = await read_form(request)
    password = form.get("password", "")
    if form.get("again") != password:
        view = PasswordView(session.email, {"again": ["The two are not the same."]})
        return page(request, "account/password.html", view, status=422)
    try:
        password_hash = await hash_typed(request, form, session.email)
    except FieldErrors as error:
        view = PasswordView(session.email, error.fields)
        return page(request, "account/password.html", view, status=422)
    await act(request, session, operators.change_password, session, password_hash)
    return redirect(f"{ACCOUNT}?done=password")


ROUTES = [show_form, change]
