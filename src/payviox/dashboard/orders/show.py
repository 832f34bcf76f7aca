"""`…/orders/<order>`: one order's whole story, what to weigh, and the decisions that it still
allows. What is decided is bound to what the page showed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get

from payviox import actors, ids
from payviox.acts import Act
from payviox.approvals import service as approvals
from payviox.approvals.service import Signature
from payviox.auth import operators
from payviox.businesses.model import Business
from payviox.dashboard.orders.recipients import recipient, terms
from payviox.dashboard.orders.risk_card import RiskCard, risk_card
from payviox.dashboard.orders.story import Event, events_of, operators_in, shown_people
from payviox.dashboard.visits import Visit, read, show, visit_of
from payviox.db.pool import Connection
from payviox.order_states import CANCELABLE, OPEN, REJECTABLE
from payviox.rails.reasons import Reason, Who
from payviox.rails.waiting import PERSON, can_resume
from payviox.reporting import order_timeline
from payviox.reporting.order_timeline import OrderTimeline
from payviox.rights.service import operator_of
from payviox.web.context import Call
from payviox.web.cursors import path_id
from payviox.withdrawals import risk, second_person, whereabouts
from payviox.withdrawals.model import Attempt, Order
from payviox.withdrawals.risk import Risk
from payviox.withdrawals.whereabouts import Whereabouts

ROUTE = "/dashboard/{business:str}/orders/{order:str}"
DONE = {
    "approved": "The order goes on.",
    "signed": "You signed it. A second person has to approve it before anything is done.",
    "rejected": "The order is rejected; the money is back.",
    "canceled": "The order is canceled.",
    "looked-up": "The rail is being asked now. Its answer will be here.",
    "settled": "It is booked.",
    "resumed": "The orders that waited for this are tried now.",
}
WHO: Mapping[Who, str] = {
    "payout_user": "The payout user",
    "business": "You, somebody of this organization",
    "operator": "You, at the rail or in Payviox",
    "rail": "The rail",
    "nobody": "Nobody, it goes on by itself",
}
LOOKED_UP = ("sent", "unknown", "succeeded", "failed", "canceled", "rejected")
"""States in which a rail may be asked about an order that was tried."""


class Why(msgspec.Struct, frozen=True):
    """A reason in words, and whose turn it is."""

    reason: Reason
    who: str


@dataclass(frozen=True, slots=True)
class Found:
    """What the page reads."""

    story: OrderTimeline
    risk: Risk | None
    signed_by: dict[str, str]
    settling: list[Signature]
    people: dict[str, str]


class Said(msgspec.Struct, frozen=True):
    """What one person has signed about how the order ended, for another one to say the same."""

    who: str
    is_mine: bool
    ended: str
    reason: str


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order as somebody decides on it. `seen` names this state, amount and destination; where
    two people decide, `signers` have signed it, and `is_signed` by who looks."""

    order: Order
    where: Whereabouts
    is_open: bool
    who: str
    shown_id: str
    to: str
    user: str
    address: str
    seen: str
    whys: list[Why]
    events: list[Event]
    card: RiskCard | None
    offers: frozenset[str]
    needs_two: bool
    signers: list[str]
    is_signed: bool
    said: Said | None
    last_attempt: Attempt | None
    terms: list[tuple[str, str]]
    resume: str | None
    done: str | None = None
    refused: str | None = None
    note: str = ""
    reason: str = ""
    ended: str = ""
    errors: dict[str, list[str]] = field(default_factory=dict)


@get(ROUTE, include_in_schema=False)
async def show_order(request: Call) -> Response[Any]:
    """One order."""
    visit = await visit_of(request)
    done = DONE.get(request.query_params.get("done", ""))
    return await order_page(request, visit, done=done)


async def order_page(
    request: Call, visit: Visit, *, status: int = 200, **more: Any
) -> Response[Any]:
    """The page, with what was refused or is wrong with what somebody typed."""
    order_id = path_id(request, ids.ORDER, "order")
    found = await read(request, visit, _find, visit.business, order_id)
    return show(request, visit, "orders/show.html", _view(visit, found, **more), status=status)


