"""Taking due orders and writing down what their rails answered, each many orders at a time in one
transaction. Database only: nothing here calls a rail."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from payviox.businesses import service as businesses
from payviox.db.pool import Connection
from payviox.ledger import service as ledger
from payviox.ledger.model import FEE_INCOME, Posting, in_transit, rail_cost, settled, suspense
from payviox.ledger.model import user as user_account
from payviox.rails.base import Outcome, ReadyOrder
from payviox.withdrawals import stories
from payviox.withdrawals.model import Order, Status, check_transition, reference
from payviox.withdrawals.outcomes import Case, Decision, decide
from payviox.withdrawals.queries import processing
from payviox.withdrawals.queries.processing import Held, Update
from payviox.withdrawals.service import release
from payviox.withdrawals.stories import Entry

logger = structlog.get_logger(__name__)

LEASE_S = 60.0
"""How long a claim is its holder's, in seconds; longer than starting and making a call may take."""

ACTOR = "worker"


@dataclass(slots=True, eq=False)
class Claim:
    """An order that is ours until its lease ends, with the attempt to make or to look up.

    `attempt` and `order.leased_until` fence it: only a holder of both may record an outcome.
    """

    order: Held
    attempt: int
    submit: bool
    called: bool = field(default=False)

    @property
    def reference(self) -> str:
        return reference(self.order.id, self.attempt)

    @property
    def status(self) -> Status:
        return "sending" if self.submit else self.order.status

    @property
    def ready(self) -> ReadyOrder:
        """As it was validated before it was kept."""
        order = self.order
        return ReadyOrder(
            order.business_id,
            order.id,
            order.provider,
            order.amount,
            order.fees,
            order.net_amount,
            order.destination,
            order.email,
        )


async def take(connection: Connection, business_id: UUID, limit: int) -> list[Claim]:
    """Claim what is due in one business. An order that is not what was reviewed is not claimed but
    goes back to review. A `sending` order is one whose holder's lease ran out: it is looked up."""
    claims = []
    for order in await processing.lock_due(connection, business_id, limit, LEASE_S):
        if order.status != "queued":
            claims.append(Claim(order, order.attempt, submit=False))
        elif order.reviewed_digest != order.digest:
            await _review_again(connection, order)
        else:
            claims.append(Claim(order, _next_attempt(order), submit=True))
    looks = [claim.order for claim in claims if not claim.submit]
    await processing.set_due(connection, [(order, order.leased_until) for order in looks])
    submits = [claim for claim in claims if claim.submit]
    await processing.start_sending(
        connection, [(c.order, c.attempt, c.reference, _request(c.order)) for c in submits]
    )
    for claim in submits:
        check_transition(claim.order.status, "sending")
    # Not into the story: one more try of an order that waits.
    begun = [claim.order for claim in submits if claim.order.waiting is None]
    await stories.enter(connection, business_id, [Entry(o, "sending", ACTOR) for o in begun])
    return claims


def _next_attempt(order: Held) -> int:
    """The last attempt again unless it definitely failed: then, and only then, a new one."""
    new = order.attempt == 0 or order.outcome == "failed"
    return order.attempt + 1 if new else order.attempt


def _request(order: Order) -> dict[str, object]:
    return {
        "rail": order.rail,
        "provider": order.provider,
        "amount": order.amount,
        "net_amount": order.net_amount,
        "destination": order.destination,
    }


async def _review_again(connection: Connection, order: Held) -> None:
    check_transition(order.status, "review")
    await processing.back_to_review(connection, order, "changed")
    note = "amount or destination are not those that were reviewed"
    await stories.enter(connection, order.business_id, [Entry(order, "review", ACTOR, note)])
    await _alert(connection, [order], "order.changed_after_review")


async def hand_back(connection: Connection, business_id: UUID, claims: Sequence[Claim]) -> None:
    """Claims whose rail was never called: back to the queue, for whoever comes next."""
    held = await _still_ours(connection, business_id, claims)
    looks = [claim.order for claim, _ in held if not claim.submit]
    await processing.set_due(connection, [(order, order.created_at) for order in looks])
    unsent = [order for claim, order in held if claim.submit]
    if unsent:
        await processing.hand_back(connection, unsent)
    for order in unsent:
        check_transition(order.status, "queued")
    told = [order for order in unsent if order.waiting is None]
    await stories.enter(
        connection, business_id, [Entry(o, "queued", ACTOR, "handed back") for o in told]
    )


