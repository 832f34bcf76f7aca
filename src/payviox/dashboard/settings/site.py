"""`…/settings/site`: where the redemption page lives besides the installation's own address."""

from dataclasses import dataclass, field
from typing import Any

from litestar import Response, get, post

from payviox.dashboard.visits import Visit, act, read, show, visit_of
from payviox.errors import FieldErrors
from payviox.sites import origins
from payviox.web.context import Call, services
from payviox.web.forms import read_form
from payviox.web.pages import redirect

ROUTE = "/dashboard/{business:str}/settings/site"
DONE = {"origins": "The sites are saved."}


@dataclass(frozen=True, slots=True)
class SiteView:
    """`origins` as they are typed, one a line; `snippet` is what a page of theirs holds."""

    here: str
    settings: str
    origins: str
    snippet: str
    may_embed: bool
    done: str | None = None
    errors: dict[str, list[str]] = field(default_factory=dict)


@get(ROUTE, include_in_schema=False)
async def show_site(request: Call) -> Response[Any]:
    """Which sites may show the page, and how they do."""
    visit = await visit_of(request)
    named = await read(request, visit, origins.get, visit.business.id)
    return _page(request, visit, "\n".join(named))


@post(f"{ROUTE}/origins", include_in_schema=False, status_code=200, right="site.set_origins")
async def save_origins(request: Call) -> Response[Any]:
    """Keep the sites that were typed."""
    visit = await visit_of(request)
    typed = (await read_form(request)).get("origins", "")
    try:
        named = origins.parse(typed.splitlines())
    except FieldErrors as error:
        return _page(request, visit, typed, errors=error.fields, status=422)
    session = visit.session
    await act(request, session, origins.save, visit.business.id, named, session.actor)
    return redirect(f"{visit.base}/settings/site?done=origins")


def _page(
    request: Call,
    visit: Visit,
    typed: str,
    *,
    errors: dict[str, list[str]] | None = None,
    status: int = 200,
) -> Response[Any]:
    site = services(request).settings.public_url
    view = SiteView(
        here=f"{visit.base}/settings/site",
        settings=f"{visit.base}/settings",
        origins=typed,
        snippet=f'<script src="{site}/embed.js" data-link="…"></script>',
        may_embed=visit.may("site.set_origins"),
        done=DONE.get(request.query_params.get("done", "")),
        errors=errors or {},
    )
    return show(request, visit, "settings/site.html", view, status=status)


ROUTES = [show_site, save_origins]
