"""`…/reconciliation`: what the latest comparison with each rail came to, and the open suspense
items."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import msgspec
from litestar import Response, get

from payviox import ids
from payviox.dashboard.visits import Visit, read, show, visit_of
from payviox.db.pool import Connection
from payviox.ledger.suspense import Cause, Item
from payviox.reconciliation import resolve as resolving
from payviox.reconciliation import service as reconciliation
from payviox.reconciliation.causes import CAUSES
from payviox.reconciliation.model import Kept
from payviox.web.context import Call

ROUTE = "/dashboard/{business:str}/reconciliation"
PAGE = 50


class SideView(msgspec.Struct, frozen=True):
    """One side's cents: what it says in all, and how that is made up."""

    total: int
    matched: int
    in_transit: int
    unexplained: int


class ComparisonRow(msgspec.Struct, frozen=True):
    """A rail's latest comparison; the sides are None where it was not compared, which `problem`
    says. `held` is the rail's float in cents, where it is known."""

    rail: str
    at: datetime
    problem: str | None
    ours: SideView | None
    theirs: SideView | None
    held: int | None
    coverage: str | None
    is_clean: bool


class ItemRow(msgspec.Struct, frozen=True):
    """An open item. `amount` is US cents: what left by the rail beyond what our books say."""

    address: str
    cause: str
    meaning: str
    advice: str
    rail: str
    amount: int
    opened_at: datetime
    age: str


class ReconciliationView(msgspec.Struct, frozen=True):
    comparisons: list[ComparisonRow]
    items: list[ItemRow]
    first: str | None
    later: str | None


@get(ROUTE, include_in_schema=False)
async def list_items(request: Call) -> Response[Any]:
    """The comparisons, and the open items, the oldest first."""
    visit = await visit_of(request)
    after = ids.parse(ids.SUSPENSE_ITEM, request.query_params.get("after", ""))
    view = await read(request, visit, _view, visit, after)
    return show(request, visit, "reconciliation/list.html", view)


async def _view(connection: Connection, visit: Visit, after: UUID | None) -> ReconciliationView:
    business_id = visit.business.id
    latest = await reconciliation.latest(connection, business_id)
    items = await resolving.list_page(connection, business_id, after=after, limit=PAGE + 1)
    here = f"{visit.base}/reconciliation"
    rows = [_item(visit, item) for item in items[:PAGE]]
    more = len(items) > PAGE
    return ReconciliationView(
        comparisons=[_comparison(kept) for kept in latest],
        items=rows,
        first=here if after is not None else None,
        later=f"{here}?after={shown_id(items[PAGE - 1])}" if more else None,
    )


def shown_id(item: Item) -> str:
    return ids.show(ids.SUSPENSE_ITEM, item.id)


def named(cause: str) -> str:
    """A cause as a title."""
    return cause.replace("_", " ").capitalize()


def age(since: datetime, until: datetime | None = None) -> str:
    """How long in words, in whole hours up to two days."""
    hours = max((until or datetime.now(UTC)) - since, timedelta()) // timedelta(hours=1)
    if hours >= 48:
        return f"{hours // 24} days"
    if hours:
        return "1 hour" if hours == 1 else f"{hours} hours"
    return "less than an hour"


def _comparison(kept: Kept) -> ComparisonRow:
    """Of a report as it was kept; one of an earlier version may not have every part."""
    report = kept.report
    problem = report.get("not_compared")
    ours, theirs = (_side(report.get(name)) for name in ("ours", "theirs"))
    if problem is None and (ours is None or theirs is None):
        problem = "it was kept by an earlier version"
    has_sides = problem is None
    sides = [report.get(name) or {} for name in ("ours", "theirs")]
    differs = any(side.get("difference") for side in sides)
    return ComparisonRow(
        rail=kept.rail,
        at=kept.finished_at,
        problem=problem,
        ours=ours if has_sides else None,
        theirs=theirs if has_sides else None,
        held=report.get("float", {}).get("cents"),
        coverage=report.get("coverage_percent"),
        is_clean=has_sides and not report.get("items") and not differs,
    )


def _side(side: Mapping[str, int] | None) -> SideView | None:
    if side is None or "sum" not in side:
        return None
    return SideView(
        total=side["sum"],
        matched=side["matched"],
        in_transit=side["in_transit"],
        unexplained=side["suspense"],
    )


def _item(visit: Visit, item: Item) -> ItemRow:
    words = CAUSES[cast("Cause", item.cause)]
    return ItemRow(
        address=f"{visit.base}/reconciliation/{shown_id(item)}",
        cause=named(item.cause),
        meaning=words.meaning,
        advice=words.advice,
        rail=item.rail,
        amount=item.amount,
        opened_at=item.opened_at,
        age=age(item.opened_at),
    )


ROUTES = [list_items]
