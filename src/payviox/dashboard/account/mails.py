"""`/account/mails`: what one is told by mail of what needs somebody."""

from dataclasses import replace
from typing import Any

import msgspec
from litestar import Response, get, post

from payviox.auth.sessions import Session
from payviox.dashboard.visits import ACCOUNT, act, insider_of
from payviox.db.pool import Connection
from payviox.operator_mails import choices
from payviox.operator_mails.model import Choices
from payviox.reporting.attention import ADVICE, BY_MAIL, Cause
from payviox.rights import service as rights
from payviox.web.context import Call, services
from payviox.web.forms import read_form
from payviox.web.pages import page, redirect, zone_of

ROUTE = f"{ACCOUNT}/mails"
NOTHING = Choices(frozenset(), is_daily=False, with_test=False, zone="UTC")


class CauseView(msgspec.Struct, frozen=True):
    """Something to be told of."""

    name: str
    title: str
    meaning: str
    is_chosen: bool


class MailsView(msgspec.Struct, frozen=True):
    """`organizations` are the names of those that one belongs to; an admin sees all. To an address
    that was never shown to be theirs nobody `may_have_mails`."""

    here: str
    email: str
    causes: list[CauseView]
    chosen: Choices
    organizations: list[str]
    is_admin: bool
    sends_mails: bool
    may_have_mails: bool
    is_done: bool


@get(ROUTE, include_in_schema=False)
async def show_mails(request: Call) -> Response[Any]:
    """What one chose, to choose otherwise. Test mode is ticked for whoever chose nothing yet and
    comes from a test business (`?test`)."""
    session = await insider_of(request)
    saved, organizations, may_have_mails = await services(request).database.fetch(_parts, session)
    chosen = saved or replace(NOTHING, with_test="test" in request.query_params)
    view = MailsView(
        here=ROUTE,
        email=session.email,
        causes=[_cause(cause, chosen) for cause in BY_MAIL],
        chosen=chosen,
        organizations=organizations,
        is_admin=session.is_admin,
        sends_mails=services(request).settings.smtp_url is not None,
        may_have_mails=may_have_mails,
        is_done=request.query_params.get("done") == "saved",
    )
    return page(request, "account/mails.html", view)


@post(ROUTE, include_in_schema=False, status_code=200, right="signed_in")
async def save_mails(request: Call) -> Response[Any]:
    """Keep what was ticked, in the zone of this browser."""
    session = await insider_of(request)
    form = await read_form(request)
    chosen = Choices(
        causes=frozenset(cause for cause in BY_MAIL if form.get(cause)),
        is_daily=form.get("how") == "daily",
        with_test=bool(form.get("with_test")),
        zone=str(zone_of(request)),
    )
    await act(request, session, choices.save, session.operator_id, chosen)
    return redirect(f"{ROUTE}?done=saved")


async def _parts(
    connection: Connection, session: Session
) -> tuple[Choices | None, list[str], bool]:
    me = session.operator_id
    chosen = await choices.find(connection, me)
    roles = await rights.list_roles(connection, me)
    may_have_mails = await choices.may_have_mails(connection, me)
    return chosen, [name for name, _ in roles], may_have_mails


def _cause(cause: Cause, chosen: Choices) -> CauseView:
    advice = ADVICE[cause]
    meaning = advice.meaning[:1].upper() + advice.meaning[1:]
    return CauseView(cause, advice.title, meaning, cause in chosen.causes)


ROUTES = [show_mails, save_mails]
