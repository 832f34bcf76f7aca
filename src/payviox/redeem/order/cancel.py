"""Taking a withdrawal back, while that is possible."""

from typing import Any

from litestar import Response, post

from payviox import ids
from payviox.db.pool import Connection
from payviox.errors import Conflict
from payviox.redeem.order.show import PATH, own_order
from payviox.redeem.visits import BALANCE, act, visit_of
from payviox.web.context import Call
from payviox.web.cursors import path_id
from payviox.web.pages import redirect
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals.model import Order
from payviox.withdrawals.whereabouts import CAME_BACK


@post(f"{PATH}/cancel", include_in_schema=False, status_code=200)
async def cancel(request: Call) -> Response[Any]:
    """Take it back; the money is on the balance again, at once or when the rail has given it
    back."""
    visit = await visit_of(request)
    caller = visit.caller
    order_id = path_id(request, ids.ORDER, "order")

    async def work(connection: Connection) -> Order:
        return await withdrawals.cancel(
            connection, caller.business_id, order_id, caller.actor, user_id=caller.user_id
        )

    here = str(request.scope["path"]).removesuffix("/cancel")
    try:
        order = await act(request, visit, work)
    except Conflict:
        order = await own_order(request, visit)
        if order.status not in CAME_BACK:
            return redirect(f"{here}?refused=too-late")
    if order.status == "canceled":
        return redirect(f"{BALANCE}?done=canceled")
    return redirect(here)


ROUTES = [cancel]
