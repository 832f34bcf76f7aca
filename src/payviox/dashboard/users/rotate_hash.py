"""A new hash for a payout user, shown once."""

from typing import Any

import msgspec
from litestar import Response, get, post

from payviox import ids
from payviox.allocations import service as allocations
from payviox.dashboard.confirmations import ConfirmView, Fact, confirm
from payviox.dashboard.users.show import ROUTE, address_of
from payviox.dashboard.visits import act_once, read, show, visit_of
from payviox.db.pool import Connection
from payviox.idempotency.service import ShownOnce
from payviox.payout_users import service as payout_users
from payviox.web.context import Call, services
from payviox.web.cursors import path_id
from payviox.web.forms import read_form


class NewHashView(msgspec.Struct, frozen=True):
    """The new hash; None where the form was sent before and has shown it."""

    email: str
    hash: str | None
    back: str


@get(f"{ROUTE}/rotate-hash", include_in_schema=False)
async def ask_to_rotate(request: Call) -> Response[Any]:
    """Whether to make a new hash."""
    visit = await visit_of(request)
    user_id = path_id(request, ids.USER, "user")
    user = await read(request, visit, payout_users.get, visit.business.id, user_id)
    address = address_of(visit, user_id)
    view = ConfirmView(
        heading="Rotate hash",
        consequence="The hash that they have stops at once, and every link with it. The new one is"
        " shown once.",
        facts=[Fact("Payout user", user.email), Fact("Unspent", cents=user.balance)],
        action=f"{address}/rotate-hash",
        button="Rotate hash",
        back=address,
        keep="Keep the hash",
        is_danger=True,
    )
    return confirm(request, visit, view)


@post(
    f"{ROUTE}/rotate-hash",
    include_in_schema=False,
    status_code=200,
    right="payout_user.rotate_hash",
)
async def rotate(request: Call) -> Response[Any]:
    """Make a new hash and show it."""
    visit = await visit_of(request)
    user_id = path_id(request, ids.USER, "user")
    user = await read(request, visit, payout_users.get, visit.business.id, user_id)
    keyring = services(request).keyring

    async def effect(connection: Connection) -> ShownOnce:
        made = await allocations.rotate_hash(
            connection, keyring, visit.business.id, user_id, visit.session.actor
        )
        return ShownOnce({}, made)

    done = await act_once(request, visit, await read_form(request), effect)
    view = NewHashView(user.email, done.shown_once, address_of(visit, user_id))
    return show(request, visit, "users/new_hash.html", view)


ROUTES = [ask_to_rotate, rotate]
