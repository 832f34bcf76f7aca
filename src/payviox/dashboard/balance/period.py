"""`…/balance/period`: one balance over some days or between two moments, which proves itself, with
the sums of each kind; what every account held at a moment; and the same as files and as journal
lines."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast
from urllib.parse import urlencode

import msgspec
from litestar import Response, get

from payviox import ids
from payviox.dashboard.accounts import account_words
from payviox.dashboard.people import actor_words, emails_of
from payviox.dashboard.visits import Visit, read, show, visit_of
from payviox.db.pool import Connection
from payviox.errors import FieldErrors
from payviox.ledger import statements
from payviox.ledger.statements import KindSum, MovementRow, OwnAccount, Period
from payviox.money import decimal
from payviox.reporting import business_summary
from payviox.web import journals, sheets
from payviox.web.context import Call
from payviox.web.pages import redirect

ROUTE = "/dashboard/{business:str}/balance/period"
PAGE = 50
FILE_PAGE = 1_000
LONGEST = timedelta(days=3_660)
ACCOUNTS: Mapping[OwnAccount, str] = {"payout": "Payout balance", "main": "Main balance"}
MOST_IN_EXCEL = sheets.MOST_ROWS - 3
"""Movements of a period that an Excel file holds beside the opening, the sum and the closing."""
FILES = tuple(
    f"{name}.{ending}"
    for name in ("statement", "journal-days", "journal-transfers")
    for ending in ("csv", "xlsx")
)
HEADER = (
    "when (UTC)",
    "what",
    "transfer",
    "came",
    "went",
    "balance",
    "payout user",
    "order",
    "reference",
    "reason",
    "by",
)


class Asked(msgspec.Struct, frozen=True):
    """Which balance from when to when, as it was typed, and what is wrong with it."""

    account: OwnAccount
    since: str
    until: str
    at: str
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)

    @property
    def query(self) -> str:
        return urlencode({"account": self.account, "from": self.since, "to": self.until})

    @property
    def edges(self) -> tuple[datetime, datetime]:
        """The first moment, and the one after the last."""
        return _start(self.since), _after(self.until)

    @property
    def by_moment(self) -> bool:
        """Whether the edges are moments, and not days."""
        return _is_moment(self.since) or _is_moment(self.until)


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the account; amounts are US cents, and `balance` is what it held right after."""

    at: datetime
    kind: str
    came: int | None
    went: int | None
    balance: int
    email: str | None
    user: str | None
    order: str | None
    words: list[str]


class Read(msgspec.Struct, frozen=True):
    """What the page reads."""

    period: Period
    sums: list[KindSum] | None
    rows: list[MovementRow]
    held_at: dict[str, int] | None
    people: dict[str, str]


class PeriodView(msgspec.Struct, frozen=True):
    """`fits` where opening, rows and closing agree; None where there are too many rows to add up on
    a page."""

    here: str
    asked: Asked
    accounts: Mapping[OwnAccount, str]
    period: Period | None
    sums: list[KindSum] | None
    came: int
    went: int
    fits: bool | None
    rows: list[Line]
    first: str | None
    later: str | None
    held_at: list[tuple[str, int]] | None
    other_edges: str
    back: str
    earlier_month: str
    files: list[tuple[str, str]]


@get(ROUTE, include_in_schema=False)
async def show_period(request: Call) -> Response[Any]:
    """This month's payout balance, unless something else is asked for."""
    visit = await visit_of(request)
    asked = _read(request.query_params)
    after = request.query_params.get("after", "")
    version = int(after) if after.isascii() and after.isdecimal() and len(after) < 16 else 0
    page = None
    if not asked.errors:
        try:
            page = await read(request, visit, _find, visit, asked, version)
        except FieldErrors:  # by the database's clock
            errors = {"at": ["This moment is still to come."]}
            asked = msgspec.structs.replace(asked, errors=errors)
    return show(
        request,
        visit,
        "balance/period.html",
        _view(visit, asked, page, version),
        status=422 if asked.errors else 200,
    )


