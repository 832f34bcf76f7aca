"""`…/settings/site`: where the redemption page lives besides the installation's own address."""

from typing import Any
from urllib.parse import urlsplit

import msgspec
from litestar import Response, get, post

from payviox.dashboard.visits import Visit, act, read, show, visit_of
from payviox.errors import FieldErrors
from payviox.sites import hosts, origins
from payviox.sites.hosts import NotSeen
from payviox.sites.model import OwnHost
from payviox.web.context import Call, services
from payviox.web.forms import read_form
from payviox.web.pages import redirect

ROUTE = "/dashboard/{business:str}/settings/site"
DONE = {
    "origins": "The sites are saved.",
    "host": "The host is saved.",
    "verified": "The host leads here: links name it from now on.",
}
NOT_SEEN = "The host does not lead here yet. It is looked at again every hour."


class SiteView(msgspec.Struct, frozen=True):
    """`origins` as they are typed, one a line; `snippet` is what a page of theirs holds. `own` is
    the host as it is kept, `host` as it is typed; `main` is the installation's."""

    here: str
    settings: str
    origins: str
    snippet: str
    may_embed: bool
    own: OwnHost | None
    host: str
    main: str
    may_host: bool
    refused: str | None = None
    done: str | None = None
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)


@get(ROUTE, include_in_schema=False)
async def show_site(request: Call) -> Response[Any]:
    """Which sites may show the page, and how they do."""
    visit = await visit_of(request)
    return await _page(request, visit)


@post(f"{ROUTE}/origins", include_in_schema=False, status_code=200, right="site.set_origins")
async def save_origins(request: Call) -> Response[Any]:
    """Keep the sites that were typed."""
    visit = await visit_of(request)
    typed = (await read_form(request)).get("origins", "")
    try:
        named = origins.parse(typed.splitlines())
    except FieldErrors as error:
        return await _page(request, visit, typed, errors=error.fields, status=422)
    session = visit.session
    await act(request, session, origins.save, visit.business.id, named, session.actor)
    return redirect(f"{visit.base}/settings/site?done=origins")


@post(f"{ROUTE}/host", include_in_schema=False, status_code=200, right="site.set_host")
async def save_host(request: Call) -> Response[Any]:
    """Keep the host that was typed; nothing typed leaves the installation's own."""
    visit, settings = await visit_of(request), services(request).settings
    typed = (await read_form(request)).get("host", "")
    try:
        host = hosts.parse(
            typed, settings.public_url, allow_private=settings.allow_private_webhooks
        )
    except FieldErrors as error:
        return await _page(request, visit, host=typed, errors=error.fields, status=422)
    session = visit.session
    await act(request, session, hosts.save, visit.business.id, host, session.actor)
    return redirect(f"{visit.base}/settings/site?done=host")


@post(f"{ROUTE}/check", include_in_schema=False, status_code=200, right="site.verify_host")
async def check_host(request: Call) -> Response[Any]:
    """Look whether the host leads here."""
    visit, process = await visit_of(request), services(request)
    ask = hosts.asking(allow_private=process.settings.allow_private_webhooks)
    async with process.webhook_tests.slot(visit.business.id):
        leads_here = await hosts.leads_here(
            process.database, visit.business.id, process.settings.public_url, ask
        )
    session = visit.session
    try:
        await act(
            request, session, hosts.record_check, visit.business.id, leads_here, session.actor
        )
    except NotSeen:
        return await _page(request, visit, refused=NOT_SEEN, status=409)
    return redirect(f"{visit.base}/settings/site?done=verified")


async def _page(
    request: Call,
    visit: Visit,
    typed: str | None = None,
    *,
    host: str | None = None,
    refused: str | None = None,
    errors: dict[str, list[str]] | None = None,
    status: int = 200,
) -> Response[Any]:
    site = services(request).settings.public_url
    own = await read(request, visit, hosts.get, visit.business.id)
    named = await read(request, visit, origins.get, visit.business.id)
    kept = "" if own is None else own.host
    view = SiteView(
        here=f"{visit.base}/settings/site",
        settings=f"{visit.base}/settings",
        origins="\n".join(named) if typed is None else typed,
        snippet=f'<script src="{site}/embed.js" data-link="…"></script>',
        may_embed=visit.may("site.set_origins"),
        own=own,
        host=kept if host is None else host,
        main=urlsplit(site).netloc,
        may_host=visit.may("site.set_host"),
        refused=refused,
        done=DONE.get(request.query_params.get("done", "")),
        errors=errors or {},
    )
    return show(request, visit, "settings/site.html", view, status=status)


ROUTES = [show_site, save_origins, save_host, check_host]
