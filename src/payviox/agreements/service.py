"""A second person's approval of an act that waits: the act is done in the same transaction.
Database only."""

from uuid import UUID

from payviox.actors import Actor
from payviox.allocations import service as allocations
from payviox.approvals import service as approvals
from payviox.approvals.service import WaitingAct
from payviox.bank import second_person
from payviox.db.pool import Connection
from payviox.errors import Conflict
from payviox.reconciliation import resolve as resolving
from payviox.treasury import service as treasury

ROOMS = (
    treasury.do_approved,
    allocations.do_approved,
    resolving.do_approved,
    second_person.do_approved,
)


async def approve(
    connection: Connection, business_id: UUID, waiting_id: UUID, actor: Actor
) -> WaitingAct:
    """Do a waiting act as its second person.

    Raises what `approvals.approve` and the act do, and Conflict for what is not approved by a word
    alone: allocations, which go through their queue (`allocations/by_operators.py`), and a bank's
    reports (`bank/second_person.py`).
    """
    waiting = await approvals.approve(connection, business_id, waiting_id, actor)
    for do_approved in ROOMS:
        if await do_approved(connection, waiting, actor):
            return waiting
    raise Conflict(f"{waiting.act} is approved on its page alone")
