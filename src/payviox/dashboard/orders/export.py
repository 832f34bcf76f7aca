"""`…/orders/export.csv` and `.xlsx`: the orders that the list's filters ask for, as one file."""

from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from litestar import Response, get

from payviox import ids
from payviox.dashboard.orders.filters import Filters, criteria_of, read_filters
from payviox.dashboard.orders.recipients import recipient
from payviox.dashboard.visits import Visit, read, visit_of
from payviox.db.pool import Connection
from payviox.money import decimal
from payviox.web import sheets
from payviox.web.context import Call
from payviox.web.pages import redirect
from payviox.withdrawals import listing
from payviox.withdrawals.listing import Found
from payviox.withdrawals.model import Order

ROUTE = "/dashboard/{business:str}/orders"
PAGE = 1_000
HEADER = (
    "order",
    "payout user",
    "email",
    "state",
    "waits for",
    "provider",
    "rail",
    "to",
    "amount",
    "fee",
    "arrives",
    "rail's id",
    "created (UTC)",
    "last changed (UTC)",
)


@get(f"{ROUTE}/export.csv", include_in_schema=False)
async def download_csv(request: Call) -> Response[Any]:
    """All that match, amounts in dollars."""
    return await _file(request, "orders.csv")


@get(f"{ROUTE}/export.xlsx", include_in_schema=False)
async def download_xlsx(request: Call) -> Response[Any]:
    """The same as an Excel file."""
    return await _file(request, "orders.xlsx")


async def _file(request: Call, name: str) -> Response[Any]:
    visit = await visit_of(request)
    filters = read_filters(request.query_params)
    if filters.errors:
        return redirect(f"{visit.base}/orders?{filters.query}")
    return sheets.answer(name, HEADER, _rows(request, visit, filters))


async def _rows(
    request: Call, visit: Visit, filters: Filters
) -> AsyncIterator[Sequence[Sequence[object]]]:
    after: UUID | None = None
    while True:
        found = await read(request, visit, _page, visit.business.id, filters, after)
        yield [_cells(order) for order in found.orders]
        if found.older is None:
            return
        after = found.older


async def _page(
    connection: Connection, business_id: UUID, filters: Filters, after: UUID | None
) -> Found:
    criteria = await criteria_of(connection, business_id, filters)
    return await listing.search(connection, business_id, criteria, after=after, limit=PAGE)


def _cells(order: Order) -> list[object]:
    return [
        ids.show(ids.ORDER, order.id),
        ids.show(ids.USER, order.payout_user_id),
        order.email,
        order.status,
        order.waiting,
        order.provider,
        order.rail,
        recipient(order),
        Decimal(decimal(order.amount)),
        Decimal(decimal(order.fees)),
        Decimal(decimal(order.net_amount)),
        order.rail_order_id,
        order.created_at,
        order.updated_at,
    ]


ROUTES = [download_csv, download_xlsx]
