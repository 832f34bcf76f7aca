"""Allocations that an operator makes on a page: through the process's queue like every other, and
only while they are signed in and their role allows it, which the group's own transaction asks."""

from collections.abc import Sequence
from uuid import UUID

from payviox.allocations.batcher import Batcher
from payviox.allocations.engine import Declined, Record
from payviox.allocations.model import Allocated, Item, Outcome
from payviox.auth import sessions
from payviox.auth.sessions import Session, SignedOut
from payviox.db.pool import Connection
from payviox.idempotency.model import digest
from payviox.rights import service as rights


class _Ended(Declined):
    """The session has ended: the queue hands no other exception through."""


async def allocate(
    batcher: Batcher,
    session: Session,
    business_id: UUID,
    email: str,
    amount: int,
    key: str,
    reference: str | None = None,
) -> Allocated:
    """Pay cents to a canonical address, once for each key.

    Raises SignedOut, Forbidden, IdempotencyMismatch, Busy, and why an allocation is refused.
    """
    request = {"email": email, "amount": amount, "reference": reference}
    item = Item(email, amount, None, reference, key, digest(request).hex(), session.actor)
    try:
        (outcome,) = await batcher.submit(
            business_id, (item,), record=permitted(session, business_id)
        )
    except _Ended as error:
        raise SignedOut from error
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
