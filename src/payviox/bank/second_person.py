"""Reports that a person imports move money by that person's word: one that gives back more than the
business's threshold is imported by two. The second one gets the file from the bank, too: what the
first one has is not enough. What comes by the folder or the pinned server is the bank's own word.
Database only, in the caller's transaction."""

from uuid import UUID

from payviox.actors import Actor
from payviox.approvals import service as approvals
from payviox.approvals.service import Refused, WaitingAct
from payviox.bank.model import Source
from payviox.bank.queries import imports as queries
from payviox.db.pool import Connection
from payviox.errors import Conflict
from payviox.rights import service as rights
from payviox.rights.roles import Right

ACT: Right = "bank_report.import"
MOST = 500
"""Acts of a business that wait at once."""


class Unsigned(Exception):
    """Nobody else has imported this report yet: what it did is rolled back, and `ask` is called."""

    def __init__(self, amount: int) -> None:
        super().__init__()
        self.amount = amount


class OtherAmount(Conflict):
    message = (
        "It gives back another amount by now than when it was first imported. Cancel what waits"
        " under Approvals, and import it anew."
    )


class ImportToApprove(Conflict):
    message = "Import the same file, as the bank gives it to you: that approves it."


async def require(
    connection: Connection,
    business_id: UUID,
    actor: Actor,
    source: Source,
    digest: str,
    amount: int,
) -> None:
    """Let a report go on that gives back so many US cents, alone or as the second person of what
    waits. Raises Unsigned, Refused for who imported it first, Forbidden, and Conflict for a command
    that names nobody."""
    waiting = await _find(connection, business_id, digest)
    alone = source != "upload" or not await approvals.needs_second(
        connection, business_id, actor, amount
    )
    if alone:
        if waiting is not None:  # the bank has brought it, or it gives back nothing any more
            await approvals.cancel(connection, business_id, waiting.id, actor)
        return
    if waiting is None:
        raise Unsigned(amount)
    if waiting.started_by == rights.operator_of(actor):
        raise Refused
    if waiting.amount != amount:
        raise OtherAmount
    await approvals.approve(connection, business_id, waiting.id, actor)


async def ask(
    connection: Connection,
    business_id: UUID,
    actor: Actor,
    digest: str,
    file_name: str,
    amount: int,
) -> WaitingAct:
    """Put a report before a second person. Raises Forbidden, and Conflict where the rule or what
    waits has changed meanwhile."""
    await queries.lock(connection, business_id)  # of several who import it at once one asks
    asked = {"file": file_name, "sha256": digest}
    if await _find(connection, business_id, digest) is None:
        waiting = await approvals.ask(connection, business_id, actor, ACT, amount, asked)
        if waiting is not None:
            return waiting
    raise Conflict("Somebody changed what this waits for. Import it again.")


async def do_approved(_: Connection, waiting: WaitingAct, __: Actor) -> bool:
    """False: another room's. Raises ImportToApprove: a word alone is not enough."""
    if waiting.act == ACT:
        raise ImportToApprove
    return False


async def _find(connection: Connection, business_id: UUID, digest: str) -> WaitingAct | None:
    waiting = await approvals.list_waiting(connection, business_id, MOST)
    return next(
        (each for each in waiting if each.act == ACT and each.parameters["sha256"] == digest), None
    )
