"""Allocations that an operator makes on a page: through the process's queue like every other, and
only while they are signed in and their role allows it, which the group's own transaction asks. Over
the business's threshold a second person approves them first."""

from collections.abc import Sequence
from uuid import UUID

from payviox import actors
from payviox.allocations.batcher import Batcher
from payviox.allocations.engine import Declined, Record
from payviox.allocations.model import Allocated, Item, Outcome, own_key
from payviox.approvals import service as approvals
from payviox.approvals.service import WaitingAct
from payviox.auth import sessions
from payviox.auth.sessions import Session, SignedOut
from payviox.db.pool import Connection
from payviox.errors import Conflict
from payviox.idempotency.model import digest
from payviox.rights import service as rights


class _Ended(Declined):
    """The session has ended: the queue hands no other exception through."""


class _Undone(Declined):
    """The allocation is refused, so its approval is no longer given either."""


class NeedsSecondPerson(Conflict):
    message = "A second person has to approve this amount"


async def allocate(
    batcher: Batcher,
    session: Session,
    business_id: UUID,
    email: str,
    amount: int,
    key: str,
    reference: str | None = None,
) -> Allocated:
    """Pay cents to a canonical address, once for each form's key.

    Raises SignedOut, Forbidden, NeedsSecondPerson (then `ask` for one), IdempotencyMismatch, Busy,
    and why an allocation is refused.
    """

    async def check(connection: Connection, outcomes: Sequence[Outcome]) -> None:
        await permitted(session, business_id)(connection, outcomes)
        replayed = all(isinstance(each, Allocated) and each.replayed for each in outcomes)
        if not replayed and await approvals.needs_second(
            connection, business_id, session.actor, amount
        ):
            raise NeedsSecondPerson

    request_digest = _digest(email, amount, reference)
    form_key = own_key("form", key)
    item = Item(email, amount, None, reference, form_key, request_digest, session.actor)
    return await _submit(batcher, business_id, item, check)


async def ask(
    connection: Connection,
    session: Session,
    business_id: UUID,
    email: str,
    amount: int,
    reference: str | None = None,
) -> WaitingAct:
    """Put an allocation before a second person. Raises Forbidden, and Conflict where none is needed
    any more."""
    asked: dict[str, object] = {"email": email, "amount": amount}
    if reference is not None:
        asked["reference"] = reference
    waiting = await approvals.ask(
        connection, business_id, session.actor, "allocation.create", amount, asked
    )
    if waiting is None:
        raise Conflict("This amount needs no second person any more. Do it again.")
    return waiting


async def approve(
    batcher: Batcher, session: Session, business_id: UUID, waiting: WaitingAct
) -> Allocated:
    """Make a waiting allocation as its second person: it is allocated and ended together, or
    neither. The ledger names who asked for it.

    Raises what `allocate` and `approvals.approve` do.
    """

    async def check(connection: Connection, outcomes: Sequence[Outcome]) -> None:
        await permitted(session, business_id)(connection, outcomes)
        if not all(isinstance(each, Allocated) for each in outcomes):
            raise _Undone
        await approvals.approve(connection, business_id, waiting.id, session.actor)

    email, amount = str(waiting.parameters["email"]), int(waiting.parameters["amount"])
    asked_by = actors.operator(waiting.started_by)
    reference = waiting.parameters.get("reference")
    item = Item(
        email,
        amount,
        None,
        reference,
        own_key("approval", waiting.id),
        _digest(email, amount, reference),
        asked_by,
    )
    return await _submit(batcher, business_id, item, check)


async def _submit(batcher: Batcher, business_id: UUID, item: Item, record: Record) -> Allocated:
    refusals: list[Outcome] = []
    place = actors.place()

    async def remembered(connection: Connection, outcomes: Sequence[Outcome]) -> None:
        refusals[:] = outcomes
        with actors.at(place):  # the queue runs by itself, from nowhere
            await record(connection, outcomes)

    try:
        (outcome,) = await batcher.submit(business_id, (item,), record=remembered)
    except _Ended as error:
        raise SignedOut from error
    except _Undone:
        (outcome,) = refusals
    if not isinstance(outcome, Allocated):
        raise outcome
    return outcome


def permitted(session: Session, business_id: UUID) -> Record:
    """A record that lets the group commit only if the operator may allocate."""

    async def check(connection: Connection, _: Sequence[Outcome]) -> None:
        try:
            await sessions.require_open(connection, session)
        except SignedOut as error:
            raise _Ended from error
        await rights.require(connection, business_id, session.actor, "allocation.create")

    return check


def _digest(email: str, amount: int, reference: str | None) -> str:
    return digest({"email": email, "amount": amount, "reference": reference}).hex()
