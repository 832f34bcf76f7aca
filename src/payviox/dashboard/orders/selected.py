"""One decision on many orders: their number and total are said first; then each is decided on by
itself, bound to what was shown, and the page says what became of each."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, post

from payviox import ids
from payviox.actors import Actor
from payviox.dashboard.orders.decide import CHANGED
from payviox.dashboard.orders.recipients import recipient
from payviox.dashboard.orders.show import seen_of
from payviox.dashboard.visits import Visit, act, read, show, visit_of
from payviox.db.pool import Connection
from payviox.errors import Conflict, FieldErrors, NotFound
from payviox.money import dollars
from payviox.rights import proof
from payviox.text import printable
from payviox.web.context import Call
from payviox.web.forms import read_form
from payviox.web.pages import redirect
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals.model import Order

ROUTE = "/dashboard/{business:str}/orders/selected"
MOST = 50
Decide = Callable[[Connection, Order, Actor, str | None], Awaitable[Order]]


class Words(msgspec.Struct, frozen=True):
    """How a decision is told: before, on its button, and after."""

    verb: str
    consequence: str
    done: str
    has_note: bool = False


WORDS: Mapping[str, Words] = {
    "approve": Words("Approve", "What is approved is sent. This cannot be taken back.", "approved"),
    "reject": Words(
        "Reject", "The money goes back to each payout user, who reads the note.", "rejected", True
    ),
    "cancel": Words("Cancel", "The money goes back to each payout user.", "canceled"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """An order and, once it was decided on, what became of it. `amount` is US cents."""

    id: str
    address: str
    email: str
    to: str
    amount: int
    seen: str
    outcome: str | None = None
    is_done: bool = False


class SelectedView(msgspec.Struct, frozen=True):
    """Before: what will be decided. After: `is_done`, with what became of each."""

    heading: str
    words: Words
    lines: list[Line]
    total: int
    number_done: int
    total_done: int
    above: int
    action: str
    button: str
    back: str
    note: str
    is_done: bool
    errors: dict[str, list[str]]


@post(f"{ROUTE}/approve", include_in_schema=False, status_code=200, right="order.approve")
async def approve_selected(request: Call) -> Response[Any]:
    """Ask about, then approve, the chosen orders."""

    async def decide(connection: Connection, order: Order, actor: Actor, _: str | None) -> Order:
        return await withdrawals.approve(connection, order.business_id, order.id, actor)

    return await _decide(request, "approve", decide)


@post(f"{ROUTE}/reject", include_in_schema=False, status_code=200, right="order.reject")
async def reject_selected(request: Call) -> Response[Any]:
    """Ask about, then reject, the chosen orders."""

    async def decide(connection: Connection, order: Order, actor: Actor, note: str | None) -> Order:
        return await withdrawals.reject(connection, order.business_id, order.id, actor, note)

    return await _decide(request, "reject", decide)


@post(f"{ROUTE}/cancel", include_in_schema=False, status_code=200, right="order.cancel")
async def cancel_selected(request: Call) -> Response[Any]:
    """Ask about, then cancel, the chosen orders."""

    async def decide(connection: Connection, order: Order, actor: Actor, _: str | None) -> Order:
        return await withdrawals.cancel(connection, order.business_id, order.id, actor)

    return await _decide(request, "cancel", decide)


async def _decide(request: Call, verb: str, decide: Decide) -> Response[Any]:
    visit = await visit_of(request)
    form = await read_form(request)
    chosen = _chosen(form)
    if not chosen:
        return redirect(f"{visit.base}/orders")
    orders = await read(request, visit, _orders, visit.business.id, list(chosen))
    lines = [_line(visit, each, chosen[each.id]) for each in orders]
    note, errors = form.get("note", "").strip(), {}
    if form.get("confirmed") == "yes":
        errors = _wrong(note)
        if not errors:
            await act(request, visit.session, _prove, visit, verb, lines)
            done = [
                await _one(request, visit, line, chosen, decide, note or None) for line in lines
            ]
            return _page(request, visit, verb, done, note, is_done=True)
    return _page(request, visit, verb, lines, note, errors=errors)


async def _prove(_: Connection, visit: Visit, verb: str, lines: list[Line]) -> None:
    """Ask for fresh proof before the first is decided on, not in the midst of them."""
    if verb == "approve":
        most = max(line.amount for line in lines)
        threshold = visit.business.second_person_amount
        proof.require(visit.session.actor, "order.approve", most)
        if threshold is not None and most > threshold:
            proof.require(visit.session.actor, "approval.sign")


async def _one(
    request: Call,
    visit: Visit,
    line: Line,
    chosen: Mapping[UUID, str],
    decide: Decide,
    note: str | None,
) -> Line:
    """Decide on one order in a transaction of its own."""
    order_id = ids.parse(ids.ORDER, line.id)

    async def work(connection: Connection) -> Order:
        if order_id is None:
            raise NotFound
        order = await withdrawals.lock(connection, visit.business.id, order_id)
        if seen_of(order) != chosen[order_id]:
            raise Conflict(CHANGED)
        return await decide(connection, order, visit.session.actor, note)

    try:
        order = await act(request, visit.session, work)
    except (Conflict, FieldErrors) as error:
        return _with(line, str(error), is_done=False)
    if order.status == "review":
        return _with(line, "Signed by you. A second person has to approve it.", is_done=False)
    return _with(line, f"Now {order.status}.", is_done=True)


def _with(line: Line, outcome: str, *, is_done: bool) -> Line:
    return Line(
        line.id, line.address, line.email, line.to, line.amount, line.seen, outcome, is_done
    )


def _chosen(form: Mapping[str, str]) -> dict[UUID, str]:
    """The orders that were ticked, each with what was shown of it."""
    named = [(ids.parse(ids.ORDER, name), text) for name, text in form.items()]
    return dict([(key, text) for key, text in named if key is not None][:MOST])


async def _orders(connection: Connection, business_id: UUID, order_ids: list[UUID]) -> list[Order]:
    """Raises NotFound where one is not the business's."""
    return [await withdrawals.get(connection, business_id, each) for each in sorted(order_ids)]


