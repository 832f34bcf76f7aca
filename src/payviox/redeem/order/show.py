"""`/redeem/withdrawals/<order>`: how it goes, and its receipt. It follows the order by itself."""

from dataclasses import dataclass
from typing import Any

from litestar import Response, get

from payviox import ids
from payviox.languages.catalogues import marked
from payviox.mails.model import Brand
from payviox.order_states import CANCELABLE, GIVES_BACK, MAY_BECOME
from payviox.recipient_mails.brand import brand_of
from payviox.redeem.visits import ROUTE, Visit, read, show, visit_of
from payviox.web.context import Call
from payviox.web.cursors import path_id
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals import whereabouts
from payviox.withdrawals.model import Order
from payviox.withdrawals.whereabouts import CAME_BACK, RecipientWords, Whereabouts

PATH = f"{ROUTE}/withdrawals/{{order:str}}"
REFUSED = {"too-late": marked("It is too late to cancel this: it is on its way.")}
"""Why the page is shown again, by how its address says it."""


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order in its recipient's words. `is_open` while it may still change by itself soon."""

    order: Order
    where: Whereabouts
    words: RecipientWords
    address: str
    network: str
    ask: Brand
    is_open: bool
    may_cancel: bool
    may_save: bool
    has_code: bool
    refused: str | None = None


@get(PATH, include_in_schema=False)
async def show_order(request: Call) -> Response[Any]:
    """One withdrawal."""
    visit = await visit_of(request)
    order = await own_order(request, visit)
    refused = REFUSED.get(request.query_params.get("refused", ""))
    return order_page(request, visit, order, None if order.status in GIVES_BACK else refused)


async def own_order(request: Call, visit: Visit) -> Order:
    """The order in the path, of whoever calls. Raises NotFound."""
    order_id = path_id(request, ids.ORDER, "order")
    user_id = visit.caller.user_id
    return await read(
        request,
        visit,
        lambda connection: withdrawals.get(
            connection, visit.business.id, order_id, user_id=user_id
        ),
    )


def order_page(
    request: Call, visit: Visit, order: Order, refused: str | None = None, *, status: int = 200
) -> Response[Any]:
    """The page; `refused` is a sentence of the catalogues."""
    where = whereabouts.of_order(order)
    is_card = order.provider == "gift_card"
    view = OrderView(
        order=order,
        where=where,
        words=where.recipient.said(visit.language),
        address=f"{ROUTE}/withdrawals/{ids.show(ids.ORDER, order.id)}",
        network=whereabouts.network(str(order.destination.get("chain", ""))),
        ask=brand_of(visit.business),
        is_open=bool(MAY_BECOME[order.status]) and order.status != "succeeded",
        may_cancel=order.status in CANCELABLE or order.can_be_taken_back,
        may_save=not is_card and order.status not in CAME_BACK,
        has_code=is_card and order.status == "succeeded",
        refused=refused and visit.language.gettext(refused),
    )
    return show(request, visit, "order/show.html", view, status=status)


ROUTES = [show_order]
