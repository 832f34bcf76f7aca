"""Writing down a decision on an order that is held: its columns, its money, its story, its alerts.
Database only, in the caller's transaction."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal
from uuid import UUID

from payviox import ids
from payviox.actors import Actor
from payviox.acts import Alert
from payviox.audit import service as audit
from payviox.db.pool import Connection
from payviox.event_log import EventLogger
from payviox.ledger import service as ledger
from payviox.ledger import suspense as items
from payviox.ledger.model import (
    FEE_INCOME,
    Posting,
    exchange,
    in_transit,
    rail_cost,
    settled,
    suspense,
)
from payviox.ledger.model import user as user_account
from payviox.rails.protocol import Outcome, Rail, TakesBack
from payviox.withdrawals import transitions
from payviox.withdrawals.queries import sending
from payviox.withdrawals.queries.sending import Held, Update
from payviox.withdrawals.sending.decisions import Action, Case, Decision
from payviox.withdrawals.service import release
from payviox.withdrawals.transitions import Entry

logger = EventLogger(__name__)


SPREAD = 0.1
"""By how much of its time a next look may come later, so that orders made together do not stay
together."""


def case(order: Held, rail: Rail | None, action: Action = "look_up") -> Case:
    """What is known of a held order; `rail` None where it is not configured."""
    return Case(
        order.status,
        order.attempt,
        order.outcome,
        order.attempt_age_s,
        order.order_age_s,
        order.waiting,
        rail.remembers_s if rail else None,
        rail.authoritative if rail else False,
        order.rounds,
        action,
        isinstance(rail, TakesBack),
    )


async def book(
    connection: Connection,
    business_id: UUID,
    decided: Sequence[tuple[Held, Outcome, Decision]],
    actor: Actor,
) -> None:
    """Write these decisions, each with the answer that led to it. The caller holds the orders."""
    returned = [order.id for order, _, d in decided if {"return", "back_after_all"} & set(d.money)]
    kept = await ledger.exchanged_of(connection, business_id, returned) if returned else {}
    postings = [
        p
        for order, answer, d in decided
        for p in _postings(order, answer, d, kept.get(order.id, 0), actor)
    ]
    if postings:
        moved = [order.id for order, _, decision in decided if decision.money]
        overtaken = await items.overtake(connection, business_id, moved)
        await ledger.post(connection, business_id, [*overtaken, *postings])
    await sending.record(connection, business_id, [_update(*one) for one in decided])
    story = [entry for one in decided for entry in _story(*one, actor)]
    await transitions.enter(connection, business_id, story)
    for name in sorted({d.alert for _, _, d in decided if d.alert is not None}):
        orders = [replace(o, waiting=d.waiting) for o, _, d in decided if d.alert == name]
        await alert(connection, orders, name)


def _postings(
    order: Held, answer: Outcome, decision: Decision, kept: int, actor: Actor
) -> list[Posting]:
    """The money of a decision, by the ledger's table in docs/architecture.md. What the order's own
    transfers `kept` by the books' rate, in cents, is what a return gives back of it: a person who
    settled it may have booked none."""
    transit, paid = in_transit(order.rail), settled(order.rail)
    owner = user_account(order.payout_user_id)
    moves: list[Posting] = []
    for money in decision.money:
        if money == "settle":
            moves.append(Posting("settle", order.net_amount, transit, paid))
            moves.append(Posting("fee", order.fees, transit, FEE_INCOME))
            moves.append(_exchanged("exchange", order.rail, answer.exchange))
        elif money == "release":
            moves.append(release(order, actor))
        elif money == "return":
            moves.append(_exchanged("exchange_return", order.rail, -kept))
            moves.append(Posting("return", order.net_amount, paid, owner))
            moves.append(Posting("fee_return", order.fees, FEE_INCOME, owner))
        elif money == "back_after_all":  # its item ends with the next comparison
            moves.append(_exchanged("exchange_return", order.rail, -kept))
        else:
            moves.append(Posting("paid_after_all", order.net_amount, suspense(order.rail), paid))
            moves.append(_exchanged("exchange", order.rail, answer.exchange))
    if _ends_an_attempt(decision):
        moves.append(Posting("cost", answer.cost or 0, FEE_INCOME, rail_cost(order.rail)))
    return [
        Posting(p.kind, p.amount, p.source, p.target, order_id=order.id, actor=actor)
        for p in moves
        if p.amount
    ]


def _exchanged(kind: Literal["exchange", "exchange_return"], rail: str, kept: int) -> Posting:
    """What the payer keeps of a payment by the books' rate is no money that left; below zero it
    comes on top."""
    if kept < 0:
        return Posting(kind, -kept, exchange(rail), settled(rail))
    return Posting(kind, kept, settled(rail), exchange(rail))


def _ends_an_attempt(decision: Decision) -> bool:
    """Whether this is the answer with which the rail's charge for the attempt counts: a payment
    that fails may cost something too, and what is only looked at again costs nothing more."""
    again = decision.states == ("queued",) and decision.outcome == "failed"
    return again or bool({"settle", "release", "paid_after_all"} & set(decision.money))


def _update(order: Held, answer: Outcome, decision: Decision) -> Update:
    booked = decision.outcome == answer.state and answer.state in ("accepted", "succeeded")
    reached = decision.money or booked
    return Update(
        order=order,
        status=decision.states[-1] if decision.states else order.status,
        announced=_is_announced(order, decision),
        waiting=decision.waiting,
        failure=decision.failure,
        due_in_s=_spread(decision.due_in_s),
        rail_order_id=answer.rail_order_id if reached else None,
        attempt_rail_order_id=answer.rail_order_id,
        details=answer.details if reached else {},
        outcome=decision.outcome,
        answer={
            "state": answer.state,
            "reason": answer.reason,
            **_error_before(order, answer),
            **answer.evidence,
        },
        rounds=order.rounds if decision.rounds is None else decision.rounds,
    )


def _spread(due_in_s: float | None) -> float | None:
    return None if due_in_s is None else due_in_s * random.uniform(1, 1 + SPREAD)  # noqa: S311  # no secret


def _error_before(order: Held, answer: Outcome) -> dict[str, Any]:
    """What broke the call, kept for a person while the rail has no other word on it."""
    error = (order.answer or {}).get("error")
    return {"error": error} if error and answer.state in ("unknown", "not_found") else {}


def _is_announced(order: Held, decision: Decision) -> bool:
    """Whether there is something new: not after one more vain try of an order that waits."""
    if decision.waiting == order.waiting:
        again = order.status == "sending" and decision.states == ("queued",)
        return bool(decision.states) and not (again and order.waiting)
    return bool(decision.states) or order.status == "sent"


def _story(order: Held, answer: Outcome, decision: Decision, actor: Actor) -> list[Entry]:
    if not _is_announced(order, decision):
        return []
    note = decision.waiting or decision.failure or answer.reason
    return [
        Entry(order, state, actor, note, answer.rail_order_id, answer.details)
        for state in decision.states or (order.status,)
    ]


async def alert(connection: Connection, orders: Sequence[Held], name: Alert) -> None:
    """Tell the operator what it is and what the orders wait for: in the log together, in the
    business's audit entries each."""
    logger.warning(
        name,
        count=len(orders),
        first=ids.show(ids.ORDER, orders[0].id),
        business=ids.show(ids.BUSINESS, orders[0].business_id),
        rail=orders[0].rail,
        waiting=", ".join(sorted({order.waiting for order in orders if order.waiting})),
    )
    await audit.alert_all(connection, orders[0].business_id, name, [_about(o) for o in orders])


def _about(order: Held) -> dict[str, object]:
    about: dict[str, object] = {
        "order": str(order.id),
        "rail": order.rail,
        "attempt": order.attempt,
    }
    error = (order.answer or {}).get("error")
    about |= {"waiting": order.waiting} if order.waiting else {}
    about |= {"error": error} if error else {}
    return about
