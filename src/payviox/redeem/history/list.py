"""`/redeem/history`: everything that came and went, newest first."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get

from payviox import ids
from payviox.errors import NotFound
from payviox.redeem.balance.show import Line, line_of
from payviox.redeem.visits import ROUTE, read, show, visit_of
from payviox.web.context import Call
from payviox.withdrawals import history
from payviox.withdrawals.history import Movement, UnknownEntry

PATH = f"{ROUTE}/history"
PAGE = 25


class HistoryView(msgspec.Struct, frozen=True):
    lines: Sequence[Line]
    newer: str | None
    older: str | None


@get(PATH, include_in_schema=False)
async def list_history(request: Call) -> Response[Any]:
    """A page of the history."""
    visit = await visit_of(request)
    after = _cursor(request.query_params.get("after"))
    caller = visit.caller

    async def work(connection: Any) -> list[Movement]:
        return await history.page(
            connection, caller.business_id, caller.user_id, after=after, limit=PAGE + 1
        )

    try:
        rows = await read(request, visit, work)
    except UnknownEntry as error:
        raise NotFound from error
    older = f"{PATH}?after={_name(rows[PAGE - 1])}" if len(rows) > PAGE else None
    lines = [line_of(row, visit.language) for row in rows[:PAGE]]
    view = HistoryView(lines, PATH if after is not None else None, older)
    return show(request, visit, "history/list.html", view)


def _cursor(text: str | None) -> UUID | int | None:
    if text is None:
        return None
    entry = ids.parse(ids.ORDER, text) or ids.parse_number(ids.TRANSFER, text)
    if entry is None:
        raise NotFound
    return entry


def _name(row: Movement) -> str:
    if row.order_id is not None and row.kind == "reserve":
        return ids.show(ids.ORDER, row.order_id)
    return ids.show(ids.TRANSFER, str(row.id))


ROUTES = [list_history]