async def _find(connection: Connection, business: Business, order_id: UUID) -> Found:
    business_id = business.id
    story = await order_timeline.timeline_of(connection, business_id, order_id)
    order = story.order
    weighed = await risk.of_order(connection, order) if order.status == "review" else None
    signed: list[UUID] = []
    settling: list[Signature] = []
    asks_two = business.second_person_amount is not None
    if asks_two and order.status == "review":
        digest = second_person.signed_digest(order)
        signatures = await approvals.list_signatures(
            connection, business_id, order_id, "order.approve"
        )
        signed = [each.operator_id for each in signatures if each.digest == digest]
    if asks_two and order.status == "unknown":
        settling = [
            each
            for each in await approvals.list_signatures(
                connection, business_id, order_id, "order.settle"
            )
            if each.digest == second_person.signed_digest(order, each.typed)
        ]
    acted = [operator_of(each) for each in operators_in(story)]
    people = [*signed, *(each.operator_id for each in settling), *(each for each in acted if each)]
    emails = await operators.emails(connection, people) if people else {}
    signed_by: dict[str, str] = {
        actors.operator(each): emails.get(each, "somebody") for each in signed
    }
    return Found(story, weighed, signed_by, settling, shown_people(emails))


def _view(visit: Visit, found: Found, **more: Any) -> OrderView:
    order = found.story.order
    where = whereabouts.of_order(order)
    shown = ids.show(ids.ORDER, order.id)
    threshold = visit.business.second_person_amount
    attempts = found.story.of(Attempt)
    said = _said(visit, found)
    if said is not None:
        more = {"ended": said.ended, "reason": said.reason} | more
    if order.status == "succeeded" and more.get("done") == DONE["approved"]:
        more = more | {"done": None}  # that it was paid says more
    return OrderView(
        order=order,
        where=where,
        is_open=order.status in OPEN,
        who=WHO[where.who],
        shown_id=shown,
        to=recipient(order),
        user=f"{visit.base}/users/{ids.show(ids.USER, order.payout_user_id)}",
        address=f"{visit.base}/orders/{shown}",
        seen=seen_of(order),
        whys=[Why(each, WHO[each.who]) for each in found.story.reasons],
        events=events_of(found.story, found.people),
        card=None if found.risk is None else risk_card(visit.base, order, found.risk),
        offers=_offers(visit, order),
        needs_two=threshold is not None and order.amount > threshold,
        signers=list(found.signed_by.values()),
        is_signed=visit.session.actor in found.signed_by,
        said=said,
        last_attempt=attempts[-1] if attempts else None,
        terms=terms(order),
        resume=(
            f"{visit.base}/orders/resume?waiting={order.waiting}&from={shown}"
            if can_resume(order.waiting, order.rail) and visit.may("order.resume")
            else None
        ),
        **more,
    )


def _said(visit: Visit, found: Found) -> Said | None:
    """What was signed first, of others before one's own: that is what is left to be said again."""
    me = visit.session.operator_id
    for each in sorted(found.settling, key=lambda one: one.operator_id == me):
        who = found.people.get(actors.operator(each.operator_id), "somebody")
        return Said(who, each.operator_id == me, each.typed["ended"], each.typed["reason"])
    return None


def seen_of(order: Order) -> str:
    """Names what the page showed: state, attempt, amount, destination."""
    return f"{order.status}:{order.attempt}:{order.digest.hex()}"


def _offers(visit: Visit, order: Order) -> frozenset[str]:
    """What this order allows and this person may do."""
    tried = order.attempt > 0
    allowed: dict[str, tuple[Act, bool]] = {
        "approve": ("order.approve", order.status == "review"),
        "reject": ("order.reject", order.status in REJECTABLE),
        "cancel": (
            "order.cancel",
            order.status in CANCELABLE or order.can_be_taken_back,
        ),
        "look_up": ("order.look_up", tried and order.status in LOOKED_UP),
        "settle": (
            "order.settle",
            (order.status, order.waiting) == ("unknown", PERSON),
        ),
    }
    return frozenset(name for name, (act, can) in allowed.items() if can and visit.may(act))


ROUTES = [show_order]
