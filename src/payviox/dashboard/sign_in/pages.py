"""`/login` and `/logout`."""

import re
from dataclasses import dataclass, field
from typing import Any

from litestar import Response, get, post

from payviox.auth import sessions
from payviox.auth.sessions import SignedOut
from payviox.dashboard.visits import YEAR_S, act, cookie_name, cookie_of, session_of
from payviox.errors import Busy, FieldErrors, TooManyAttempts
from payviox.payout_users.email import InvalidEmail, canonical
from payviox.web.context import Call, address_of, services
from payviox.web.forms import read_form
from payviox.web.pages import page, redirect

HOME = "/dashboard"
PLAIN = re.compile(r"[!-\[\]-~]+")
"""Printable ASCII without space and backslash: what browsers read as we do."""


@dataclass(frozen=True, slots=True)
class SignInView:
    """The form as it was sent; the password is not shown again."""

    next: str
    email: str = ""
    errors: dict[str, list[str]] = field(default_factory=dict)
    refused: str | None = None


@get("/login", include_in_schema=False)
async def show_sign_in(request: Call) -> Response[Any]:
    """The form; whoever is signed in already goes on."""
    onward = _onward(request.query_params.get("next"))
    try:
        await session_of(request)
    except SignedOut:
        return page(request, "sign_in/form.html", SignInView(onward))
    return redirect(onward)


@post("/login", include_in_schema=False, status_code=200, right="anybody")
async def sign_in(request: Call) -> Response[Any]:
    """Check the password and open a session."""
    form = await read_form(request)
    typed, onward = form.get("email", "").strip(), _onward(form.get("next"))
    try:
        email = canonical(typed)
    except InvalidEmail as error:
        return _again(request, SignInView(onward, typed, {"email": [error.in_full]}), 422)
    try:
        with services(request).sign_ins.enter():
            opened = await sessions.sign_in(
                services(request).database,
                email,
                form.get("password", ""),
                device=request.cookies.get(cookie_name(request, "device")),
                place=address_of(request),
                agent=request.headers.get("user-agent"),
            )
    except FieldErrors as error:
        return _again(request, SignInView(onward, typed, error.fields), 422)
    except (TooManyAttempts, Busy) as error:
        return _again(request, SignInView(onward, typed, refused=str(error)), error.status)
    answer = redirect(onward)
    for name, value, lasts in (("session", opened.token, None), ("device", opened.device, YEAR_S)):
        answer.cookies.append(cookie_of(request, name, value, max_age=lasts))
    return answer


@post("/logout", include_in_schema=False, status_code=200, right="signed_in")
async def sign_out(request: Call) -> Response[Any]:
    """End the session."""
    session = await session_of(request)
    await act(request, session, sessions.end, session)
    answer = redirect("/login")
    answer.cookies.append(cookie_of(request, "session", "", max_age=0))
    return answer


def _again(request: Call, view: SignInView, status: int) -> Response[Any]:
    return page(request, "sign_in/form.html", view, status=status)


def _onward(address: str | None) -> str:
    """Where to go after signing in: a page of the dashboard, and nowhere else."""
    wanted = address or HOME
    path = wanted.partition("?")[0].partition("#")[0]
    ours = path == HOME or path.startswith(f"{HOME}/")
    return wanted if ours and PLAIN.fullmatch(wanted) else HOME


ROUTES = [show_sign_in, sign_in, sign_out]
