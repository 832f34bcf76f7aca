"""`…/webhooks/logs`: deliveries, newest first, by state, type, order and time."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from litestar import Response, get

from payviox import ids
from payviox.dashboard import lists
from payviox.dashboard.lists import PAGE, Pager, query_of
from payviox.dashboard.periods import HINT, moment
from payviox.dashboard.visits import Visit, read, show, visit_of
from payviox.web.context import Call
from payviox.web.pages import is_partial, redirect
from payviox.webhooks import log
from payviox.webhooks.events import TYPES
from payviox.webhooks.model import LogRow

ROUTE = "/dashboard/{business:str}/webhooks/logs"
STATES = ("failed", "pending", "delivered")
FIELDS = ("state", "type", "order", "from", "to")
DONE = {
    "retried": "It is being sent again.",
    "replayed": "They are being sent again, the oldest first.",
}


class Filters(msgspec.Struct, frozen=True):
    """What was asked, as it was typed, and what is wrong with it."""

    state: str
    type: str
    order: str
    since: str
    until: str
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)

    @property
    def query(self) -> str:
        """The same again, for an address; empty where nothing was asked."""
        typed = (self.state, self.type, self.order, self.since, self.until)
        return query_of(dict(zip(FIELDS, typed, strict=True)))


class DeliveryLine(msgspec.Struct, frozen=True):
    """One line of the table. `retry` is the address that sends it again, where that is offered."""

    id: str
    address: str
    type: str
    is_test: bool
    order: str | None
    order_address: str | None
    state: str
    attempts: int
    answer: str
    duration_ms: int | None
    created_at: datetime
    due_at: datetime | None
    replayed: bool
    retry: str | None


class LogsView(msgspec.Struct, frozen=True):
    here: str
    filters: Filters
    states: tuple[str, ...]
    types: tuple[str, ...]
    rows: Sequence[DeliveryLine]
    pager: Pager
    replay: str | None
    done: str | None


@get(ROUTE, include_in_schema=False)
async def list_deliveries(request: Call) -> Response[Any]:
    """A page of the log. An event's own id leads to its page, once it is sent."""
    visit = await visit_of(request)
    filters = read_filters(request.query_params)
    here = f"{visit.base}/webhooks/logs"
    if ids.parse(ids.EVENT, filters.order) is not None and not is_partial(request):
        return redirect(f"{here}/{filters.order}")
    after = ids.parse(ids.EVENT, request.query_params.get("after", ""))
    rows: list[LogRow] = []
    if not filters.errors:
        rows = await read(request, visit, _page, visit, filters, after)
    lines = [_line(visit, row) for row in rows]
    shown, pager = lists.page_of(lines, here, filters.query, after=after)
    view = LogsView(
        here=here,
        filters=filters,
        states=STATES,
        types=TYPES,
        rows=shown,
        pager=pager,
        replay=f"{visit.base}/webhooks/replay" if visit.may("webhook.replay") else None,
        done=DONE.get(request.query_params.get("done", "")),
    )
    status = 422 if filters.errors else 200
    return show(request, visit, "webhook_logs/list.html", view, status=status)


def read_filters(query: Mapping[str, str]) -> Filters:
    """What a form asks for; an unknown state or type asks for all."""
    state, event_type, order, since, until = (query.get(name, "").strip() for name in FIELDS)
    order = order.partition(".")[0]  # a rail's reference is the order's with its attempt
    errors = {
        name: [HINT]
        for name, text in (("from", since), ("to", until))
        if text and moment(text) is None
    }
    if order and ids.parse(ids.ORDER, order) is None and ids.parse(ids.EVENT, order) is None:
        errors["order"] = ["Give an order's id (ord_…), its reference, or an event's id (evt_…)."]
    return Filters(
        state if state in STATES else "",
        event_type if event_type in TYPES else "",
        order[:100],
        since,
        until,
        errors,
    )


async def _page(connection: Any, visit: Visit, filters: Filters, after: Any) -> list[LogRow]:
    return await log.list_page(
        connection,
        visit.business.id,
        state=filters.state or None,
        event_type=filters.type or None,
        order_id=ids.parse(ids.ORDER, filters.order),
        since=moment(filters.since),
        until=moment(filters.until),
        after=after,
        limit=PAGE + 1,
    )


def _line(visit: Visit, row: LogRow) -> DeliveryLine:
    shown = ids.show(ids.EVENT, row.event_id)
    address = f"{visit.base}/webhooks/logs/{shown}"
    order = None if row.order_id is None else ids.show(ids.ORDER, row.order_id)
    can_retry = row.state == "failed" and visit.may("webhook.send")
    return DeliveryLine(
        id=shown,
        address=address,
        type=row.type,
        is_test=row.order_id is None,
        order=order,
        order_address=order and f"{visit.base}/orders/{order}",
        state=row.state or "not sent",
        attempts=row.attempts,
        answer=str(row.answer_status or row.error or ""),
        duration_ms=row.duration_ms,
        created_at=row.created_at,
        due_at=row.due_at,
        replayed=row.replayed,
        retry=f"{address}/retry" if can_retry else None,
    )


ROUTES = [list_deliveries]
