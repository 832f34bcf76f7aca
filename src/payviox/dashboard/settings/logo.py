"""`…/settings/brand/logo`: a logo is uploaded or removed."""

from typing import Any

from litestar import Response, post

from payviox.dashboard.files import read_file
from payviox.dashboard.settings.brand import ROUTE, brand_page
from payviox.dashboard.visits import act, visit_of
from payviox.errors import Busy
from payviox.recipient_mails import logo
from payviox.tables.cells import FileRefused
from payviox.web.context import Call, services
from payviox.web.pages import redirect
from payviox.web.request_body import MAX_UPLOAD


@post(
    f"{ROUTE}/logo",
    include_in_schema=False,
    status_code=200,
    request_max_body_size=MAX_UPLOAD,
    right="business.set",
)
async def upload_logo(request: Call) -> Response[Any]:
    """Show this picture from now on."""
    visit = await visit_of(request)
    session = visit.session
    try:
        _, content = await read_file(request, logo.MAX_FILE)
        async with services(request).files.enter():
            drawn = await logo.drawn(content)
    except (FileRefused, Busy) as error:
        return brand_page(request, visit, errors={"file": [str(error)]})
    await act(request, session, logo.save, visit.business.id, drawn, session.actor)
    return redirect(f"{visit.base}/settings/brand?done=logo")


@post(f"{ROUTE}/logo/remove", include_in_schema=False, status_code=200, right="business.set")
async def remove_logo(request: Call) -> Response[Any]:
    """Show the name instead."""
    visit = await visit_of(request)
    session = visit.session
    await act(request, session, logo.save, visit.business.id, None, session.actor)
    return redirect(f"{visit.base}/settings/brand?done=no-logo")


ROUTES = [upload_logo, remove_logo]
