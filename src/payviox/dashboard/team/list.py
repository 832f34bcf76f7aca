"""`…/team`: the members of the organization, its open invitations, and inviting."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from litestar import Response, get

from payviox import ids
from payviox.access import invitations, members
from payviox.access.model import Invitation
from payviox.dashboard.visits import Visit, read, show, visit_of
from payviox.db.pool import Connection
from payviox.mails import outbox
from payviox.mails.model import Mail
from payviox.rights.roles import ROLES, Role
from payviox.web.context import Call, services
from payviox.web.forms import new_key

ROUTE = "/dashboard/{business:str}/team"
DONE = {
    "invited": "The invitation is on its way.",
    "withdrawn": "The invitation is withdrawn; its link opens nothing any more.",
    "removed": "They are no member any more.",
}


class MemberLine(msgspec.Struct, frozen=True):
    address: str
    email: str
    role: str
    is_you: bool
    is_disabled: bool
    is_verified: bool
    since: datetime
    seen_at: datetime | None
    factors: list[str]


class InvitationLine(msgspec.Struct, frozen=True):
    """`mail` is None where the link was shown to who invited."""

    address: str
    invitation: Invitation
    mail: Mail | None


class TeamView(msgspec.Struct, frozen=True):
    here: str
    members: list[MemberLine]
    invitations: list[InvitationLine]
    roles: Mapping[Role, str]
    may_invite: bool
    sends_mail: bool
    done: str | None = None
    email: str = ""
    role: str = "viewer"
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)
    key: str = msgspec.field(default_factory=new_key)


@get(ROUTE, include_in_schema=False)
async def list_team(request: Call) -> Response[Any]:
    """Members and open invitations."""
    visit = await visit_of(request)
    return await team_page(request, visit, done=DONE.get(request.query_params.get("done", "")))


async def team_page(
    request: Call, visit: Visit, *, status: int = 200, **more: Any
) -> Response[Any]:
    """The page; `more` is what was typed, and what is wrong with it."""
    found, open_ones, mails = await read(request, visit, _read, visit)
    view = TeamView(
        here=address_of_team(visit),
        members=[
            MemberLine(
                address=f"{address_of_team(visit)}/{ids.show(ids.OPERATOR, each.operator_id)}",
                email=each.email,
                role=each.role,
                is_you=each.operator_id == visit.session.operator_id,
                is_disabled=each.is_disabled,
                is_verified=each.is_verified,
                since=each.since,
                seen_at=each.seen_at,
                factors=_factors(each),
            )
            for each in found
        ],
        invitations=[
            InvitationLine(
                f"{address_of_team(visit)}/invitations/{ids.show(ids.INVITATION, each.id)}",
                each,
                mails.get(each.event),
            )
            for each in open_ones
        ],
        roles=ROLES,
        may_invite=visit.may("member.invite"),
        sends_mail=services(request).settings.smtp_url is not None,
        **more,
    )
    return show(request, visit, "team/list.html", view, status=status)


async def _read(
    connection: Connection, visit: Visit
) -> tuple[list[members.Member], list[Invitation], dict[str, Mail]]:
    found = await members.list_of(connection, visit.business)
    open_ones = await invitations.list_open(connection, visit.business)
    return found, open_ones, await outbox.latest_of(connection, [one.event for one in open_ones])


def _factors(member: members.Member) -> list[str]:
    """What somebody proves themselves with besides a password, in words."""
    number = member.passkeys
    return [
        *(["app"] if member.has_app else []),
        *([f"{number} {'passkey' if number == 1 else 'passkeys'}"] if number else []),
        *(["provider"] if member.has_provider else []),
    ]


def address_of_team(visit: Visit) -> str:
    return f"{visit.base}/team"


ROUTES = [list_team]