async def _find(connection: Connection, visit: Visit, asked: Asked, after: int) -> Read:
    business_id = visit.business.id
    period = await statements.period(connection, business_id, asked.account, *asked.edges)
    rows = await statements.list_rows(connection, business_id, period, after, PAGE)
    sums = await statements.sums_by_kind(connection, business_id, period)
    at = _moment(asked.at)
    held_at = None
    if at is not None:
        held_at = await business_summary.trial_balance(connection, business_id, at)
    people = await emails_of(connection, [row.actor for row in rows if row.actor])
    return Read(period, sums, rows, held_at, people)


def _view(visit: Visit, asked: Asked, page: Read | None, version: int) -> PeriodView:
    here = f"{visit.base}/balance/period"
    period = page.period if page else None
    sums = page.sums if page else None
    came, went = sum(each.came for each in sums or ()), sum(each.went for each in sums or ())
    fits = None
    if period is not None and sums is not None:
        number = sum(each.number for each in sums)
        fits = period.opening + came - went == period.closing and number == period.number
    shown = max(version, period.first) + PAGE if period else 0
    month_before = asked.edges[0].date() - timedelta(days=1) if not asked.errors else date.max
    tail = urlencode(
        {
            "account": asked.account,
            "from": month_before.replace(day=1).isoformat(),
            "to": month_before.isoformat(),
        }
    )
    return PeriodView(
        here=here,
        asked=asked,
        accounts=ACCOUNTS,
        period=period,
        sums=sums,
        came=came,
        went=went,
        fits=fits,
        rows=[_line(visit, asked.account, row, page.people) for row in page.rows] if page else [],
        first=f"{here}?{asked.query}" if version else None,
        later=f"{here}?{asked.query}&after={shown}" if period and shown < period.last else None,
        held_at=_shown(page.held_at) if page and page.held_at else None,
        other_edges=_other_edges(here, asked),
        back=f"{visit.base}/balance",
        earlier_month=f"{here}?{tail}",
        files=[
            (name, f"{here}/{name}?{asked.query}")
            for name in FILES
            if name != "statement.xlsx" or period is None or period.number <= MOST_IN_EXCEL
        ],
    )


def _shown(held: Mapping[str, int]) -> list[tuple[str, int]]:
    """Every account by its name for people."""
    return [
        (
            "Payout users" if name == "payout_users" else account_words(*name.partition(":")[::2]),
            cents,
        )
        for name, cents in held.items()
    ]


def _other_edges(here: str, asked: Asked) -> str:
    """The same with moments for days, or with days for moments."""
    if asked.errors:
        return here
    since, until = asked.edges
    if asked.by_moment:
        last = (until - timedelta(microseconds=1)).date()
        edges = {"from": since.date().isoformat(), "to": max(last, since.date()).isoformat()}
    else:
        edges = {"from": f"{since:%Y-%m-%dT%H:%M}", "to": f"{until:%Y-%m-%dT%H:%M}"}
    return f"{here}?{urlencode({'account': asked.account, **edges})}"


@get(f"{ROUTE}/{{file:str}}", include_in_schema=False)
async def download(request: Call) -> Response[Any]:
    """The account's statement, or the whole ledger's journal, of the period as one file."""
    visit = await visit_of(request)
    asked = _read(request.query_params)
    name = str(request.path_params["file"])
    kind = name.rpartition(".")[0]
    if asked.errors or name not in FILES:
        return redirect(f"{visit.base}/balance/period?{asked.query}")
    if kind == "statement":
        return sheets.answer(name, HEADER, _statement(request, visit, asked))
    pages = _transfers(request, visit, asked)
    if kind == "journal-days":
        return sheets.answer(name, journals.DAYS, journals.by_day(pages))
    return sheets.answer(name, journals.TRANSFERS, journals.by_transfer(pages))


