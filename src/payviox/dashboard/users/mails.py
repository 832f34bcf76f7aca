"""Whether mails reach a payout user, for their page; and letting mails go there again."""

from typing import Any

import msgspec
from litestar import Response, post

from payviox import ids
from payviox.dashboard.mails.list import MailLine, line_of
from payviox.dashboard.visits import Visit, act, visit_of
from payviox.db.pool import Connection
from payviox.payout_users.model import PayoutUser
from payviox.recipient_mails import log
from payviox.recipient_mails.log import Address
from payviox.web.context import Call
from payviox.web.cursors import path_id
from payviox.web.pages import redirect

LATEST = 5


class MailsOfUser(msgspec.Struct, frozen=True):
    """`address` is what is known against theirs; `allow` where mails are let go there again."""

    lines: list[MailLine]
    address: Address | None
    is_relay: bool
    all: str
    allow: str | None


async def mails_of(connection: Connection, visit: Visit, user: PayoutUser) -> MailsOfUser:
    """The latest mails to somebody, and whether their address takes any."""
    rows = await log.list_page(connection, visit.business.id, recipient=user.email, limit=LATEST)
    shown = ids.show(ids.USER, user.id)
    may_allow = visit.may("mail.allow_address")
    return MailsOfUser(
        lines=[line_of(visit, row) for row in rows],
        address=await log.find_address(connection, visit.business.id, user.email),
        is_relay=log.is_relay(user.email),
        all=f"{visit.base}/mails?to={shown}",
        allow=f"{visit.base}/users/{shown}/allow-mails" if may_allow else None,
    )


@post(
    "/dashboard/{business:str}/users/{user:str}/allow-mails",
    include_in_schema=False,
    status_code=200,
    right="mail.allow_address",
)
async def allow_mails(request: Call) -> Response[Any]:
    """Let mails go to their address again."""
    visit = await visit_of(request)
    user_id = path_id(request, ids.USER, "user")
    session = visit.session
    await act(request, session, log.allow_address, visit.business.id, user_id, session.actor)
    return redirect(f"{visit.base}/users/{ids.show(ids.USER, user_id)}?done=mails")


ROUTES = [allow_mails]