async def record(
    connection: Connection,
    business_id: UUID,
    answers: Sequence[tuple[Claim, Outcome, float | None]],
) -> None:
    """Write what rails answered: (claim, outcome, how long that rail remembers references). Whoever
    lost their claim in the meantime changes nothing."""
    by_claim = {id(claim): (answer, remembers) for claim, answer, remembers in answers}
    held = await _still_ours(connection, business_id, [claim for claim, _, _ in answers])
    decided = []
    for claim, order in held:
        answer, remembers_s = by_claim[id(claim)]
        case = Case(
            order.status,
            order.attempt,
            order.outcome,
            order.attempt_age_s,
            order.order_age_s,
            order.waiting,
            remembers_s,
        )
        decided.append((order, answer, decide(case, answer)))
    postings = [p for order, answer, d in decided for p in _postings(order, answer, d)]
    if postings:
        await ledger.post(connection, business_id, postings)
    await processing.record(connection, [_update(*one) for one in decided])
    story = [entry for one in decided for entry in _story(*one)]
    await stories.enter(connection, business_id, story)
    for action in sorted({d.alert for _, _, d in decided if d.alert is not None}):
        await _alert(connection, [o for o, _, d in decided if d.alert == action], action)


async def _still_ours(
    connection: Connection, business_id: UUID, claims: Sequence[Claim]
) -> list[tuple[Claim, Held]]:
    by_id = {claim.order.id: claim for claim in claims}
    held = []
    for order in await processing.lock_many(connection, business_id, list(by_id)):
        claim = by_id[order.id]
        if (order.status, order.attempt, order.due_at) == (
            claim.status,
            claim.attempt,
            claim.order.leased_until,
        ):
            held.append((claim, order))
        else:
            logger.warning("claim lost before its outcome was recorded", order=str(order.id))
    return held


def _postings(order: Held, answer: Outcome, decision: Decision) -> list[Posting]:
    """The money of a decision, by the ledger's table in docs/architecture.md."""
    transit, paid = in_transit(order.rail), settled(order.rail)
    owner = user_account(order.payout_user_id)
    moves: list[Posting] = []
    for money in decision.money:
        if money == "settle":
            moves.append(Posting("settle", order.net_amount, transit, paid))
            moves.append(Posting("fee", order.fees, transit, FEE_INCOME))
            moves.append(Posting("cost", answer.cost or 0, FEE_INCOME, rail_cost(order.rail)))
        elif money == "release":
            moves.append(release(order, ACTOR))
        elif money == "return":
            moves.append(Posting("return", order.net_amount, paid, owner))
            moves.append(Posting("fee_return", order.fees, FEE_INCOME, owner))
        else:
            moves.append(Posting("paid_after_all", order.net_amount, suspense(order.rail), paid))
    return [
        Posting(p.kind, p.amount, p.source, p.target, order_id=order.id, actor=ACTOR)
        for p in moves
        if p.amount
    ]


def _update(order: Held, answer: Outcome, decision: Decision) -> Update:
    reached = decision.money or "sent" in decision.states
    return Update(
        order=order,
        status=decision.states[-1] if decision.states else order.status,
        told=_told(order, decision),
        waiting=decision.waiting,
        failure=decision.failure,
        due_in_s=decision.due_in_s,
        rail_order_id=answer.rail_order_id if reached else None,
        details=answer.details if reached else {},
        outcome=decision.outcome,
        answer={"state": answer.state, "reason": answer.reason, **answer.evidence},
    )


def _told(order: Held, decision: Decision) -> bool:
    """Whether the story has something new: not for one more vain try of an order that waits."""
    return bool(decision.states) and not (
        decision.states == ("queued",) and order.waiting and decision.waiting == order.waiting
    )


def _story(order: Held, answer: Outcome, decision: Decision) -> list[Entry]:
    if not _told(order, decision):
        return []
    note = decision.waiting or decision.failure or answer.reason
    return [
        Entry(order, state, ACTOR, note, answer.rail_order_id, answer.details)
        for state in decision.states
    ]


async def _alert(connection: Connection, orders: Sequence[Held], action: str) -> None:
    """Tell the operator: in the log together, in the business's audit entries each."""
    logger.warning(action, count=len(orders), first=str(orders[0].id), rail=orders[0].rail)
    for order in orders:
        detail = {"order": str(order.id), "rail": order.rail, "attempt": order.attempt}
        await businesses.audit(connection, order.business_id, ACTOR, action, detail)
