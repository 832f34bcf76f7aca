"""`…/team/invite` and `…/team/invitations/<invitation>`: asking somebody in, again, and not any
more. Where no mail is sent the link is shown, this once."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import msgspec
from litestar import Response, post

from payviox import ids
from payviox.access import invitations, links
from payviox.access.model import Invited
from payviox.dashboard.team.list import ROUTE, address_of_team, team_page
from payviox.dashboard.visits import Visit, act, act_once, show, visit_of
from payviox.db.pool import Connection
from payviox.errors import FieldErrors
from payviox.idempotency.service import ShownOnce
from payviox.payout_users.email import InvalidEmail, canonical
from payviox.rights.roles import ROLES, Role
from payviox.web.context import Call, services
from payviox.web.cursors import path_id
from payviox.web.forms import read_form
from payviox.web.pages import redirect

ONE = f"{ROUTE}/invitations/{{invitation:str}}"
Invite = Callable[[Connection], Awaitable[Invited]]


class LinkView(msgspec.Struct, frozen=True):
    """The link; None where the form was sent before and has shown it."""

    email: str
    link: str | None
    back: str


@post(f"{ROUTE}/invite", include_in_schema=False, status_code=200, right="member.invite")
async def invite(request: Call) -> Response[Any]:
    """Invite an address with a role."""
    visit = await visit_of(request)
    form = await read_form(request)
    typed, role = form.get("email", "").strip(), form.get("role", "")
    try:
        email = canonical(typed)
    except InvalidEmail as error:
        errors = {"email": [error.in_full]}
        return await team_page(request, visit, email=typed, role=role, errors=errors, status=422)
    if role not in ROLES:
        errors = {"email": ["Choose one of the roles."]}
        return await team_page(request, visit, email=typed, errors=errors, status=422)

    async def work(connection: Connection) -> Invited:
        return await invitations.invite(
            connection,
            services(request).keyring,
            visit.business.id,
            email,
            cast("Role", role),
            visit.session.actor,
            by_mail=_by_mail(request),
        )

    try:
        return await _invite(request, visit, form, work)
    except FieldErrors as error:
        return await team_page(
            request, visit, email=typed, role=role, errors=error.fields, status=422
        )


@post(f"{ONE}/resend", include_in_schema=False, status_code=200, right="member.invite")
async def resend(request: Call) -> Response[Any]:
    """Send another link; the old one stops."""
    visit = await visit_of(request)
    invitation_id = path_id(request, ids.INVITATION, "invitation")

    async def work(connection: Connection) -> Invited:
        return await invitations.renew(
            connection,
            services(request).keyring,
            visit.business.id,
            invitation_id,
            visit.session.actor,
            by_mail=_by_mail(request),
        )

    return await _invite(request, visit, await read_form(request), work)


@post(
    f"{ONE}/withdraw",
    include_in_schema=False,
    status_code=200,
    right="member.withdraw_invitation",
)
async def withdraw(request: Call) -> Response[Any]:
    """Stop an invitation."""
    visit = await visit_of(request)
    invitation_id = path_id(request, ids.INVITATION, "invitation")
    await act(
        request,
        visit.session,
        invitations.withdraw,
        visit.business.id,
        invitation_id,
        visit.session.actor,
    )
    return redirect(f"{address_of_team(visit)}?done=withdrawn")


async def _invite(
    request: Call, visit: Visit, form: Mapping[str, str], work: Invite
) -> Response[Any]:
    async def effect(connection: Connection) -> ShownOnce:
        made = await work(connection)
        return ShownOnce({"email": made.invitation.email}, made.token)

    done = await act_once(request, visit, form, effect)
    if _by_mail(request):
        return redirect(f"{address_of_team(visit)}?done=invited")
    site, token = services(request).settings.public_url, done.shown_once
    view = LinkView(
        email=done.reference["email"],
        link=links.invitation_address(site, token) if token else None,
        back=address_of_team(visit),
    )
    return show(request, visit, "team/link.html", view)


def _by_mail(request: Call) -> bool:
    return services(request).settings.smtp_url is not None


ROUTES = [invite, resend, withdraw]
