"""`…/developer/requests`: what programs asked of the API with this mode's keys, newest first."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, get_args
from uuid import UUID

import msgspec
from litestar import Response, get

from payviox import ids
from payviox.api_requests import service as api_requests
from payviox.api_requests.model import ApiRequest, Outcome
from payviox.api_requests.service import MOST
from payviox.dashboard import lists
from payviox.dashboard.lists import PAGE, Pager, query_of
from payviox.dashboard.visits import Visit, read, show, visit_of
from payviox.db.pool import Connection
from payviox.web.context import Call, services
from payviox.web.cursors import path_id

ROUTE = "/dashboard/{business:str}/developer/requests"
METHODS = ("GET", "POST", "PUT")
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
FIELDS = ("method", "status", "key", "path")
LONGEST = 200


class Filters(msgspec.Struct, frozen=True):
    """What was asked, as it was typed. `status` is an outcome's name, or a number."""

    method: str
    status: str
    key: str
    path: str

    @property
    def query(self) -> str:
        """The same again, for an address; empty where nothing was asked."""
        return query_of({name: getattr(self, name) for name in FIELDS})

    @property
    def outcome(self) -> Outcome | None:
        return next((each for each in OUTCOMES if each == self.status), None)

    @property
    def number(self) -> int | None:
        return int(self.status) if self.status.isdecimal() else None


class RequestLine(msgspec.Struct, frozen=True):
    """One line of the table."""

    id: str
    address: str
    method: str
    path: str
    status: int
    duration_ms: float
    key_hint: str
    error: str | None
    called_at: datetime


class RequestsView(msgspec.Struct, frozen=True):
    here: str
    filters: Filters
    methods: tuple[str, ...]
    outcomes: tuple[str, ...]
    rows: Sequence[RequestLine]
    pager: Pager
    kept_days: int
    most: int = MOST


class RequestView(msgspec.Struct, frozen=True):
    request: ApiRequest
    shown_id: str
    back: str


@get(ROUTE, include_in_schema=False)
async def list_requests(request: Call) -> Response[Any]:
    """A page of requests."""
    visit = await visit_of(request)
    filters = read_filters(request.query_params)
    after = ids.parse(ids.REQUEST, request.query_params.get("after", ""))
    requests = await read(request, visit, _page, visit, filters, after)
    here = f"{visit.base}/developer/requests"
    lines = [_line(here, each) for each in requests]
    rows, pager = lists.page_of(lines, here, filters.query, after=after)
    view = RequestsView(
        here=here,
        filters=filters,
        methods=METHODS,
        outcomes=(*OUTCOMES, filters.status) if filters.number else OUTCOMES,
        rows=rows,
        pager=pager,
        kept_days=services(request).settings.keep_requests_days,
    )
    return show(request, visit, "developer/requests.html", view)


@get(f"{ROUTE}/{{request_id:str}}", include_in_schema=False)
async def show_request(request: Call) -> Response[Any]:
    """One request."""
    visit = await visit_of(request)
    request_id = path_id(request, ids.REQUEST, "request_id")
    found = await read(request, visit, api_requests.get, visit.business.id, request_id)
    back = f"{visit.base}/developer/requests"
    view = RequestView(found, ids.show(ids.REQUEST, found.id), back)
    return show(request, visit, "developer/request.html", view)


def read_filters(query: Mapping[str, str]) -> Filters:
    """What a form asks for; what is none of the choices asks for all."""
    method, status, key, path = (query.get(name, "").strip()[:LONGEST] for name in FIELDS)
    is_code = status.isascii() and status.isdecimal() and len(status) == 3
    return Filters(
        method=method if method in METHODS else "",
        status=status if status in OUTCOMES or is_code else "",
        key=key.removeprefix("…") if key.isprintable() else "",
        path=path if path.isprintable() else "",
    )


async def _page(
    connection: Connection, visit: Visit, filters: Filters, after: UUID | None
) -> list[ApiRequest]:
    return await api_requests.list_page(
        connection,
        visit.business.id,
        method=filters.method or None,
        outcome=filters.outcome,
        status=filters.number,
        key_hint=filters.key[-4:] or None,
        path=filters.path or None,
        after=after,
        limit=PAGE + 1,
    )


def _line(here: str, each: ApiRequest) -> RequestLine:
    shown = ids.show(ids.REQUEST, each.id)
    return RequestLine(
        id=shown,
        address=f"{here}/{shown}",
        method=each.method,
        path=each.path,
        status=each.status,
        duration_ms=each.duration_ms,
        key_hint=each.key_hint,
        error=each.error,
        called_at=each.called_at,
    )


ROUTES = [list_requests, show_request]
