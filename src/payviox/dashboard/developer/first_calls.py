"""`…/developer/first-calls`: calls to begin with, in three languages, for this mode's key. The key
itself is shown when it is made and never again: a variable stands in its place."""

from typing import Any

import msgspec
from litestar import Response, get

from payviox.auth import keys
from payviox.dashboard.visits import read, show, visit_of
from payviox.web.context import Call, services


class FirstCallsView(msgspec.Struct, frozen=True):
    """`hint` is the secret key's end; None where there is no key."""

    site: str
    hint: str | None
    prefix: str
    keys: str
    twin: str | None
    requests: str
    webhooks: str


@get("/dashboard/{business:str}/developer/first-calls", include_in_schema=False)
async def show_first_calls(request: Call) -> Response[Any]:
    """Calls that allocate, look and withdraw."""
    visit = await visit_of(request)
    live = await read(request, visit, keys.list_of, visit.business.id)
    secret = next((key for key in live if key.kind == "secret"), None)
    twin = None
    if not visit.business.test:
        twin = f"/dashboard/biz_{visit.twin.id}/developer/first-calls"
    view = FirstCallsView(
        site=services(request).settings.public_url.rstrip("/"),
        hint=secret.hint if secret else None,
        prefix=f"sk_{visit.business.mode}_",
        keys=f"{visit.base}/developer/keys",
        twin=twin,
        requests=f"{visit.base}/developer/requests",
        webhooks=f"{visit.base}/webhooks",
    )
    return show(request, visit, "developer/first_calls.html", view)


ROUTES = [show_first_calls]