def _wrong(note: str) -> dict[str, list[str]]:
    try:
        if note:
            printable(note)
    except ValueError as error:
        return {"note": [f"The note {error}."]}
    return {}


def _line(visit: Visit, order: Order, seen: str) -> Line:
    shown = ids.show(ids.ORDER, order.id)
    return Line(
        shown,
        f"{visit.base}/orders/{shown}",
        order.email,
        recipient(order),
        order.amount,
        seen,
        None if seen_of(order) == seen else "It changed since the list was shown.",
    )


def _page(
    request: Call,
    visit: Visit,
    verb: str,
    lines: list[Line],
    note: str,
    *,
    is_done: bool = False,
    errors: dict[str, list[str]] | None = None,
) -> Response[Any]:
    words = WORDS[verb]
    total = sum(line.amount for line in lines)
    done = [line for line in lines if line.is_done]
    number = "1 order" if len(lines) == 1 else f"{len(lines)} orders"
    threshold = visit.business.second_person_amount
    view = SelectedView(
        heading=f"{words.verb} {number}",
        words=words,
        lines=lines,
        total=total,
        number_done=len(done),
        total_done=sum(line.amount for line in done),
        above=sum(line.amount > threshold for line in lines)
        if threshold is not None and verb == "approve"
        else 0,
        action=f"{visit.base}/orders/selected/{verb}",
        button=f"{words.verb} {number}, {dollars(total)}",
        back=f"{visit.base}/orders",
        note=note,
        is_done=is_done,
        errors=errors or {},
    )
    return show(request, visit, "orders/selected.html", view, status=422 if errors else 200)


ROUTES = [approve_selected, reject_selected, cancel_selected]
