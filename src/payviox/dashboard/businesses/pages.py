"""`/dashboard`: leads to the last used business, else lists those that one may see."""

from typing import Any

import msgspec
from litestar import Response, get

from payviox import ids
from payviox.auth.sessions import Session
from payviox.businesses import service as businesses
from payviox.dashboard.visits import base_of, insider_of
from payviox.db.pool import Connection
from payviox.reporting import business_summary
from payviox.reporting.business_summary import BusinessSummary
from payviox.rights import service as rights
from payviox.web.context import Call, services
from payviox.web.cookies import cookie_name
from payviox.web.pages import page, redirect

LAST = "last_business"


class BusinessesView(msgspec.Struct, frozen=True):
    """`may_create` is for admins of the installation."""

    email: str
    may_create: bool
    rows: list[tuple[str, BusinessSummary]]
    """Each business with its address."""


@get("/dashboard", include_in_schema=False)
async def list_businesses(request: Call) -> Response[Any]:
    """The businesses of whoever is signed in. With `?all` the list, whichever was used last."""
    session = await insider_of(request)
    rows = await services(request).database.fetch(_rows, session)
    last = _last_used(request, rows)
    if last and "all" not in request.query_params:
        return redirect(last)
    view = BusinessesView(
        session.email, session.is_admin, [(base_of(each.business), each) for each in rows]
    )
    return page(request, "businesses/list.html", view)


def _last_used(request: Call, rows: list[BusinessSummary]) -> str | None:
    """The address of the last used business, if it is among these."""
    last = ids.parse(ids.BUSINESS, request.cookies.get(cookie_name(request, LAST), ""))
    return next((base_of(each.business) for each in rows if each.business.id == last), None)


async def _rows(connection: Connection, session: Session) -> list[BusinessSummary]:
    """Those in which there was money come first."""
    organizations = await rights.list_organizations(connection, session.operator_id)
    chosen = (
        await businesses.list_all(connection)
        if organizations is None
        else await businesses.list_of(connection, organizations)
    )
    rows = await business_summary.summaries(connection, chosen)
    return sorted(rows, key=lambda each: not each.deposited)


@get(["/settings", "/webhooks"], include_in_schema=False)
async def lead_on(request: Call) -> Response[Any]:
    """The addresses that the documents name lead to those of the last used business."""
    session = await insider_of(request)
    rows = await services(request).database.fetch(_rows, session)
    last = _last_used(request, rows)
    return redirect(f"{last}{request.scope['path']}" if last else "/dashboard")


ROUTES = [list_businesses, lead_on]
