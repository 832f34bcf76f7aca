"""`/login` and `/logout`: the password, then a code where a second factor is set up."""

from dataclasses import dataclass, field, replace
from typing import Any

from litestar import Response, get, post

from payviox.auth import passkeys, sessions, sign_in
from payviox.auth.sessions import DEVICE_DAYS, SignedIn, SignedOut
from payviox.auth.sign_in import NotStarted, SecondNeeded
from payviox.dashboard.visits import act, client_of, onward_of, session_of
from payviox.errors import Busy, FieldErrors, PayvioxError, TooManyAttempts
from payviox.payout_users.email import InvalidEmail, canonical
from payviox.web.context import Call, services
from payviox.web.cookies import cookie_of
from payviox.web.forms import read_form
from payviox.web.pages import page, redirect

DAY_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class SignInView:
    """The form as it was sent; the password is not shown again. `openid` is what the provider is
    called, None where there is none."""

    next: str
    has_passkeys: bool
    openid: str | None
    email: str = ""
    errors: dict[str, list[str]] = field(default_factory=dict)
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class CodeView:
    """The second factor is asked for; `token` names the sign-in that was started."""

    next: str
    token: str = field(repr=False)
    has_app: bool
    has_passkeys: bool
    errors: dict[str, list[str]] = field(default_factory=dict)
    refused: str | None = None


@get("/login", include_in_schema=False)
async def show_sign_in(request: Call) -> Response[Any]:
    """The form; whoever is signed in already goes on."""
    onward = onward_of(request.query_params.get("next"))
    try:
        await session_of(request)
    except SignedOut:
        return page(request, "sign_in/form.html", form_of(request, onward))
    return redirect(onward)


@post("/login", include_in_schema=False, status_code=200, right="anybody")
async def sign_in_here(request: Call) -> Response[Any]:
    """Check the password, or the code that follows it, and open a session."""
    form = await read_form(request)
    if "started" in form:
        return await _with_code(request, form["started"], form.get("code", ""), form.get("next"))
    typed, onward = form.get("email", "").strip(), onward_of(form.get("next"))
    view = form_of(request, onward, typed)
    try:
        email = canonical(typed)
    except InvalidEmail as error:
        return _again(request, replace(view, errors={"email": [error.in_full]}), 422)
    try:
        async with services(request).sign_ins.enter():
            outcome = await sign_in.with_password(
                services(request).database, email, form.get("password", ""), client_of(request)
            )
    except FieldErrors as error:
        return _again(request, replace(view, errors=error.fields), 422)
    except (TooManyAttempts, Busy) as error:
        return _again(request, replace(view, refused=str(error)), error.status)
    return let_in(request, outcome, onward)


async def _with_code(request: Call, token: str, code: str, address: str | None) -> Response[Any]:
    onward, found = onward_of(address), services(request)
    try:
        outcome = await sign_in.with_code(
            found.database, found.keyring, token, code, client_of(request)
        )
    except NotStarted as error:
        return _again(request, replace(form_of(request, onward), refused=str(error)), 409)
    except FieldErrors as error:
        return await ask_second(request, token, onward, errors=error.fields, status=422)
    except TooManyAttempts as error:
        return await ask_second(request, token, onward, refused=str(error), status=error.status)
    return let_in(request, outcome, onward)


@post("/logout", include_in_schema=False, status_code=200, right="signed_in")
async def sign_out(request: Call) -> Response[Any]:
    """End the session."""
    session = await session_of(request)
    await act(request, session, sessions.end, session)
    answer = redirect("/login")
    answer.cookies.append(cookie_of(request, "session", "", max_age=0))
    return answer


def form_of(request: Call, onward: str, email: str = "") -> SignInView:
    """The empty form, with the other ways in that this installation offers."""
    settings = services(request).settings
    has_passkeys = passkeys.site_of(settings.public_url) is not None
    openid = settings.oidc_name if settings.oidc_issuer else None
    return SignInView(onward, has_passkeys, openid, email)


def let_in(request: Call, outcome: SignedIn | SecondNeeded, onward: str) -> Response[Any]:
    """The way on for somebody whose first factor was right."""
    if isinstance(outcome, SecondNeeded):
        view = CodeView(onward, outcome.token, outcome.has_app, outcome.has_passkeys)
        return page(request, "sign_in/code.html", view)
    answer = redirect(onward)
    lasts = DEVICE_DAYS * DAY_S
    answer.cookies.append(cookie_of(request, "session", outcome.token))
    answer.cookies.append(cookie_of(request, "device", outcome.device, max_age=lasts))
    return answer


async def ask_second(
    request: Call, token: str, onward: str, *, status: int, **more: Any
) -> Response[Any]:
    """Ask for the second factor once more."""
    try:
        _, app, keys = await services(request).database.fetch(sign_in.find_started, token)
    except NotStarted as error:
        return refuse(request, onward, error)
    view = CodeView(onward, token, app, keys, **more)
    return page(request, "sign_in/code.html", view, status=status)


def refuse(request: Call, onward: str, error: PayvioxError) -> Response[Any]:
    """The form again, with why nobody was let in."""
    return _again(request, replace(form_of(request, onward), refused=str(error)), error.status)


def _again(request: Call, view: SignInView, status: int) -> Response[Any]:
    return page(request, "sign_in/form.html", view, status=status)


ROUTES = [show_sign_in, sign_in_here, sign_out]
