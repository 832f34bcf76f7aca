"""`…/bank-files/cut/<scheme>`: what waits, put into a file, once somebody has confirmed it."""

from typing import Any

from litestar import Response, get, post

from payviox import actors, ids
from payviox.bank import cutting, files
from payviox.bank.model import Scheme
from payviox.dashboard.bank_files.list import ROUTE, account_of
from payviox.dashboard.bank_files.words import SCHEMES, money_in
from payviox.dashboard.confirmations import ConfirmView, Fact, confirm
from payviox.dashboard.visits import Visit, act, read, visit_of
from payviox.db.pool import Connection
from payviox.errors import Conflict, NotFound
from payviox.rights import service as rights
from payviox.web.context import Call, address_of, services
from payviox.web.pages import redirect

PATH = f"{ROUTE}/cut/{{scheme:str}}"


@get(PATH, include_in_schema=False)
async def ask_to_cut(request: Call) -> Response[Any]:
    """How much would go into it."""
    visit = await visit_of(request)
    return await _page(request, visit, _scheme(request))


@post(PATH, include_in_schema=False, status_code=200, right="bank_file.cut")
async def cut(request: Call) -> Response[Any]:
    """Cut it, and go to it."""
    visit = await visit_of(request)
    scheme = _scheme(request)
    found = services(request)
    await act(request, visit.session, _require, visit)
    try:
        account = await account_of(request, visit)
        with actors.at(address_of(request)):
            made = await cutting.cut(
                found.database, found.keyring, account, scheme, visit.session.actor
            )
    except Conflict as error:
        return await _page(request, visit, scheme, str(error))
    if made.file is not None:
        shown = ids.show(ids.BANK_FILE, made.file.id)
        return redirect(f"{visit.base}/bank-files/{shown}?done=cut")
    refused = "Nothing may be paid just now."
    if made.without_money:
        refused = "By its last statement the account has no money for the next payment."
    elif made.unwritable:
        refused = f"No file can hold these payments: {', '.join(made.unwritable[:10])}."
    return await _page(request, visit, scheme, refused)


async def _require(connection: Connection, visit: Visit) -> None:
    await rights.require(connection, visit.business.id, visit.session.actor, "bank_file.cut")


async def _page(
    request: Call, visit: Visit, scheme: Scheme, refused: str | None = None
) -> Response[Any]:
    waiting = {
        each.scheme: each
        for each in await read(request, visit, files.sum_waiting, visit.business.id)
    }
    facts = [Fact("Scheme", SCHEMES[scheme])]
    payable, payments, total = 0, 0, money_in(0, "USD")
    if scheme in waiting:
        each = waiting[scheme]
        payable, payments = each.payable, each.payments
        total = money_in(each.total, each.currency)
    facts += [
        Fact("Payments that wait", f"{payments:,}, {total}"),
        Fact("Of these may be paid now", f"{payable:,}"),
    ]
    here = f"{visit.base}/bank-files"
    view = ConfirmView(
        heading="Cut a file",
        consequence="What may be paid now goes into one file, the oldest first, as far as the money"
        " in the account goes. It leaves only once it is approved, and can be canceled until then.",
        facts=facts,
        action=f"{here}/cut/{scheme}",
        button="Cut the file",
        back=here,
        keep="Not yet",
        refused=refused,
    )
    return confirm(request, visit, view, status=409 if refused else 200)


def _scheme(request: Call) -> Scheme:
    for scheme in SCHEMES:
        if request.path_params["scheme"] == scheme:
            return scheme
    raise NotFound


ROUTES = [ask_to_cut, cut]
