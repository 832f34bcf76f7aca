"""`…/team/<operator>`: one member, their role, and removing them."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec
from litestar import Response, get, post

from payviox import ids
from payviox.access import members
from payviox.access.members import LastOwner, Member
from payviox.dashboard.confirmations import ConfirmView, Fact, confirm
from payviox.dashboard.team.list import ROUTE as TEAM
from payviox.dashboard.team.list import address_of_team
from payviox.dashboard.visits import Visit, act, read, show, visit_of
from payviox.rights.roles import ROLES, Role
from payviox.web.context import Call
from payviox.web.cursors import path_id
from payviox.web.forms import read_form
from payviox.web.pages import redirect

ROUTE = f"{TEAM}/{{operator:str}}"


class MemberView(msgspec.Struct, frozen=True):
    here: str
    back: str
    member: Member
    is_you: bool
    roles: Mapping[Role, str]
    may_change: bool
    done: str | None = None
    refused: str | None = None


@get(ROUTE, include_in_schema=False)
async def show_member(request: Call) -> Response[Any]:
    """One member."""
    visit = await visit_of(request)
    done = "The role is changed." if request.query_params.get("done") == "role" else None
    return await _page(request, visit, done=done)


@post(f"{ROUTE}/role", include_in_schema=False, status_code=200, right="member.change_role")
async def change_role(request: Call) -> Response[Any]:
    """Give a member another role."""
    visit = await visit_of(request)
    role = (await read_form(request)).get("role", "")
    if role not in ROLES:
        return await _page(request, visit, refused="Choose one of the roles.", status=422)
    try:
        await act(
            request,
            visit.session,
            members.change_role,
            visit.business.id,
            _operator_id(request),
            cast("Role", role),
            visit.session.actor,
        )
    except LastOwner as error:
        return await _page(request, visit, refused=str(error), status=409)
    return redirect(f"{_address(request, visit)}?done=role")


@get(f"{ROUTE}/remove", include_in_schema=False)
async def ask_to_remove(request: Call) -> Response[Any]:
    """Whether to remove a member, and what they lose."""
    return await _ask(request, await visit_of(request))


@post(f"{ROUTE}/remove", include_in_schema=False, status_code=200, right="member.remove")
async def remove(request: Call) -> Response[Any]:
    """End a membership."""
    visit = await visit_of(request)
    try:
        await act(
            request,
            visit.session,
            members.remove,
            visit.business.id,
            _operator_id(request),
            visit.session.actor,
        )
    except LastOwner as error:
        return await _ask(request, visit, refused=str(error), status=409)
    if _operator_id(request) == visit.session.operator_id and not visit.session.is_admin:
        return redirect("/dashboard?all")
    return redirect(f"{address_of_team(visit)}?done=removed")


async def _ask(
    request: Call, visit: Visit, *, refused: str | None = None, status: int = 200
) -> Response[Any]:
    member = await read(request, visit, members.get, visit.business, _operator_id(request))
    view = ConfirmView(
        heading="Remove from the team",
        consequence="They see nothing of this organization any more, live and test, from that"
        " moment on. Their account stays, and so does what they did, in the audit log.",
        facts=[
            Fact("Member", member.email),
            Fact("Role", member.role),
            Fact("Organization", visit.business.name),
        ],
        action=f"{_address(request, visit)}/remove",
        button=f"Remove {member.email}",
        back=_address(request, visit),
        keep="Keep them",
        is_danger=True,
        refused=refused,
    )
    return confirm(request, visit, view, status=status)


async def _page(
    request: Call,
    visit: Visit,
    *,
    status: int = 200,
    done: str | None = None,
    refused: str | None = None,
) -> Response[Any]:
    member = await read(request, visit, members.get, visit.business, _operator_id(request))
    view = MemberView(
        here=_address(request, visit),
        back=address_of_team(visit),
        member=member,
        is_you=member.operator_id == visit.session.operator_id,
        roles=ROLES,
        may_change=visit.may("member.change_role"),
        done=done,
        refused=refused,
    )
    return show(request, visit, "team/show.html", view, status=status)


def _operator_id(request: Call) -> Any:
    return path_id(request, ids.OPERATOR, "operator")


def _address(request: Call, visit: Visit) -> str:
    return f"{address_of_team(visit)}/{ids.show(ids.OPERATOR, _operator_id(request))}"


ROUTES = [show_member, change_role, ask_to_remove, remove]
