"""Taking due orders and writing down what their rails answered, each many orders at a time in one
transaction. Database only: nothing here calls a rail."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from payviox.actors import WORKER
from payviox.acts import Alert
from payviox.db import account_locks
from payviox.db.pool import Connection
from payviox.event_log import EventLogger
from payviox.ledger import service as ledger
from payviox.order_states import SURELY_NOT_SENT, Status, check_transition
from payviox.rails.orders import ReadyOrder
from payviox.rails.protocol import Outcome, Rail, TakesBack
from payviox.rails.reviews import Review
from payviox.withdrawals import transitions
from payviox.withdrawals.model import (
    TAKING_BACK,
    Order,
    reference,
)
from payviox.withdrawals.queries import sending
from payviox.withdrawals.queries.sending import Held, Queue
from payviox.withdrawals.routing import Rails
from payviox.withdrawals.sending import booking
from payviox.withdrawals.sending.decisions import NEEDS_A_PERSON, Action, decide
from payviox.withdrawals.transitions import Entry

logger = EventLogger(__name__)

LEASE_S = 60.0
"""How long a claim is its holder's, in seconds; longer than starting and making a call may take."""

CHANGED: Review = "changed"


@dataclass(slots=True, eq=False)
class Claim:
    """An order that is ours until its lease ends, with what its rail is to be called for and the
    attempt that this is about.

    `attempt` and `order.leased_until` fence it: only a holder of both may record an outcome.
    """

    order: Held
    attempt: int
    action: Action
    queue: Queue
    called: bool = field(default=False)

    @property
    def reference(self) -> str:
        return reference(self.order.id, self.attempt)

    @property
    def starts(self) -> bool:
        """Whether the order leaves the queue by it."""
        return self.order.status == "queued"

    @property
    def status(self) -> Status:
        return "sending" if self.starts else self.order.status

    @property
    def ready(self) -> ReadyOrder:
        """The order, with the rail's own id of this attempt where an answer has told it."""
        same = self.attempt == self.order.attempt
        known = self.order.attempt_rail_order_id if same else None
        return replace(self.order.ready, rail_order_id=known)


async def take(
    connection: Connection, business_id: UUID, rails: Rails, room: Callable[[Queue], int]
) -> list[Claim]:
    """Claim what is due in one business, of each queue as much as there is `room` for. An order
    that is not what was reviewed is not claimed but goes back to review. A `sending` order is one
    whose holder's lease ran out: it is looked up."""
    claims = []
    queues = await sending.due_queues(connection, business_id)
    steady = await account_locks.share(connection, business_id, {queue.rail for queue in queues})
    for queue in queues:
        limit = room(queue) if queue.rail in steady else 0
        if limit > 0:
            claims += await _take(connection, business_id, rails, queue, limit)
    looks = [claim.order for claim in claims if not claim.starts]
    await sending.set_due(connection, business_id, [(order, order.leased_until) for order in looks])
    claims = await _without_unfunded(connection, business_id, claims)
    starts = [claim for claim in claims if claim.starts]
    await sending.start_sending(
        connection,
        business_id,
        [(c.order, c.attempt, c.reference, _request(c.order)) for c in starts],
    )
    for claim in starts:
        check_transition(claim.order.status, "sending")
    # Not into the story: one more try of an order that waits.
    begun = [claim.order for claim in starts if claim.order.waiting is None]
    await transitions.enter(connection, business_id, [Entry(o, "sending", WORKER) for o in begun])
    return claims


async def _without_unfunded(
    connection: Connection, business_id: UUID, claims: Sequence[Claim]
) -> list[Claim]:
    """The claims without those that would send an order whose money is not in transit, exactly:
    one that was paid before, or that nobody reserved money for, is for a person."""
    starting = [claim.order.id for claim in claims if claim.starts]
    if not starting:
        return list(claims)
    in_transit = await ledger.in_transit_of(connection, business_id, starting)
    funded = []
    for claim in claims:
        if claim.starts and in_transit.get(claim.order.id) != claim.order.amount:
            await _for_a_person(connection, claim.order, "order.not_funded")
        else:
            funded.append(claim)
    return funded


async def _take(
    connection: Connection, business_id: UUID, rails: Rails, queue: Queue, limit: int
) -> list[Claim]:
    claims = []
    # By turns: behind a hundred thousand overdue look-ups a new order's first one would wait for
    # hours, and so would they if only the newest were looked up.
    newest = not queue.new and random.random() < 0.5  # noqa: S311  # nobody gains by guessing it
    for order in await sending.lock_due(
        connection, business_id, queue, limit, LEASE_S, newest=newest
    ):
        try:
            claim = _claim(order, queue, rails.find(queue.rail))
        except Exception:  # one order's trouble is not the others'
            logger.exception("order cannot be claimed", order=str(order.id))
            await _for_a_person(connection, order)
            continue
        if claim is None:
            await _review_again(connection, order)
        else:
            claims.append(claim)
    return claims


