"""`/account/authenticator`: setting an app up with a QR code; and recovery codes, shown once."""

from dataclasses import dataclass, field
from typing import Any

import segno
from litestar import Response, get, post

from payviox.auth import authenticator
from payviox.auth.authenticator import NoApp
from payviox.auth.sessions import Session
from payviox.dashboard.account.show import account_page
from payviox.dashboard.visits import ACCOUNT, act, require_fresh, session_of
from payviox.errors import Conflict, FieldErrors
from payviox.web.context import Call, services
from payviox.web.forms import read_form
from payviox.web.pages import page, redirect

ROUTE = f"{ACCOUNT}/authenticator"


@dataclass(frozen=True, slots=True)
class SetupView:
    """The secret as a picture and as text, in groups of four."""

    picture: str = field(repr=False)
    secret: str = field(repr=False)
    errors: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CodesView:
    """New recovery codes, and what was set up with them."""

    codes: list[str] = field(repr=False)
    done: str


@post(f"{ROUTE}/begin", include_in_schema=False, status_code=200, right="signed_in")
async def begin(request: Call) -> Response[Any]:
    """Draw a secret for a new app."""
    session = await session_of(request)
    try:
        await act(request, session, authenticator.begin, services(request).keyring, session)
    except Conflict as error:
        return await account_page(request, session, refused=str(error), status=error.status)
    return redirect(ROUTE)


@get(ROUTE, include_in_schema=False)
async def show_setup(request: Call) -> Response[Any]:
    """What the app scans, and a field for its first code."""
    session = await session_of(request)
    require_fresh(session)
    return await _setup_page(request, session)


@post(ROUTE, include_in_schema=False, status_code=200, right="signed_in")
async def confirm(request: Call) -> Response[Any]:
    """Take the app into use with its first code."""
    session = await session_of(request)
    code = (await read_form(request)).get("code", "")
    keyring = services(request).keyring
    try:
        codes = await act(request, session, authenticator.confirm, keyring, session, code)
    except FieldErrors as error:
        return await _setup_page(request, session, errors=error.fields, status=422)
    except NoApp as error:
        return await account_page(request, session, refused=str(error), status=error.status)
    return codes_page(request, codes, "The authenticator app is set up.")


@post(f"{ROUTE}/remove", include_in_schema=False, status_code=200, right="signed_in")
async def remove(request: Call) -> Response[Any]:
    """Take the app out of use."""
    session = await session_of(request)
    try:
        await act(request, session, authenticator.remove, session)
    except NoApp as error:
        return await account_page(request, session, refused=str(error), status=error.status)
    return redirect(f"{ACCOUNT}?done=app-removed")


@post(f"{ACCOUNT}/recovery-codes", include_in_schema=False, status_code=200, right="signed_in")
async def make_recovery_codes(request: Call) -> Response[Any]:
    """Ten new recovery codes in place of the old ones."""
    session = await session_of(request)
    try:
        codes = await act(request, session, authenticator.make_recovery_codes, session)
    except Conflict as error:
        return await account_page(request, session, refused=str(error), status=error.status)
    return codes_page(request, codes, "The old recovery codes work no longer.")


def codes_page(request: Call, codes: list[str], done: str) -> Response[Any]:
    """Show recovery codes this once; where there are none new, only what was done."""
    return page(request, "account/recovery_codes.html", CodesView(codes, done))


async def _setup_page(
    request: Call, session: Session, *, status: int = 200, **more: Any
) -> Response[Any]:
    found = services(request)
    setup = await found.database.fetch(authenticator.setup_of, found.keyring, session)
    if setup is None:
        return redirect(ACCOUNT)
    picture = segno.make(setup.address, micro=False).svg_data_uri(scale=5, border=3, light="#fff")
    groups = [setup.secret[start : start + 4] for start in range(0, len(setup.secret), 4)]
    view = SetupView(picture, " ".join(groups), **more)
    return page(request, "account/authenticator.html", view, status=status)


ROUTES = [begin, show_setup, confirm, remove, make_recovery_codes]
