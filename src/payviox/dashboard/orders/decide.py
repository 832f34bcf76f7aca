"""Decisions on one order, each bound to what its page showed: approve, reject, cancel, look up."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Response, post

from payviox import ids
from payviox.actors import Actor
from payviox.dashboard.orders.show import ROUTE, order_page, seen_of
from payviox.dashboard.visits import act, visit_of
from payviox.db.pool import Connection
from payviox.errors import Conflict, FieldErrors
from payviox.web.context import Call
from payviox.web.cursors import path_id
from payviox.web.forms import read_form
from payviox.web.pages import redirect
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals.model import Order

Decide = Callable[[Connection, Order, Actor], Awaitable[Order]]
CHANGED = "The order changed while you were reading. Look at it again."


@post(f"{ROUTE}/approve", include_in_schema=False, status_code=200, right="order.approve")
async def approve(request: Call) -> Response[Any]:
    """Let a reviewed order go, as the page showed it."""

    async def decide(connection: Connection, order: Order, actor: Actor) -> Order:
        return await withdrawals.approve(connection, order.business_id, order.id, actor)

    return await _decide(request, "approved", decide)


@post(f"{ROUTE}/reject", include_in_schema=False, status_code=200, right="order.reject")
async def reject(request: Call) -> Response[Any]:
    """Refuse an order that was not sent; the note goes to the payout user."""
    note = (await read_form(request)).get("note", "").strip() or None

    async def decide(connection: Connection, order: Order, actor: Actor) -> Order:
        return await withdrawals.reject(connection, order.business_id, order.id, actor, note)

    return await _decide(request, "rejected", decide)


@post(f"{ROUTE}/cancel", include_in_schema=False, status_code=200, right="order.cancel")
async def cancel(request: Call) -> Response[Any]:
    """Take an order back."""

    async def decide(connection: Connection, order: Order, actor: Actor) -> Order:
        return await withdrawals.cancel(connection, order.business_id, order.id, actor)

    return await _decide(request, "canceled", decide)


@post(f"{ROUTE}/look-up", include_in_schema=False, status_code=200, right="order.look_up")
async def look_up(request: Call) -> Response[Any]:
    """Have the worker ask the rail about it now; that moves nothing by itself."""

    async def decide(connection: Connection, order: Order, actor: Actor) -> Order:
        await withdrawals.look_up_now(connection, order.business_id, order.id, actor)
        return order

    return await _decide(request, "looked-up", decide)


async def _decide(request: Call, word: str, decide: Decide) -> Response[Any]:
    visit = await visit_of(request)
    form = await read_form(request)
    order_id = path_id(request, ids.ORDER, "order")

    async def work(connection: Connection) -> Order:
        order = await withdrawals.lock(connection, visit.business.id, order_id)
        if seen_of(order) != form.get("seen"):
            raise Conflict(CHANGED)
        return await decide(connection, order, visit.session.actor)

    try:
        order = await act(request, visit.session, work)
    except Conflict as error:
        return await order_page(request, visit, refused=str(error), status=409)
    except FieldErrors as error:
        note = form.get("note", "")
        return await order_page(request, visit, errors=error.fields, note=note, status=422)
    if word == "approved" and order.status == "review":
        word = "signed"
    return redirect(f"{visit.base}/orders/{ids.show(ids.ORDER, order.id)}?done={word}")


ROUTES = [approve, reject, cancel, look_up]
