"""`/dashboard/invitation/<token>`: what somebody is invited to, and joining it. Opening the link
uses nothing up. Whoever has an account signs in with it first; who has none makes one here."""

from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Response, get, post

from payviox import actors
from payviox.access import invitations
from payviox.access.invitations import ForSomebodyElse, LinkEnded
from payviox.access.model import Invitation
from payviox.auth.sessions import Session, SignedOut
from payviox.dashboard.new_passwords import hash_typed
from payviox.dashboard.visits import act, session_of
from payviox.errors import Busy, Conflict, FieldErrors
from payviox.rights.roles import ROLES
from payviox.web.context import Call, address_of, services
from payviox.web.forms import read_form
from payviox.web.pages import page, redirect

ROUTE = "/dashboard/invitation/{token:str}"


class AcceptView(msgspec.Struct, frozen=True):
    """An invitation as whoever opened it may take it; None where the link has ended."""

    here: str
    invitation: Invitation | None = None
    meaning: str = ""
    signed_in_as: str | None = None
    has_account: bool = False
    sign_in: str = ""
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)
    refused: str | None = None

    @property
    def is_for_them(self) -> bool:
        """Whether whoever is signed in is the one who is invited."""
        return self.invitation is not None and self.signed_in_as == self.invitation.email


@get(ROUTE, include_in_schema=False)
async def show_invitation(request: Call) -> Response[Any]:
    """What it is about, and how to join."""
    return await _page(request, await _session(request))


@post(ROUTE, include_in_schema=False, status_code=200, right="anybody")
async def accept(request: Call) -> Response[Any]:
    """Join, with the account that is signed in or with a new one."""
    session, token = await _session(request), str(request.path_params["token"])
    form = await read_form(request)
    try:
        if session is not None:
            await act(request, session, invitations.accept, token, session.email)
            return redirect("/dashboard?all")
        invitation, has_account = await services(request).database.fetch(invitations.look_at, token)
        if has_account:
            return redirect(_sign_in(request))
        password_hash = await hash_typed(request, form, invitation.email)
        with actors.at(address_of(request)):
            await services(request).database.write(invitations.accept_as_new, token, password_hash)
    except FieldErrors as error:
        return await _page(request, session, errors=error.fields, status=422)
    except (LinkEnded, ForSomebodyElse, Conflict, Busy) as error:
        return await _page(request, session, refused=str(error), status=error.status)
    return redirect("/login")


async def _session(request: Call) -> Session | None:
    try:
        return await session_of(request)
    except SignedOut:
        return None


async def _page(
    request: Call,
    session: Session | None,
    *,
    status: int = 200,
    errors: dict[str, list[str]] | None = None,
    refused: str | None = None,
) -> Response[Any]:
    here = request.scope["path"]
    try:
        invitation, has_account = await services(request).database.fetch(
            invitations.look_at, str(request.path_params["token"])
        )
    except LinkEnded as error:
        view = AcceptView(here, refused=str(error))
        return page(request, "invitation/accept.html", view, status=error.status)
    view = AcceptView(
        here=here,
        invitation=invitation,
        meaning=ROLES[invitation.role],
        signed_in_as=session.email if session else None,
        has_account=has_account,
        sign_in=_sign_in(request),
        errors=errors or {},
        refused=refused,
    )
    return page(request, "invitation/accept.html", view, status=status)


def _sign_in(request: Call) -> str:
    return f"/login?next={quote(request.scope['path'], safe='')}"


ROUTES = [show_invitation, accept]
