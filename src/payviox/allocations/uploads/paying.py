"""Paying uploads: the worker takes the rows in the file's order, a chunk at a time, through the
allocation engine. What became of a row is written in the transaction that moves its money, so that
a worker which dies at any moment leaves nothing half done and the next one goes on from there."""

import logging
from collections.abc import Sequence
from uuid import UUID

from payviox import ids
from payviox.actors import Actor
from payviox.allocations.batcher import Batcher
from payviox.allocations.engine import Declined, Record
from payviox.allocations.model import Allocated, Item, Outcome, own_key
from payviox.allocations.queries import upload_rows as rows_queries
from payviox.allocations.queries import uploads as queries
from payviox.allocations.uploads.model import Payment, Turn
from payviox.audit import service as audit
from payviox.db.pool import Connection, Database
from payviox.errors import Forbidden, InsufficientPayoutBalance, PayoutsDisabled, PayvioxError
from payviox.idempotency.model import digest
from payviox.rights import service as rights

logger = logging.getLogger(__name__)

CHUNK = 500
"""Rows in one commit: others who allocate wait for its lock."""

UPLOAD = "upload"
"""Begins the keys of uploads' transfers, by which who had a hand in them is found."""
INSUFFICIENT = "The payout balance does not cover the next payment."
DISABLED = "Payouts are switched off."
FORBIDDEN = "Who confirmed it may not allocate any more."


class _TakenOver(Declined):
    """The upload is another worker's by now, or goes on no more."""


async def due_businesses(database: Database) -> list[UUID]:
    """Whose uploads are due and nobody's."""
    return await database.fetch(queries.due_businesses)


async def pay_due(database: Database, batcher: Batcher, business_id: UUID) -> None:
    """Pay every upload of a business that is due, one after another."""
    while (turn := await database.write(queries.claim, business_id)) is not None:
        try:
            await _pay(database, batcher, business_id, turn)
        except _TakenOver:
            logger.info("upload %s goes on elsewhere, or no more", _shown(turn))
        except Forbidden:
            await database.write(_stop, business_id, turn, FORBIDDEN)


async def _pay(database: Database, batcher: Batcher, business_id: UUID, turn: Turn) -> None:
    after = 0
    while True:
        payments = await database.fetch(
            rows_queries.next_payments, business_id, turn.upload_id, after, CHUNK
        )
        if not payments:
            await database.write(queries.finish, business_id, turn)
            return
        outcomes = await batcher.submit(
            business_id,
            [_item(turn, payment) for payment in payments],
            record=_record(business_id, turn, payments),
            begun=True,
        )
        why = _why_to_stop(outcomes)
        if why is not None:
            return
        after = payments[-1].number


def _item(turn: Turn, payment: Payment) -> Item:
    request = {
        "email": payment.email,
        "amount": payment.amount,
        "reference": payment.reference,
    }
    return Item(
        payment.email,
        payment.amount,
        None,
        payment.reference,
        own_key(UPLOAD, turn.upload_id, payment.number),
        digest(request).hex(),
        Actor(turn.started_by),
    )


def key_prefix(upload_id: UUID) -> str:
    """How the idempotency keys of an upload's transfers begin; they end in the row's number."""
    return own_key(UPLOAD, upload_id, "")


def _record(business_id: UUID, turn: Turn, payments: Sequence[Payment]) -> Record:
    """Writes what became of a chunk's rows, in the transaction that pays them. Whoever confirmed it
    has to be allowed to allocate still."""

    async def record(connection: Connection, outcomes: Sequence[Outcome]) -> None:
        await rights.require(connection, business_id, Actor(turn.started_by), "allocation.create")
        paid = [
            payment
            for payment, outcome in zip(payments, outcomes, strict=True)
            if isinstance(outcome, Allocated)
        ]
        refused = [
            {"r": payment.number, "s": "refused", "p": str(outcome)}
            for payment, outcome in zip(payments, outcomes, strict=True)
            if isinstance(outcome, PayvioxError) and _stopping(outcome) is None
        ]
        amount = sum(payment.amount for payment in paid)
        if not await queries.add_paid(
            connection, business_id, turn, len(paid), amount, len(refused)
        ):
            raise _TakenOver
        settled = [{"r": payment.number, "s": "paid", "p": None} for payment in paid] + refused
        if await rows_queries.settle(connection, business_id, turn.upload_id, settled) != len(
            settled
        ):
            raise _TakenOver
        why = _why_to_stop(outcomes)
        if why is not None:
            await _stop(connection, business_id, turn, why)

    return record


async def _stop(connection: Connection, business_id: UUID, turn: Turn, why: str) -> None:
    """Until a person lets it go on; somebody is told."""
    if await queries.stop(connection, business_id, turn, why):
        detail = {"upload": _shown(turn), "why": why}
        await audit.alert(connection, business_id, "upload.stopped", detail)


def _why_to_stop(outcomes: Sequence[Outcome]) -> str | None:
    reasons = (_stopping(outcome) for outcome in outcomes if isinstance(outcome, PayvioxError))
    return next((why for why in reasons if why is not None), None)


def _stopping(error: PayvioxError) -> str | None:
    """Why the upload cannot go on, None where only this row is refused."""
    if isinstance(error, InsufficientPayoutBalance):
        return INSUFFICIENT
    return DISABLED if isinstance(error, PayoutsDisabled) else None


def _shown(turn: Turn) -> str:
    return ids.show(ids.UPLOAD, turn.upload_id)
