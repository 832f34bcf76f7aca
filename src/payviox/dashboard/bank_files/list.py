"""`…/bank-files`: what waits for a file, and the files, newest first; `…/bank-files/waiting`: each
payment that waits, and why."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get

from payviox import ids
from payviox.bank import files, holds
from payviox.bank.model import BankFile, Payment
from payviox.dashboard.bank_files.words import SCHEMES, money_in
from payviox.dashboard.lists import PAGE, Pager, page_of, pager, start_of
from payviox.dashboard.visits import Visit, read, show, visit_of
from payviox.db.pool import Connection
from payviox.errors import Conflict
from payviox.rails.protocol import Account
from payviox.web.context import Call, services

ROUTE = "/dashboard/{business:str}/bank-files"
RAIL = "bank"
DONE = {
    "goes_on": "Files are cut and released again.",
    "canceled": "The file is canceled. Its payments wait for another one.",
}


class WaitingLine(msgspec.Struct, frozen=True):
    """What waits for a file of one scheme; `payable` of its payments may be paid now."""

    scheme: str
    words: str
    payments: int
    payable: int
    total: str
    cut: str | None


class FileLine(msgspec.Struct, frozen=True):
    """A file's row."""

    id: str
    address: str
    file: BankFile
    words: str
    total: str


class FilesView(msgspec.Struct, frozen=True):
    """`is_connected` where there is a bank account to pay from."""

    waiting: list[WaitingLine]
    rows: Sequence[FileLine]
    pager: Pager
    is_connected: bool
    is_test: bool
    here: str
    rails: str
    take: str | None
    after_restore: str | None
    is_held: bool
    done: str | None


class PaymentLine(msgspec.Struct, frozen=True):
    """A payment that waits, and why: until `pays_from` where its account is new."""

    payment: Payment
    order: str
    amount: str
    pays_from: datetime | None


class WaitingView(msgspec.Struct, frozen=True):
    rows: list[PaymentLine]
    pager: Pager
    is_cut_by_hand: bool
    back: str


@get(ROUTE, include_in_schema=False)
async def list_files(request: Call) -> Response[Any]:
    """What waits, and a page of the files."""
    visit = await visit_of(request)
    after = ids.parse(ids.BANK_FILE, request.query_params.get("after", ""))
    account = await services(request).rails.account(visit.business.id, RAIL)
    waiting, rows = await read(request, visit, _found, visit, after)
    here = f"{visit.base}/bank-files"
    lines, around = page_of(rows, here, "", after=after)
    view = FilesView(
        waiting=waiting,
        rows=lines,
        pager=around,
        is_connected=account is not None,
        is_test=visit.business.test,
        here=here,
        rails=f"{visit.base}/rails",
        take=f"{here}/import" if visit.may("bank_report.import") else None,
        after_restore=f"{here}/after-restore" if visit.may("bank_file.end_hold") else None,
        is_held=await read(request, visit, holds.since, visit.business.id) is not None,
        done=DONE.get(request.query_params.get("done", "")),
    )
    return show(request, visit, "bank_files/list.html", view)


@get(f"{ROUTE}/waiting", include_in_schema=False)
async def list_waiting(request: Call) -> Response[Any]:
    """Each payment that is in no file yet."""
    visit = await visit_of(request)
    after = start_of(request.query_params)

    async def found(connection: Connection) -> list[Payment]:
        return await files.list_waiting(connection, visit.business.id, after=after, limit=PAGE + 1)

    rows = await read(request, visit, found)
    account = await services(request).rails.account(visit.business.id, RAIL)
    times = "never" if account is None else str(account.settings.get("cut_at") or "never")
    here = f"{visit.base}/bank-files"
    view = WaitingView(
        rows=[_payment(visit, each) for each in rows[:PAGE]],
        pager=pager(
            f"{here}/waiting",
            "",
            after=after or None,
            last=rows[PAGE - 1].reference if len(rows) > PAGE else None,
        ),
        is_cut_by_hand=times == "never",
        back=here,
    )
    return show(request, visit, "bank_files/waiting.html", view)


async def account_of(request: Call, visit: Visit) -> Account:
    """The bank account that pays. Raises Conflict where none is connected."""
    account = await services(request).rails.account(visit.business.id, RAIL)
    if account is None:
        raise Conflict("No bank account is connected.")
    return account


async def _found(
    connection: Connection, visit: Visit, after: UUID | None
) -> tuple[list[WaitingLine], list[FileLine]]:
    business_id, here = visit.business.id, f"{visit.base}/bank-files"
    may_cut = visit.may("bank_file.cut")
    waiting = [
        WaitingLine(
            scheme=each.scheme,
            words=SCHEMES[each.scheme],
            payments=each.payments,
            payable=each.payable,
            total=money_in(each.total, each.currency),
            cut=f"{here}/cut/{each.scheme}" if may_cut and each.payable else None,
        )
        for each in await files.sum_waiting(connection, business_id)
    ]
    page = await files.list_page(connection, business_id, after=after, limit=PAGE + 1)
    return waiting, [_line(visit, file) for file in page]


def _line(visit: Visit, file: BankFile) -> FileLine:
    shown = ids.show(ids.BANK_FILE, file.id)
    return FileLine(
        id=shown,
        address=f"{visit.base}/bank-files/{shown}",
        file=file,
        words=SCHEMES[file.scheme],
        total=money_in(file.total, file.currency),
    )


def _payment(visit: Visit, payment: Payment) -> PaymentLine:
    return PaymentLine(
        payment=payment,
        order=f"{visit.base}/orders/{ids.show(ids.ORDER, payment.order_id)}",
        amount=money_in(payment.amount, payment.currency),
        pays_from=payment.not_before if payment.is_cooling else None,
    )


ROUTES = [list_files, list_waiting]
