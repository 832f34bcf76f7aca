"""`…/bank-files/<bfl_id>`: one file: how far it is, who approved it, its payments, and what may be
done with it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get

from payviox import ids
from payviox.actors import Actor
from payviox.approvals import service as approvals
from payviox.auth import operators
from payviox.bank import files
from payviox.bank.model import BankFile, Payment
from payviox.dashboard.bank_files.list import RAIL, ROUTE
from payviox.dashboard.bank_files.words import FILES, PAYMENTS, SCHEMES, WAYS, money_in
from payviox.dashboard.lists import Pager, pager, start_of
from payviox.dashboard.people import actor_words, emails_of
from payviox.dashboard.visits import Visit, read, show, visit_of
from payviox.db.pool import Connection
from payviox.rights.service import operator_of
from payviox.web.context import Call, services
from payviox.web.cursors import path_id

PATH = f"{ROUTE}/{{file:str}}"
SHOWN = 100
DONE = {
    "cut": "The file is cut. It leaves once it is approved.",
    "signed": "You signed it. Another person has to approve it.",
    "approved": "The file is approved. It can be handed to the bank.",
    "released": "The file is released.",
    "said": "You said that the bank has not got it. Another person has to say so, too.",
    "not_sent": "It counts as not handed over: it can be released again.",
}


class PaymentLine(msgspec.Struct, frozen=True):
    """A payment of the file, with its order's page."""

    payment: Payment
    order: str
    amount: str
    word: str


class FileView(msgspec.Struct, frozen=True):
    """`signers` have approved it; `deniers` have said that the bank has not got it, and somebody
    else has to; `offers` is what this person may do with it now."""

    file: BankFile
    shown_id: str
    address: str
    back: str
    scheme: str
    total: str
    meaning: str
    way: str | None
    cut_by: str
    released_by: str | None
    signers: list[str]
    deniers: list[str]
    is_signed: bool
    needs_two: bool
    is_download: bool
    offers: frozenset[str]
    counts: list[tuple[str, int]]
    rows: Sequence[PaymentLine]
    pager: Pager
    done: str | None = None
    refused: str | None = None


@get(PATH, include_in_schema=False)
async def show_file(request: Call) -> Response[Any]:
    """One file."""
    visit = await visit_of(request)
    return await file_page(request, visit, done=DONE.get(request.query_params.get("done", "")))


def file_id_of(request: Call) -> UUID:
    """Raises NotFound."""
    return path_id(request, ids.BANK_FILE, "file")


async def is_downloaded(request: Call, visit: Visit) -> bool:
    """Whether somebody gives files to the bank by hand, rather than a folder or SFTP."""
    account = await services(request).rails.account(visit.business.id, RAIL)
    return account is None or account.settings.get("release") in (None, "download")


async def file_page(
    request: Call,
    visit: Visit,
    *,
    done: str | None = None,
    refused: str | None = None,
    status: int = 200,
) -> Response[Any]:
    """The page, with what was done or refused."""
    file_id, after = file_id_of(request), start_of(request.query_params)
    is_download = await is_downloaded(request, visit)

    async def view(connection: Connection) -> FileView:
        business_id = visit.business.id
        file = await files.get(connection, business_id, file_id)
        page = await files.list_payments(
            connection, business_id, file_id, after=after, limit=SHOWN + 1
        )
        signatures = await approvals.list_signatures(
            connection, business_id, file_id, "bank_file.approve"
        )
        said = await approvals.list_signatures(connection, business_id, file_id, "bank_file.settle")
        by = [each.operator_id for each in signatures]
        names = await operators.emails(connection, [*by, *(each.operator_id for each in said)])
        acted = [each for each in (file.created_by, file.released_by) if each]
        emails = await emails_of(connection, acted)
        is_signed = visit.session.operator_id in by or (
            operator_of(Actor(file.created_by)) == visit.session.operator_id
        )
        needs_two = visit.business.second_person_amount is not None
        here = f"{visit.base}/bank-files/{ids.show(ids.BANK_FILE, file_id)}"
        counts = await files.count_by_status(connection, business_id, file_id)
        return FileView(
            file=file,
            shown_id=ids.show(ids.BANK_FILE, file_id),
            address=here,
            back=f"{visit.base}/bank-files",
            scheme=SCHEMES[file.scheme],
            total=money_in(file.total, file.currency),
            meaning=FILES[file.status],
            way=WAYS[file.way] if file.way else None,
            cut_by=actor_words(file.created_by, emails),
            released_by=actor_words(file.released_by, emails) if file.released_by else None,
            signers=sorted({names.get(each, "somebody") for each in by}),
            deniers=sorted({names.get(each.operator_id, "somebody") for each in said}),
            is_signed=is_signed and needs_two,
            needs_two=needs_two,
            is_download=is_download,
            offers=_offers(visit, file, is_signed=is_signed and needs_two),
            counts=[(PAYMENTS[name], number) for name, number in sorted(counts.items())],
            rows=[_line(visit, each) for each in page[:SHOWN]],
            pager=pager(
                here,
                "",
                after=after or None,
                last=page[SHOWN - 1].end_to_end_id if len(page) > SHOWN else None,
            ),
            done=done,
            refused=refused,
        )

    return show(
        request, visit, "bank_files/show.html", await read(request, visit, view), status=status
    )


def _offers(visit: Visit, file: BankFile, *, is_signed: bool) -> frozenset[str]:
    """What may be done with it now, by whoever looks."""
    free = file.status in ("draft", "approved") and file.step is None
    has_left = file.status not in ("draft", "approved", "canceled")
    offered = {
        "approve": visit.may("bank_file.approve") and file.status == "draft" and not is_signed,
        "release": visit.may("bank_file.release") and file.status == "approved" and free,
        "cancel": visit.may("bank_file.cancel") and free,
        "settle": visit.may("bank_file.settle") and file.step == "person",
        "download": visit.may("bank_file.download") and has_left,
    }
    return frozenset(name for name, is_offered in offered.items() if is_offered)


def _line(visit: Visit, payment: Payment) -> PaymentLine:
    return PaymentLine(
        payment=payment,
        order=f"{visit.base}/orders/{ids.show(ids.ORDER, payment.order_id)}",
        amount=money_in(payment.amount, payment.currency),
        word=PAYMENTS[payment.status],
    )


ROUTES = [show_file]