async def _statement(
    request: Call, visit: Visit, asked: Asked
) -> AsyncIterator[Sequence[Sequence[object]]]:
    """Opening, every row with the balance after it, closing."""
    business_id = visit.business.id
    since, until = asked.edges
    period = await read(request, visit, statements.period, business_id, asked.account, since, until)
    yield [_edge(since, "opening balance", period.opening)]
    after, came, went = period.first, 0, 0
    while after < period.last:
        rows = await read(
            request, visit, statements.list_rows, business_id, period, after, FILE_PAGE
        )
        lines = [(row, _line(visit, asked.account, row, {})) for row in rows]
        came += sum(line.came or 0 for _, line in lines)
        went += sum(line.went or 0 for _, line in lines)
        yield [_cells(row, line) for row, line in lines]
        after += FILE_PAGE
    total = [None, "total", None, _dollars(came), _dollars(went)]
    yield [total, _edge(until, "closing balance", period.closing)]


async def _transfers(request: Call, visit: Visit, asked: Asked) -> AsyncIterator[list[MovementRow]]:
    """Every transfer of the business in the period, oldest first."""
    business_id = visit.business.id
    since, until = asked.edges
    after = await read(request, visit, statements.boundary, business_id, since)
    last = await read(request, visit, statements.boundary, business_id, until)
    while True:
        rows = await read(
            request, visit, statements.list_between, business_id, after, last, FILE_PAGE
        )
        yield rows
        if len(rows) < FILE_PAGE:
            return
        after = rows[-1].id


def _edge(at: datetime, words: str, cents: int) -> list[object]:
    return [at, words, None, None, None, _dollars(cents)]


def _cells(row: MovementRow, line: Line) -> list[object]:
    return [
        row.created_at,
        row.kind,
        ids.show(ids.TRANSFER, str(row.id)),
        None if line.came is None else _dollars(line.came),
        None if line.went is None else _dollars(line.went),
        _dollars(line.balance),
        row.email,
        row.order_id and ids.show(ids.ORDER, row.order_id),
        row.reference,
        row.reason,
        row.actor,
    ]


def _line(visit: Visit, account: OwnAccount, row: MovementRow, people: Mapping[str, str]) -> Line:
    came = row.to_kind == account
    actor = row.actor and actor_words(row.actor, people)
    user = None if row.user_id is None else ids.show(ids.USER, row.user_id)
    order = None if row.order_id is None else ids.show(ids.ORDER, row.order_id)
    return Line(
        at=row.created_at,
        kind=row.kind,
        came=row.amount if came else None,
        went=None if came else row.amount,
        balance=row.to_balance if came else row.from_balance,
        email=row.email,
        user=user and f"{visit.base}/users/{user}",
        order=order and f"{visit.base}/orders/{order}",
        words=[text for text in (row.reference, row.reason, actor) if text],
    )


def _dollars(cents: int) -> Decimal:
    return Decimal(decimal(cents))


def _read(query: Mapping[str, str]) -> Asked:
    """What the form asks for; this month unless an edge is given."""
    today = datetime.now(UTC).date()
    since = query.get("from", "").strip() or today.replace(day=1).isoformat()
    until = query.get("to", "").strip() or today.isoformat()
    at = query.get("at", "").strip()
    account = query.get("account", "")
    errors = {
        name: ["Give a day such as 2026-01-31, or a moment such as 2026-01-31T14:30."]
        for name, text in (("from", since), ("to", until))
        if _moment(text) is None
    }
    if not errors and _after(until) <= _start(since):
        errors["to"] = ["The period ends before it begins."]
    elif not errors and _after(until) - _start(since) > LONGEST:
        errors["to"] = ["Ask for ten years at most."]
    if at and _moment(at) is None:
        errors["at"] = ["Give a moment such as 2026-01-31T14:30."]
    return Asked(
        cast("OwnAccount", account) if account in ACCOUNTS else "payout", since, until, at, errors
    )


def _start(text: str) -> datetime:
    """The first moment of a day, or the moment itself."""
    moment = _moment(text)
    assert moment is not None  # noqa: S101  # _read has refused it
    return moment


def _after(text: str) -> datetime:
    """The moment after a day's last, or the moment itself, before which a period ends."""
    return _start(text) + (timedelta() if _is_moment(text) else timedelta(days=1))


def _is_moment(text: str) -> bool:
    return "T" in text


def _moment(text: str) -> datetime | None:
    """A day's first moment or a moment, in UTC where it names no zone, as browsers write it; None
    where it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if not date.min.year < moment.year < date.max.year:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


ROUTES = [show_period, download]
