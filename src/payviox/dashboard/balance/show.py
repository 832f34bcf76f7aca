"""`…/balance`: the payout and the main balance, and the statement: every movement with the two
balances after it."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from litestar import Response, get
from litestar.response import Stream

from payviox import ids
from payviox.dashboard import lists
from payviox.dashboard.accounts import path_words
from payviox.dashboard.balance.statement import KINDS, Filters, find_page, read_filters
from payviox.dashboard.lists import PAGE, Pager
from payviox.dashboard.people import actor_words, emails_of
from payviox.dashboard.visits import Visit, read, show, visit_of
from payviox.ledger.service import MovementRow
from payviox.money import decimal
from payviox.treasury import service as treasury
from payviox.web import sheets
from payviox.web.context import Call
from payviox.web.forms import new_key
from payviox.web.movements import CSV, HEADER, cells, csv_file, shown
from payviox.web.pages import redirect

ROUTE = "/dashboard/{business:str}/balance"
FILE_PAGE = 1_000
DONE = {
    "funded": "The money is in the payout balance.",
    "defunded": "The money is back in the main balance.",
}


class MovementLine(msgspec.Struct, frozen=True):
    """One line of the statement, in US cents. `payout` and `main` are the balances right after it,
    where it moved them, as the transfer itself keeps them."""

    id: str
    at: datetime
    kind: str
    path: str
    amount: int
    payout: int | None
    main: int | None
    email: str | None
    user: str | None
    order: str | None
    words: list[str]


class BalanceView(msgspec.Struct, frozen=True):
    """Balances are US cents. `errors` are of the amount that somebody typed."""

    payout_balance: int
    main_balance: int
    here: str
    may_fund: bool
    may_defund: bool
    filters: Filters
    kinds: tuple[str, ...]
    rows: Sequence[MovementLine]
    csv: str
    xlsx: str
    pager: Pager
    amount: str = ""
    done: str | None = None
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)
    key: str = msgspec.field(default_factory=new_key)


@get(ROUTE, include_in_schema=False)
async def show_balance(request: Call) -> Response[Any]:
    """The balances and a page of the statement."""
    visit = await visit_of(request)
    done = DONE.get(request.query_params.get("done", ""))
    return await balance_page(request, visit, done=done)


async def balance_page(
    request: Call,
    visit: Visit,
    *,
    status: int = 200,
    amount: str = "",
    errors: dict[str, list[str]] | None = None,
    done: str | None = None,
) -> Response[Any]:
    """The page, with what is wrong with an amount beside its field."""
    filters = read_filters(request.query_params)
    after = ids.parse_number(ids.TRANSFER, request.query_params.get("after", ""))
    business_id = visit.business.id
    held = await read(request, visit, treasury.balances, business_id)
    rows = await read(request, visit, find_page, business_id, filters, after, PAGE + 1)
    people = await read(request, visit, emails_of, [row.actor for row in rows if row.actor])
    here = f"{visit.base}/balance"
    every = [_line(visit, row, people) for row in rows]
    lines, pager = lists.page_of(every, here, filters.query, after=after)
    view = BalanceView(
        payout_balance=held.payout_balance,
        main_balance=held.balance,
        here=here,
        may_fund=visit.may("balance.fund"),
        may_defund=visit.may("balance.defund"),
        filters=filters,
        kinds=KINDS,
        rows=lines,
        csv=lists.address(f"{here}/statement.csv", filters.query),
        xlsx=lists.address(f"{here}/statement.xlsx", filters.query),
        pager=pager,
        amount=amount,
        errors=errors or {},
        done=done,
    )
    wrong = errors or filters.errors
    return show(
        request,
        visit,
        "balance/show.html",
        view,
        status=422 if wrong and status == 200 else status,
    )


@get(f"{ROUTE}/statement.csv", include_in_schema=False)
async def download_statement(request: Call) -> Response[Any]:
    """Everything that the statement's form asks for, as one file."""
    visit = await visit_of(request)
    filters = read_filters(request.query_params)
    if filters.errors:
        return redirect(f"{visit.base}/balance?{filters.query}")

    async def fetch(after: int | None, limit: int) -> list[MovementRow]:
        return await read(request, visit, find_page, visit.business.id, filters, after, limit)

    return Stream(
        csv_file(fetch, None),
        media_type=CSV,
        headers={
            "Content-Disposition": 'attachment; filename="statement.csv"',
            "Cache-Control": "no-store",
        },
    )


@get(f"{ROUTE}/statement.xlsx", include_in_schema=False)
async def download_excel(request: Call) -> Response[Any]:
    """The same as an Excel file, amounts in dollars."""
    visit = await visit_of(request)
    filters = read_filters(request.query_params)
    if filters.errors:
        return redirect(f"{visit.base}/balance?{filters.query}")

    async def pages() -> AsyncIterator[list[list[object]]]:
        after: int | None = None
        while True:
            rows = await read(
                request, visit, find_page, visit.business.id, filters, after, FILE_PAGE
            )
            yield [_cells(row) for row in rows]
            if len(rows) < FILE_PAGE:
                return
            after = rows[-1].id

    return sheets.answer("statement.xlsx", HEADER, pages())


def _cells(row: MovementRow) -> list[object]:
    """As the CSV file has them, the amount in dollars."""
    amount = HEADER.index("amount")
    return [
        Decimal(decimal(row.amount)) if column == amount else cell
        for column, cell in enumerate(cells(shown(row)))
    ]


def _line(visit: Visit, row: MovementRow, people: dict[str, str]) -> MovementLine:
    after = {row.from_kind: row.from_balance, row.to_kind: row.to_balance}
    actor = row.actor and actor_words(row.actor, people)
    user = None if row.user_id is None else ids.show(ids.USER, row.user_id)
    order = None if row.order_id is None else ids.show(ids.ORDER, row.order_id)
    return MovementLine(
        id=ids.show(ids.TRANSFER, str(row.id)),
        at=row.created_at,
        kind=row.kind,
        path=path_words(row.from_kind, row.from_rail, row.to_kind, row.to_rail),
        amount=row.amount,
        payout=after.get("payout"),
        main=after.get("main"),
        email=row.email,
        user=user and f"{visit.base}/users/{user}",
        order=order and f"{visit.base}/orders/{order}",
        words=[text for text in (row.reference, row.reason, actor) if text],
    )


ROUTES = [show_balance, download_statement, download_excel]
