"""`…/orders/<order>`: one order's whole story, and the decisions that it still allows. What is
decided is bound to what the page showed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Response, get, post

from payviox import ids
from payviox.actors import Actor
from payviox.acts import Act
from payviox.audit.model import AuditEntry
from payviox.dashboard.orders.recipients import recipient
from payviox.dashboard.visits import Visit, act, read, show, visit_of
from payviox.db.pool import Connection
from payviox.errors import Conflict, FieldErrors, NotFound
from payviox.ledger.model import show_account
from payviox.ledger.service import MovementRow
from payviox.order_states import CANCELABLE, REJECTABLE
from payviox.rail_accounts.callbacks import KeptCallback
from payviox.rails.waiting import Reason
from payviox.reporting import order_timeline
from payviox.reporting.order_timeline import Answered, Fact, OrderTimeline
from payviox.web.context import Call
from payviox.web.cursors import path_id
from payviox.web.forms import read_form
from payviox.web.pages import redirect
from payviox.webhooks.log import Entry as WebhookEvent
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals.model import UNCLAIMED, Attempt, Order, StateEntry

ROUTE = "/dashboard/{business:str}/orders/{order:str}"
DONE = {
    "approved": "The order goes on.",
    "signed": "You signed it. A second person has to approve it before anything is sent.",
    "rejected": "The order is rejected; the money is back.",
    "canceled": "The order is canceled.",
}
Decide = Callable[[Connection, Order, Actor], Awaitable[Order]]


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the story. `amount` is US cents."""

    at: datetime
    title: str
    by: str | None = None
    detail: str | None = None
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order as somebody decides on it. `seen` names this state, amount and destination."""

    order: Order
    shown_id: str
    to: str
    address: str
    seen: str
    reasons: list[Reason]
    events: list[Event]
    offers: frozenset[str]
    done: str | None = None
    refused: str | None = None
    note: str = ""
    errors: dict[str, list[str]] = field(default_factory=dict)


@get(ROUTE, include_in_schema=False)
async def show_order(request: Call) -> Response[Any]:
    """One order."""
    visit = await visit_of(request)
    done = DONE.get(request.query_params.get("done", ""))
    return await _page(request, visit, done=done)


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


async def _decide(request: Call, word: str, decide: Decide) -> Response[Any]:
    visit = await visit_of(request)
    form = await read_form(request)
    order_id = path_id(request, ids.ORDER, "order")

    async def work(connection: Connection) -> Order:
        order = await withdrawals.lock(connection, visit.business.id, order_id)
        if seen_of(order) != form.get("seen"):
            raise Conflict("The order changed while you were reading. Look at it again.")
        return await decide(connection, order, visit.session.actor)

    try:
        order = await act(request, visit.session, work)
    except Conflict as error:
        return await _page(request, visit, refused=str(error), status=409)
    except FieldErrors as error:
        note = form.get("note", "")
        return await _page(request, visit, errors=error.fields, note=note, status=422)
    shown = ids.show(ids.ORDER, order.id)
    if word == "approved" and order.status == "review":
        word = "signed"
    return redirect(f"{visit.base}/orders/{shown}?done={word}")


async def _page(request: Call, visit: Visit, *, status: int = 200, **more: Any) -> Response[Any]:
    order_id = path_id(request, ids.ORDER, "order")
    story = await read(request, visit, _story, visit.business.id, order_id)
    return show(request, visit, "orders/show.html", _view(visit, story, **more), status=status)


async def _story(connection: Connection, business_id: UUID, order_id: UUID) -> OrderTimeline:
    story = await order_timeline.timeline(connection, order_id)
    if story.order.business_id != business_id:
        raise NotFound
    return story


def _view(visit: Visit, story: OrderTimeline, **more: Any) -> OrderView:
    order = story.order
    shown = ids.show(ids.ORDER, order.id)
    return OrderView(
        order=order,
        shown_id=shown,
        to=recipient(order),
        address=f"{visit.base}/orders/{shown}",
        seen=seen_of(order),
        reasons=story.reasons,
        events=[_event(entry.at, entry.fact) for entry in story.entries],
        offers=_offers(visit, order),
        **more,
    )


def seen_of(order: Order) -> str:
    """Names what the page showed: state, amount, destination."""
    return f"{order.status}:{order.digest.hex()}"


def _offers(visit: Visit, order: Order) -> frozenset[str]:
    """What this order allows and this person may do."""
    allowed: dict[str, tuple[Act, bool]] = {
        "approve": ("order.approve", order.status == "review"),
        "reject": ("order.reject", order.status in REJECTABLE),
        "cancel": (
            "order.cancel",
            order.status in CANCELABLE or (order.status, order.waiting) == ("sent", UNCLAIMED),
        ),
    }
    return frozenset(name for name, (act, can) in allowed.items() if can and visit.may(act))


def _event(at: datetime, fact: Fact) -> Event:
    """What a person reads of a fact; an alert's or act's details are in the audit log."""
    if isinstance(fact, StateEntry):
        event = Event(at, fact.status, fact.actor, fact.note)
    elif isinstance(fact, Attempt):
        event = Event(at, f"Attempt {fact.number}", detail=fact.reference)
    elif isinstance(fact, Answered):
        title = f"Attempt {fact.attempt.number}: {fact.attempt.outcome}"
        event = Event(at, title, detail=fact.attempt.rail_order_id)
    elif isinstance(fact, KeptCallback):
        event = Event(at, f"Callback from {fact.rail}", detail=fact.event_id)
    elif isinstance(fact, MovementRow):
        path = [
            show_account(fact.from_kind, fact.from_rail),
            show_account(fact.to_kind, fact.to_rail),
        ]
        event = Event(at, fact.kind, detail=" → ".join(path), amount=fact.amount)
    elif isinstance(fact, AuditEntry):
        event = Event(at, fact.act, fact.actor)
    elif isinstance(fact, WebhookEvent):
        event = Event(at, f"Webhook {fact.event.type}")
    else:
        event = Event(at, "Gift card revealed")
    return event


ROUTES = [show_order, approve, reject, cancel]
