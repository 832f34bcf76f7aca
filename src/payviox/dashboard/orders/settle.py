"""A person's word on an order that no rail tells the end of: typed, asked, then booked."""

from collections.abc import Mapping
from typing import Any, cast

from litestar import Response, get, post

from payviox import ids
from payviox.dashboard.confirmations import ConfirmView, Fact, confirm
from payviox.dashboard.orders.decide import CHANGED
from payviox.dashboard.orders.recipients import recipient
from payviox.dashboard.orders.show import ROUTE, order_page, seen_of
from payviox.dashboard.visits import Visit, act, read, visit_of
from payviox.db.pool import Connection
from payviox.errors import Conflict
from payviox.money import dollars
from payviox.text import printable
from payviox.web.context import Call, services
from payviox.web.cursors import path_id
from payviox.web.forms import read_form
from payviox.web.pages import redirect
from payviox.withdrawals import manual_settlement
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals.manual_settlement import Ended
from payviox.withdrawals.model import Order

CONSEQUENCES: Mapping[Ended, str] = {
    "succeeded": "It is booked as paid out. The payout user does not get the money back.",
    "failed": "The money goes back to the payout user, who can withdraw it again.",
}


@get(f"{ROUTE}/settle", include_in_schema=False)
async def ask_to_settle(request: Call) -> Response[Any]:
    """Whether to book this."""
    visit = await visit_of(request)
    typed = request.query_params
    wrong = await _wrong(request, visit, typed)
    return wrong or await _ask(request, visit, typed)


@post(f"{ROUTE}/settle", include_in_schema=False, status_code=200, right="order.settle")
async def settle(request: Call) -> Response[Any]:
    """Book what was found out at the rail, for the attempt that the page showed."""
    visit = await visit_of(request)
    form = await read_form(request)
    wrong = await _wrong(request, visit, form)
    if wrong is not None:
        return wrong
    seen = await _order(request, visit)

    async def work(connection: Connection) -> Order:
        order = await withdrawals.lock(connection, visit.business.id, seen.id)
        if seen_of(order) != form.get("seen"):
            raise Conflict(CHANGED)
        return await manual_settlement.settle(
            connection,
            visit.business.id,
            seen.id,
            _ended(form),
            reason=form["reason"],
            actor=visit.session.actor,
            attempt=seen.attempt,
        )

    try:
        await manual_settlement.check_at_rail(services(request).rails, seen)
        order = await act(request, visit.session, work)
    except Conflict as error:
        refused = f"{str(error).removesuffix('.')}. Nothing was booked."
        return await order_page(request, visit, refused=refused, status=409)
    word = "signed" if order.status == "unknown" else "settled"
    return redirect(f"{visit.base}/orders/{ids.show(ids.ORDER, order.id)}?done={word}")


async def _wrong(request: Call, visit: Visit, form: Mapping[str, str]) -> Response[Any] | None:
    """The order's page with what is wrong with the form, if anything is."""
    errors: dict[str, list[str]] = {}
    if form.get("ended") not in CONSEQUENCES:
        errors["ended"] = ["Choose how it ended."]
    reason = form.get("reason", "")
    try:
        printable(reason)
    except ValueError as error:
        errors["reason"] = [f"The reason {error}."]
    if not errors:
        return None
    return await order_page(
        request, visit, status=422, errors=errors, reason=reason, ended=form.get("ended", "")
    )


async def _ask(request: Call, visit: Visit, form: Mapping[str, str]) -> Response[Any]:
    order = await _order(request, visit)
    try:
        manual_settlement.check(order)
    except Conflict as error:
        return await order_page(request, visit, refused=str(error), status=409)
    ended = _ended(form)
    address = f"{visit.base}/orders/{ids.show(ids.ORDER, order.id)}"
    view = ConfirmView(
        heading="Settle",
        consequence=f"{CONSEQUENCES[ended]} This cannot be taken back.",
        facts=[
            Fact("Payout user", order.email),
            Fact("Amount", cents=order.amount),
            Fact("To", recipient(order)),
            Fact("It has", ended),
            Fact("Reason", form["reason"]),
        ],
        action=f"{address}/settle",
        button=f"Book {dollars(order.amount)} as {ended}",
        back=address,
        keep="Book nothing",
        fields={"ended": ended, "reason": form["reason"], "seen": seen_of(order)},
        is_danger=True,
    )
    return confirm(request, visit, view)


async def _order(request: Call, visit: Visit) -> Order:
    order_id = path_id(request, ids.ORDER, "order")

    async def find(connection: Connection) -> Order:
        return await withdrawals.get(connection, visit.business.id, order_id)

    return await read(request, visit, find)


def _ended(form: Mapping[str, str]) -> Ended:
    return cast("Ended", form["ended"])


ROUTES = [ask_to_settle, settle]
