"""`…/bank-files/import`, `…/bank-files/imports` and `…/bank-files/imports/<bim_id>`: what the bank
said, uploaded, and what that changed."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post

from payviox import actors, ids
from payviox.approvals.service import WaitingAct
from payviox.bank import account_books, imports
from payviox.bank.account_books import LINES, AccountBooks
from payviox.bank.account_books import Gap as AccountGap
from payviox.bank.matching import WHY
from payviox.bank.model import Entry, Import
from payviox.dashboard.bank_files.list import RAIL, ROUTE, account_of
from payviox.dashboard.bank_files.words import ENTRIES, KINDS, SOURCES, money_in, reason
from payviox.dashboard.files import read_file
from payviox.dashboard.lists import PAGE, Pager, page_of, pager
from payviox.dashboard.people import actor_words, emails_of
from payviox.dashboard.visits import Visit, act, prove, read, require_fresh, show, visit_of
from payviox.db.pool import Connection
from payviox.errors import Busy, Conflict, FieldErrors, NotFound
from payviox.rights import service as rights
from payviox.tables.cells import FileRefused
from payviox.web.context import Call, address_of, services
from payviox.web.cursors import path_id
from payviox.web.pages import redirect
from payviox.web.request_body import MAX_UPLOAD

MOST = 20_000_000
SHOWN = 200
DONE = {
    "taken": "The file is taken.",
    "repeated": "This very file was taken before. Nothing was changed.",
}


class TakeView(msgspec.Struct, frozen=True):
    """The form that a report is sent with."""

    action: str
    back: str
    most_megabytes: int
    is_connected: bool
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)


class ImportLine(msgspec.Struct, frozen=True):
    """A report's row."""

    id: str
    address: str
    report: Import
    kind: str
    source: str


class BooksView(msgspec.Struct, frozen=True):
    """One currency of the account: its lines in words, with entries and amount."""

    books: AccountBooks
    opening: str
    lines: list[tuple[str, int, str]]
    gaps: list[tuple[AccountGap, str]]
    difference: str | None
    closing: str
    not_stated: str | None


class ImportsView(msgspec.Struct, frozen=True):
    books: list[BooksView]
    rows: Sequence[ImportLine]
    pager: Pager
    take: str | None
    back: str


class EntryLine(msgspec.Struct, frozen=True):
    """What the bank said of one payment; `why` it is none of ours, where it is none."""

    entry: Entry
    word: str
    amount: str
    order: str | None
    reason: str | None
    why: str | None


class ImportView(msgspec.Struct, frozen=True):
    """One report. `changed` says how many entries did what; those that nobody's payment explains
    are in suspense."""

    report: Import
    kind: str
    source: str
    by: str
    opening: str
    closing: str
    matched: int
    returned: int
    unmatched: int
    rows: Sequence[EntryLine]
    pager: Pager
    back: str
    done: str | None


@get(f"{ROUTE}/import", include_in_schema=False)
async def ask_for_report(request: Call) -> Response[Any]:
    """The form. Who fills it in has proved who they are: a file is not sent twice for that."""
    visit = await visit_of(request)
    if visit.may("bank_report.import"):
        require_fresh(visit.session)
    return await _form(request, visit)


@post(
    f"{ROUTE}/import/report",
    include_in_schema=False,
    status_code=200,
    request_max_body_size=MAX_UPLOAD,
    right="bank_report.import",
)
async def take_report(request: Call) -> Response[Any]:
    """Take a file of the bank's, whole or not at all; then what it changed, or that it waits."""
    visit = await visit_of(request)
    found = services(request)
    await prove(request, visit.session, "bank_report.import")
    await act(request, visit.session, _require, visit)
    try:
        account = await account_of(request, visit)
        async with AsyncExitStack() as held:
            name, content = await read_file(request, MOST)
            await held.enter_async_context(found.files.enter())
            with actors.at(address_of(request)):
                taken = await imports.take(
                    found.database, account, name, content, "upload", visit.session.actor
                )
    except FieldErrors as error:
        return await _form(request, visit, error.fields, status=422)
    except (FileRefused, Busy, Conflict) as error:
        return await _form(request, visit, {"file": [str(error)]}, status=409)
    if isinstance(taken, WaitingAct):
        return redirect(f"{visit.base}/approvals?done=asked")
    shown = ids.show(ids.BANK_IMPORT, taken.reports[0].id)
    done = "repeated" if taken.is_repeated else "taken"
    return redirect(f"{visit.base}/bank-files/imports/{shown}?done={done}")


