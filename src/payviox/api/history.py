"""`GET /payout/history`: every movement of a business's money, as JSON by the page or as one CSV
file of everything that matches."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get
from litestar.response import Stream

from payviox import ids
from payviox.api.authentication import require_business
from payviox.api.docs.declarations import Shown, documented
from payviox.ledger import service as ledger
from payviox.ledger.model import TransferKind
from payviox.ledger.service import MovementRow
from payviox.web import movements
from payviox.web.context import Call, business, read
from payviox.web.cursors import (
    Listed,
    Page,
    after_number,
    filter_id,
    page_of,
    read_query,
    unknown_after,
)
from payviox.web.errors import JSON, encode
from payviox.web.movements import CSV, Movement


class HistoryFilter(Page, kw_only=True):
    """Which movements to list."""

    kind: TransferKind | None = None
    user: Annotated[str | None, msgspec.Meta(description="A payout user's id")] = None
    order: Annotated[str | None, msgspec.Meta(description="An order's id")] = None
    since: Annotated[datetime | None, msgspec.Meta(description="From this time on (RFC 3339)")] = (
        msgspec.field(name="from", default=None)
    )
    until: Annotated[datetime | None, msgspec.Meta(description="Before this time (RFC 3339)")] = (
        msgspec.field(name="to", default=None)
    )
    format: Annotated[
        Literal["json", "csv"] | None,
        msgspec.Meta(description="`csv` answers everything that matches as one file"),
    ] = None


EXAMPLE = Movement(
    id="trf_4711",
    kind="allocation",
    amount=2_500,
    source="payout",
    target="user",
    payout_user_id="usr_0192f0c1-7f4e-7c3a-9d58-2b8f4a6c1e70",
    email="ada@example.com",
    order_id=None,
    reference="survey-17",
    actor=None,
    reason=None,
    created_at=datetime(2026, 1, 31, 12, tzinfo=UTC),
)


@get("/payout/history", guards=[require_business])
@documented(
    "History",
    {
        200: [
            Shown(Listed[Movement], Listed([EXAMPLE], has_more=False)),
            Shown(str, movements.csv_lines([EXAMPLE]), CSV),
        ]
    },
    query=HistoryFilter,
)
async def list_history(request: Call) -> Response[Any]:
    """Every movement of the business's money, newest first.

    With `Accept: text/csv` or `format=csv` everything that matches comes as one file (UTF-8), and
    `limit` does not count. In it texts are quoted, and one that a spreadsheet would take for a
    formula starts with an apostrophe.
    """
    wanted = read_query(request, HistoryFilter)
    fetch = _reader(request, wanted)
    after = await _cursor(request, wanted)
    as_csv = wanted.format == "csv" or (
        wanted.format is None and CSV in request.headers.get("accept", "")
    )
    if as_csv:
        return Stream(
            movements.csv_file(fetch, after),
            media_type=CSV,
            headers={"Content-Disposition": 'attachment; filename="history.csv"'},
        )
    rows = await fetch(after, wanted.limit + 1)
    return Response(encode(page_of(rows, wanted.limit, movements.shown)), media_type=JSON)


async def _cursor(request: Call, wanted: HistoryFilter) -> int | None:
    after = after_number(wanted, ids.TRANSFER)
    if after is None:
        return None
    business_id = business(request).business_id
    known = await read(request, ledger.find_transfer, business_id, after)
    if known is None:
        raise unknown_after()
    return after


def _reader(request: Call, wanted: HistoryFilter) -> Callable[[int | None, int], Any]:
    """A function of cursor and limit that reads a page of what is wanted. Raises FieldErrors."""
    user_id = filter_id(wanted.user, ids.USER, "user")
    order_id = filter_id(wanted.order, ids.ORDER, "order")

    async def fetch(after: int | None, limit: int) -> list[MovementRow]:
        return await read(
            request,
            lambda connection: ledger.list_movements(
                connection,
                business(request).business_id,
                kind=wanted.kind,
                user_id=user_id,
                order_id=order_id,
                since=wanted.since,
                until=wanted.until,
                after=after,
                limit=limit,
            ),
        )

    return fetch


ROUTES = [list_history]
