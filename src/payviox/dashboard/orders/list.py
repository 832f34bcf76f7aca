"""`…/orders`: payout orders by state, newest first, narrowed as somebody asks, and the lists that
somebody named."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get

from payviox import ids
from payviox.dashboard import lists
from payviox.dashboard.lists import Pager
from payviox.dashboard.orders.filters import (
    AGES,
    ALL,
    CAUSES,
    RAILS,
    Filters,
    criteria_of,
    read_filters,
)
from payviox.dashboard.orders.recipients import recipient
from payviox.dashboard.orders.show import seen_of
from payviox.dashboard.visits import Visit, read, show, visit_of
from payviox.db.pool import Connection
from payviox.order_states import CANCELABLE
from payviox.rails.reasons import Reason
from payviox.rails.waiting import WAITING, can_resume, waiting
from payviox.reporting.attention import NOT_A_PERSON
from payviox.web.context import Call
from payviox.withdrawals import listing
from payviox.withdrawals.listing import COUNTED, Found, SavedView
from payviox.withdrawals.model import Order

PAGE = 50
TABS: tuple[tuple[str, str], ...] = (
    ("review", "In review"),
    ("queued", "Queued"),
    ("sent", "Sent"),
    ("unknown", "Unknown"),
    ("succeeded", "Succeeded"),
    ("failed", "Failed"),
    ("returned", "Returned"),
    ("rejected", "Rejected"),
    ("canceled", "Canceled"),
    (ALL, "All"),
)
DONE = {
    "saved": "The list is saved.",
    "forgotten": "The list is removed.",
    "resumed": "The orders that waited for this are tried now.",
}


class OrderRow(msgspec.Struct, frozen=True):
    """One line of the table. Amounts are US cents. `seen` names what is shown, where somebody may
    decide on it."""

    id: str
    address: str
    email: str
    to: str
    provider: str
    amount: int
    net_amount: int
    status: str
    waiting: str | None
    created_at: datetime
    seen: str | None


class Tab(msgspec.Struct, frozen=True):
    """A state; `count` is how many orders are in it, as far as they are counted."""

    word: str
    address: str
    is_here: bool
    count: str | None


class ViewLink(msgspec.Struct, frozen=True):
    """A saved list; `forget` removes one's own."""

    name: str
    address: str
    is_shared: bool
    forget: str | None


class OrdersView(msgspec.Struct, frozen=True):
    """`verbs` are what may be done with the chosen orders; `is_chosen` ticks all of them. Where
    the list is narrowed to one cause, `cause` says what it means and `resume` ends the waiting."""

    here: str
    tabs: list[Tab]
    filters: Filters
    rows: list[OrderRow]
    pager: Pager
    status: str
    csv: str
    xlsx: str
    verbs: list[str]
    is_chosen: bool
    choose: str
    views: list[ViewLink]
    cause: Reason | None
    resume: str | None
    causes: Mapping[str, str]
    rails: tuple[str, ...] = RAILS
    ages: Mapping[str, str] = msgspec.field(
        default_factory=lambda: {name: words for name, (words, _) in AGES.items()}
    )
    done: str | None = None


class Read(msgspec.Struct, frozen=True):
    """What the page reads."""

    found: Found
    counts: dict[str, int]
    views: list[SavedView]
    causes: list[str]


@get("/dashboard/{business:str}/orders", include_in_schema=False)
async def list_orders(request: Call) -> Response[Any]:
    """The orders of one state; those in review first, since they wait for somebody."""
    visit = await visit_of(request)
    return await list_page(request, visit, read_filters(request.query_params))


async def list_page(
    request: Call, visit: Visit, filters: Filters, *, errors: dict[str, list[str]] | None = None
) -> Response[Any]:
    """The list, with what is wrong with a form of it."""
    after = ids.parse(ids.ORDER, request.query_params.get("after", ""))
    page = await read(request, visit, _read, visit, filters, after)
    base = f"{visit.base}/orders"
    tail = filters.query
    rows = [_row(base, each) for each in page.found.orders]
    older = ids.show(ids.ORDER, page.found.older) if page.found.older else None
    verbs = [
        verb
        for verb, right in (
            ("approve", "order.approve"),
            ("reject", "order.reject"),
            ("cancel", "order.cancel"),
        )
        if visit.may(right) and any(row.seen for row in rows)  # type: ignore[arg-type]  # acts, all three
    ]
    filters.errors.update(errors or {})
    view = OrdersView(
        here=base,
        tabs=[_tab(base, filters, page.counts, *each) for each in TABS],
        filters=filters,
        rows=rows,
        pager=lists.pager(base, tail, after=after, last=older),
        status=filters.status,
        csv=f"{base}/export.csv?{tail}",
        xlsx=f"{base}/export.xlsx?{tail}",
        verbs=[verb for verb in verbs if verb != "approve" or filters.status in ("review", ALL)],
        is_chosen="choose" in request.query_params,
        choose=f"{base}?{request.scope['query_string'].decode('latin-1')}&choose=all",
        views=[_link(visit, base, each) for each in page.views],
        cause=waiting(filters.waiting, filters.rail) if filters.waiting in WAITING else None,
        resume=_resume(visit, base, filters) if rows else None,
        causes=_causes(page.causes, filters),
        done=DONE.get(request.query_params.get("done", "")),
    )
    return show(request, visit, "orders/list.html", view, status=422 if filters.errors else 200)


async def _read(connection: Connection, visit: Visit, filters: Filters, after: UUID | None) -> Read:
    business_id = visit.business.id
    found = Found()
    if not filters.errors:
        criteria = await criteria_of(connection, business_id, filters)
        found = await listing.search(connection, business_id, criteria, after=after, limit=PAGE)
    return Read(
        found,
        await listing.count_states(connection, business_id),
        await listing.list_views(connection, business_id, visit.session.operator_id),
        await listing.waiting_causes(connection, business_id),
    )


def _causes(named: Sequence[str], filters: Filters) -> dict[str, str]:
    """What orders wait for now, and what is asked for."""
    there = {*named, filters.waiting, *([NOT_A_PERSON] if named else [])}
    return {name: word for name, word in CAUSES.items() if name in there}


def _tab(base: str, filters: Filters, counts: Mapping[str, int], name: str, word: str) -> Tab:
    number = counts.get(name)
    count = None
    if number is not None:
        count = f"{COUNTED:,}+" if number > COUNTED else f"{number:,}"
    return Tab(word, f"{base}?{filters.in_state(name)}", name == filters.status, count)


def _resume(visit: Visit, base: str, filters: Filters) -> str | None:
    can = can_resume(filters.waiting, filters.rail)
    return f"{base}/resume?waiting={filters.waiting}" if can and visit.may("order.resume") else None


def _link(visit: Visit, base: str, view: SavedView) -> ViewLink:
    is_mine = view.operator_id == visit.session.operator_id
    return ViewLink(
        view.name,
        f"{base}?{view.query}",
        view.shared,
        f"{base}/views/{view.id}/forget" if is_mine else None,
    )


def _row(base: str, order: Order) -> OrderRow:
    shown = ids.show(ids.ORDER, order.id)
    return OrderRow(
        id=shown,
        address=f"{base}/{shown}",
        email=order.email,
        to=recipient(order),
        provider=order.provider,
        amount=order.amount,
        net_amount=order.net_amount,
        status=order.status,
        waiting=order.waiting,
        created_at=order.created_at,
        seen=seen_of(order) if order.status in CANCELABLE else None,
    )


ROUTES = [list_orders]
