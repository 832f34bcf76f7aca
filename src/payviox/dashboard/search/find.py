"""`…/search?q=`: everything that goes by a text, grouped; the one hit of an exact id at once.

The box sends what is typed in a form's body, so that a key which somebody pastes stands in no
address, history or log; what may stand there leads on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Response, get, post

from payviox import ids
from payviox.dashboard.visits import Visit, read, show, visit_of
from payviox.payout_users.model import PayoutUser
from payviox.reporting import search
from payviox.reporting.search import Found, ItemHit, KeyHit, MovementHit, OrderHit
from payviox.web.context import Call
from payviox.web.forms import read_form
from payviox.web.pages import is_partial, redirect


@dataclass(frozen=True, slots=True)
class Line:
    """One hit. `cents` is US cents; `state` is an order's, `status` a payout user's."""

    address: str
    title: str
    detail: str = ""
    cents: int | None = None
    state: str | None = None
    status: str | None = None
    at: datetime | None = None


class SearchView(msgspec.Struct, frozen=True):
    text: str
    people: list[Line]
    orders: list[Line]
    movements: list[Line]
    items: list[Line]
    keys: list[Line]


@get("/dashboard/{business:str}/search", include_in_schema=False)
async def find(request: Call) -> Response[Any]:
    """What was found; where that is one thing by its exact id, its page."""
    visit = await visit_of(request)
    asked = request.query_params.get("q", "").strip()[: search.LONGEST]
    text = search.without_secrets(asked)
    if text != asked:
        return redirect(_address(visit, text))
    return await _found(request, visit, text)


@post("/dashboard/{business:str}/search", include_in_schema=False, status_code=200, right="member")
async def look_for(request: Call) -> Response[Any]:
    """Lead to what is found by the text that was typed, or show it at once in the page."""
    visit = await visit_of(request)
    asked = (await read_form(request)).get("q", "").strip()[: search.LONGEST]
    text = search.without_secrets(asked)
    if not is_partial(request):
        return redirect(_address(visit, text))
    answer = await _found(request, visit, text)
    answer.headers["HX-Replace-Url"] = _address(visit, text)
    return answer


def _address(visit: Visit, text: str) -> str:
    return f"{visit.base}/search?q={quote(text, safe='')}"


async def _found(request: Call, visit: Visit, text: str) -> Response[Any]:
    found = await read(request, visit, search.search, visit.business.id, text)
    if found.exact is not None and not is_partial(request):
        return redirect(_line(visit, found.exact).address)
    return show(request, visit, "search/find.html", _view(visit, text, found), sought=text)


def _view(visit: Visit, text: str, found: Found) -> SearchView:
    return SearchView(
        text=text,
        people=[_line(visit, each) for each in found.users],
        orders=[_line(visit, each) for each in found.orders],
        movements=[_movement(visit, each) for each in found.movements],
        items=[_line(visit, each) for each in found.items],
        keys=[_key(visit, each) for each in found.keys],
    )


def _line(visit: Visit, hit: PayoutUser | OrderHit | ItemHit) -> Line:
    if isinstance(hit, PayoutUser):
        address = f"{visit.base}/users/{ids.show(ids.USER, hit.id)}"
        return Line(address, hit.email, cents=hit.balance, status=hit.status, at=hit.created_at)
    if isinstance(hit, ItemHit):
        address = f"{visit.base}/reconciliation/{ids.show(ids.SUSPENSE_ITEM, hit.id)}"
        state = "resolved" if hit.resolved_at else "open"
        title = hit.cause.replace("_", " ").capitalize()
        return Line(address, title, f"{hit.rail}, {state}", cents=hit.amount, at=hit.opened_at)
    return Line(
        f"{visit.base}/orders/{ids.show(ids.ORDER, hit.id)}",
        hit.email,
        detail=", ".join(dict.fromkeys((hit.provider, hit.rail))),
        cents=hit.amount,
        state=hit.status,
        at=hit.created_at,
    )


def _movement(visit: Visit, row: MovementHit) -> Line:
    """Found again in the statement by its reference, else by its kind and day."""
    day = f"{row.created_at:%Y-%m-%d}"
    query = f"kind={row.kind}&from={day}&to={day}"
    if row.reference and row.reference.isascii() and row.reference.replace("-", "").isalnum():
        query = f"search={row.reference}"
    return Line(
        f"{visit.base}/balance?{query}",
        row.kind,
        detail=row.reference or "",
        cents=row.amount,
        at=row.created_at,
    )


def _key(visit: Visit, key: KeyHit) -> Line:
    address = f"{visit.base}/developer/keys"
    state = "stopped" if key.revoked_at else "works"
    return Line(address, f"…{key.hint}", f"{key.kind}, {state}", at=key.created_at)


ROUTES = [find, look_for]
