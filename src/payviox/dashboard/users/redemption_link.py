"""A link that opens a payout user's redemption page once, shown once."""

from typing import Any

import msgspec
from litestar import Response, post

from payviox import ids
from payviox.auth import redemption
from payviox.dashboard.users.show import ROUTE, address_of
from payviox.dashboard.visits import act_once, read, show, visit_of
from payviox.db.pool import Connection
from payviox.idempotency.service import ShownOnce
from payviox.payout_users import service as payout_users
from payviox.sites import hosts
from payviox.web.context import Call, services
from payviox.web.cursors import path_id
from payviox.web.forms import read_form


class RedemptionLinkView(msgspec.Struct, frozen=True):
    """The link; None where the form was sent before and has shown it."""

    email: str
    link: str | None
    minutes: int
    back: str


@post(
    f"{ROUTE}/redemption-link",
    include_in_schema=False,
    status_code=200,
    right="payout_user.make_redeem_link",
)
async def make_link(request: Call) -> Response[Any]:
    """Make a link and show it."""
    visit = await visit_of(request)
    user_id = path_id(request, ids.USER, "user")
    user = await read(request, visit, payout_users.get, visit.business.id, user_id)
    main = services(request).settings.public_url

    async def effect(connection: Connection) -> ShownOnce:
        ticket = await redemption.make_ticket(
            connection, visit.business.id, user_id, visit.session.actor
        )
        site = await hosts.address(connection, visit.business.id, main)
        return ShownOnce({}, redemption.redeem_address(site, ticket.token))

    done = await act_once(request, visit, await read_form(request), effect)
    minutes = redemption.TICKET_S // 60
    back = address_of(visit, user_id)
    view = RedemptionLinkView(user.email, done.shown_once, minutes, back)
    return show(request, visit, "users/redemption_link.html", view)


ROUTES = [make_link]
