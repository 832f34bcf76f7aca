"""Lists of orders that somebody names: saved, and removed again."""

from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from litestar import Response, post

from payviox.dashboard.orders.filters import read_filters
from payviox.dashboard.orders.list import list_page
from payviox.dashboard.visits import act, visit_of
from payviox.db.pool import Connection
from payviox.errors import FieldErrors, NotFound
from payviox.web.context import Call
from payviox.web.forms import read_form
from payviox.web.pages import redirect
from payviox.withdrawals import listing

ROUTE = "/dashboard/{business:str}/orders/views"


@post(ROUTE, include_in_schema=False, status_code=200, right="member")
async def save(request: Call) -> Response[Any]:
    """Name the filters that the page showed."""
    visit = await visit_of(request)
    form = await read_form(request)
    filters = read_filters(dict(parse_qsl(form.get("query", ""))))

    async def work(connection: Connection) -> None:
        await listing.save_view(
            connection,
            visit.business.id,
            visit.session.operator_id,
            form.get("name", ""),
            filters.query,
            shared=form.get("shared") == "yes",
        )

    try:
        await act(request, visit.session, work)
    except FieldErrors as error:
        return await list_page(request, visit, filters, errors=error.fields)
    return redirect(f"{visit.base}/orders?{filters.query}&done=saved")


@post(f"{ROUTE}/{{view:str}}/forget", include_in_schema=False, status_code=200, right="member")
async def forget(request: Call) -> Response[Any]:
    """Remove a list of one's own."""
    visit = await visit_of(request)
    try:
        view_id = UUID(str(request.path_params["view"]))
    except ValueError as error:
        raise NotFound from error
    await act(
        request,
        visit.session,
        listing.forget_view,
        visit.business.id,
        view_id,
        visit.session.operator_id,
    )
    return redirect(f"{visit.base}/orders?done=forgotten")


ROUTES = [save, forget]
