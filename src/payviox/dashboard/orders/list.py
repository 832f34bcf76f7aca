"""`…/orders`: payout orders by state, newest first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args
from uuid import UUID

from litestar import Response, get

from payviox import ids
from payviox.dashboard.orders.recipients import recipient
from payviox.dashboard.visits import Visit, read, show, visit_of
from payviox.db.pool import Connection
from payviox.order_states import Status
from payviox.web.context import Call
from payviox.withdrawals import listing
from payviox.withdrawals.model import Order

PAGE = 50
ALL = "all"
TABS: tuple[tuple[str, str], ...] = (
    ("review", "In review"),
    ("queued", "Queued"),
    ("sent", "Sent"),
    ("unknown", "Unknown"),
    ("succeeded", "Succeeded"),
    ("failed", "Failed"),
    ("returned", "Returned"),
    ("rejected", "Rejected"),
    ("canceled", "Canceled"),
    (ALL, "All"),
)


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One line of the table. Amounts are US cents."""

    id: str
    address: str
    email: str
    to: str
    provider: str
    amount: int
    net_amount: int
    status: str
    waiting: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Tab:
    word: str
    address: str
    is_here: bool


@dataclass(frozen=True, slots=True)
class OrdersView:
    tabs: list[Tab]
    rows: list[OrderRow]
    newest: str | None
    older: str | None
    status: str


@get("/dashboard/{business:str}/orders", include_in_schema=False)
async def list_orders(request: Call) -> Response[Any]:
    """The orders of one state; those in review first, since they wait for somebody."""
    visit = await visit_of(request)
    status = request.query_params.get("status", "review")
    if status != ALL and status not in get_args(Status):
        status = ALL
    after = ids.parse(ids.ORDER, request.query_params.get("after", ""))
    orders = await read(request, visit, _page, visit, status, after)
    base = f"{visit.base}/orders"
    rows = [_row(base, each) for each in orders[:PAGE]]
    view = OrdersView(
        tabs=[Tab(word, f"{base}?status={name}", name == status) for name, word in TABS],
        rows=rows,
        newest=f"{base}?status={status}" if after is not None else None,
        older=f"{base}?status={status}&after={rows[-1].id}" if len(orders) > PAGE else None,
        status=status,
    )
    return show(request, visit, "orders/list.html", view)


async def _page(
    connection: Connection, visit: Visit, status: str, after: UUID | None
) -> list[Order]:
    return await listing.list_page(
        connection,
        visit.business.id,
        status=None if status == ALL else status,
        after=after,
        limit=PAGE + 1,
    )


def _row(base: str, order: Order) -> OrderRow:
    shown = ids.show(ids.ORDER, order.id)
    return OrderRow(
        id=shown,
        address=f"{base}/{shown}",
        email=order.email,
        to=recipient(order),
        provider=order.provider,
        amount=order.amount,
        net_amount=order.net_amount,
        status=order.status,
        waiting=order.waiting,
        created_at=order.created_at,
    )


ROUTES = [list_orders]