def _claim(order: Held, queue: Queue, rail: Rail | None) -> Claim | None:
    """None where the order is not what was reviewed. Raises OverflowError after too many
    attempts."""
    if order.status != "queued":
        action: Action = "take_back" if _to_be_taken_back(order, rail) else "look_up"
        return Claim(order, order.attempt, action, queue)
    if order.reviewed_digest != order.digest:
        return None
    claim = Claim(order, _next_attempt(order), "submit", queue)
    reference(order.id, claim.attempt)
    again = claim.attempt == order.attempt and order.outcome not in SURELY_NOT_SENT
    if again and (order.attempt_rail_order_id is not None or _forgotten(order, rail)):
        claim.action = "look_up"
    return claim


def _to_be_taken_back(order: Held, rail: Rail | None) -> bool:
    """Whether somebody wants it back. Where nobody knows what the last try to do so came to, it is
    looked up before the next."""
    wanted = order.status == "sent" and order.waiting == TAKING_BACK
    clear = (order.answer or {}).get("state") != "unknown"
    return wanted and clear and isinstance(rail, TakesBack)


def _forgotten(order: Held, rail: Rail | None) -> bool:
    """Whether the attempt may have been sent and its rail may have forgotten it since: sent again,
    it could be paid twice. However long it has been in the queue, it is only looked up, and what
    the rail does not know then is for a person."""
    if rail is None or rail.remembers_s is None:
        return False
    return order.attempt_age_s >= rail.remembers_s


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
    await sending.back_to_review(connection, order, CHANGED)
    note = "amount or destination are not those that were reviewed"
    await transitions.enter(connection, order.business_id, [Entry(order, "review", WORKER, note)])
    await booking.alert(connection, [order], "order.changed_after_review")


async def _for_a_person(
    connection: Connection, order: Held, alert: Alert = "order.needs_a_person"
) -> None:
    """Leave it to a person: it stays as it is, can be taken back if it could be before, and is not
    tried again."""
    await sending.put_aside(connection, order, NEEDS_A_PERSON)
    await transitions.enter(
        connection, order.business_id, [Entry(order, order.status, WORKER, NEEDS_A_PERSON)]
    )
    await booking.alert(connection, [order], alert)


async def hand_back(connection: Connection, business_id: UUID, claims: Sequence[Claim]) -> None:
    """Claims whose rail was never called: back to the queue, for whoever comes next."""
    ours = await _still_ours(connection, business_id, claims)
    looks = [claim.order for claim, _ in ours if not claim.starts]
    await sending.set_due(connection, business_id, [(order, order.created_at) for order in looks])
    unsent = [order for claim, order in ours if claim.starts]
    if unsent:
        await sending.hand_back(connection, business_id, unsent)
    for order in unsent:
        check_transition(order.status, "queued")
    requeued = [order for order in unsent if order.waiting is None]
    await transitions.enter(
        connection, business_id, [Entry(o, "queued", WORKER, "handed back") for o in requeued]
    )


async def record(
    connection: Connection,
    business_id: UUID,
    answers: Sequence[tuple[Claim, Outcome, Rail | None]],
) -> None:
    """Write what rails answered: (claim, outcome, the rail if it is configured). Whoever lost their
    claim in the meantime changes nothing."""
    by_claim = {id(claim): (answer, rail) for claim, answer, rail in answers}
    ours = await _still_ours(connection, business_id, [claim for claim, _, _ in answers])
    decided = []
    for claim, order in ours:
        answer, rail = by_claim[id(claim)]
        decided.append((order, answer, decide(booking.case(order, rail, claim.action), answer)))
    await booking.book(connection, business_id, decided, WORKER)


async def set_aside(
    connection: Connection, business_id: UUID, claim: Claim, outcome: Outcome
) -> None:
    """An outcome that the ledger refuses to book: the order keeps its state and is for a person,
    with what the rail said beside it. Nothing is sent or looked up again by itself."""
    for _, order in await _still_ours(connection, business_id, [claim]):
        logger.error(
            "order.cannot_be_booked", order=str(order.id), rail=order.rail, said=outcome.state
        )
        await _for_a_person(connection, order, "order.cannot_be_booked")


async def _still_ours(
    connection: Connection, business_id: UUID, claims: Sequence[Claim]
) -> list[tuple[Claim, Held]]:
    by_id = {claim.order.id: claim for claim in claims}
    ours = []
    for order in await sending.lock_many(connection, business_id, list(by_id)):
        claim = by_id[order.id]
        if (order.status, order.attempt, order.due_at) == (
            claim.status,
            claim.attempt,
            claim.order.leased_until,
        ):
            ours.append((claim, order))
        else:
            logger.warning("claim lost before its outcome was recorded", order=str(order.id))
    return ours