@get(f"{ROUTE}/imports", include_in_schema=False)
async def list_imports(request: Call) -> Response[Any]:
    """What the bank has said, newest first."""
    visit = await visit_of(request)
    after = ids.parse(ids.BANK_IMPORT, request.query_params.get("after", ""))

    async def found(connection: Connection) -> list[Import]:
        return await imports.list_page(connection, visit.business.id, after=after, limit=PAGE + 1)

    here = f"{visit.base}/bank-files"
    lines = [_line(visit, each) for each in await read(request, visit, found)]
    rows, around = page_of(lines, f"{here}/imports", "", after=after)
    view = ImportsView(
        books=[
            _books(each)
            for each in await read(request, visit, account_books.read, visit.business.id)
        ],
        rows=rows,
        pager=around,
        take=f"{here}/import" if visit.may("bank_report.import") else None,
        back=here,
    )
    return show(request, visit, "bank_files/imports.html", view)


@get(f"{ROUTE}/imports/{{report:str}}", include_in_schema=False)
async def show_import(request: Call) -> Response[Any]:
    """One report, and what it changed."""
    visit = await visit_of(request)
    import_id = path_id(request, ids.BANK_IMPORT, "report")
    after = ids.parse(ids.BANK_ENTRY, request.query_params.get("after", ""))
    done = DONE.get(request.query_params.get("done", ""))

    async def view(connection: Connection) -> ImportView:
        return await _view(connection, visit, import_id, after, done)

    return show(request, visit, "bank_files/import.html", await read(request, visit, view))


async def _view(
    connection: Connection, visit: Visit, import_id: UUID, after: UUID | None, done: str | None
) -> ImportView:
    business_id = visit.business.id
    report = await imports.get_import(connection, business_id, import_id)
    if report is None:
        raise NotFound
    entries = await imports.list_entries(
        connection, business_id, import_id, after=after, limit=SHOWN + 1
    )
    emails = await emails_of(connection, [report.created_by])
    counts = await imports.count_effects(connection, business_id, import_id)
    here = f"{visit.base}/bank-files/imports"
    return ImportView(
        report=report,
        kind=KINDS.get(report.kind, report.kind),
        source=SOURCES[report.source],
        by=actor_words(report.created_by, emails),
        opening=money_in(report.opening, report.currency),
        closing=money_in(report.closing, report.currency),
        matched=counts.matched,
        returned=counts.returned,
        unmatched=report.unmatched,
        rows=[_entry(visit, each) for each in entries[:SHOWN]],
        pager=pager(
            f"{here}/{ids.show(ids.BANK_IMPORT, import_id)}",
            "",
            after=after,
            last=ids.show(ids.BANK_ENTRY, entries[SHOWN - 1].id) if len(entries) > SHOWN else None,
        ),
        back=here,
        done=done,
    )


async def _form(
    request: Call,
    visit: Visit,
    errors: dict[str, list[str]] | None = None,
    *,
    status: int = 200,
) -> Response[Any]:
    here = f"{visit.base}/bank-files"
    account = await services(request).rails.account(visit.business.id, RAIL)
    view = TakeView(
        action=f"{here}/import/report",
        back=here,
        most_megabytes=MOST // 1_000_000,
        is_connected=account is not None,
        errors=errors or {},
    )
    return show(request, visit, "bank_files/take.html", view, status=status)


async def _require(connection: Connection, visit: Visit) -> None:
    await rights.require(connection, visit.business.id, visit.session.actor, "bank_report.import")


def _line(visit: Visit, report: Import) -> ImportLine:
    shown = ids.show(ids.BANK_IMPORT, report.id)
    return ImportLine(
        id=shown,
        address=f"{visit.base}/bank-files/imports/{shown}",
        report=report,
        kind=KINDS.get(report.kind, report.kind),
        source=SOURCES[report.source],
    )


def _books(books: AccountBooks) -> BooksView:
    def amount(number: int) -> str:
        return money_in(number, books.currency)

    return BooksView(
        books=books,
        opening=amount(books.opening),
        lines=[(LINES[each.line], each.entries, amount(each.amount)) for each in books.moved],
        gaps=[(gap, amount(gap.amount)) for gap in books.gaps],
        difference=amount(books.difference) if books.difference else None,
        closing=amount(books.closing),
        not_stated=amount(books.not_stated.total) if books.not_stated else None,
    )


def _entry(visit: Visit, entry: Entry) -> EntryLine:
    sign = -1 if entry.direction == "debit" else 1
    order = None
    if entry.reference is not None:  # `ord_….1`, the attempt
        order = f"{visit.base}/orders/{entry.reference.partition('.')[0]}"
    return EntryLine(
        entry=entry,
        word=ENTRIES.get(entry.status, entry.status),
        amount=money_in(None if entry.amount is None else sign * entry.amount, entry.currency),
        order=order,
        reason=reason(entry.code),
        why=next((words for name, words in WHY.items() if name == entry.unmatched), None),
    )


ROUTES = [ask_for_report, take_report, list_imports, show_import]
