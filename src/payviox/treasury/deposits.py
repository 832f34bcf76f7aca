"""Deposits of a business with what corrected them. A correction is a withdrawal of funds under the
deposit's own reference, so each deposit has one at the most. Amounts are US cents."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from payviox import ids
from payviox.actors import Actor
from payviox.approvals.service import WaitingAct
from payviox.db.pool import Connection
from payviox.errors import Conflict, NotFound
from payviox.ledger import service as ledger
from payviox.ledger.service import MovementRow
from payviox.money import dollars
from payviox.text import composed, spellings
from payviox.treasury import service as treasury
from payviox.treasury.service import Booked


class AlreadyCorrected(Conflict):
    message = "This deposit was corrected already. Withdraw funds under another reference instead."


class MoreThanDeposited(Conflict):
    """A correction takes back as much as was deposited, or less."""


class Correction(msgspec.Struct, frozen=True):
    """What was taken back of a deposit, and why."""

    amount: int
    reason: str
    actor: Actor
    made_at: datetime


class Deposit(msgspec.Struct, frozen=True):
    """Money that a business paid in. `id` is its transfer's number."""

    id: int
    amount: int
    reference: str
    actor: Actor
    made_at: datetime
    correction: Correction | None

    @property
    def remaining(self) -> int:
        """What the deposit comes to with its correction."""
        return self.amount - (self.correction.amount if self.correction else 0)


async def list_page(
    connection: Connection, business_id: UUID, *, after: int | None, limit: int
) -> list[Deposit]:
    """Deposits, newest first, older than the transfer `after`."""
    rows = await ledger.list_movements(
        connection, business_id, kind="deposit", after=after, limit=limit
    )
    return await _corrected(connection, business_id, rows)


async def get(connection: Connection, business_id: UUID, transfer_id: int) -> Deposit:
    """Raises NotFound."""
    rows = await ledger.list_movements(
        connection, business_id, kind="deposit", after=transfer_id + 1, limit=1
    )
    if not rows or rows[0].id != transfer_id:
        raise NotFound(missing=f"deposit {ids.show(ids.TRANSFER, str(transfer_id))}")
    return (await _corrected(connection, business_id, rows))[0]


async def correct(
    connection: Connection,
    business_id: UUID,
    transfer_id: int,
    amount: int,
    *,
    reason: str,
    actor: Actor,
) -> Booked | WaitingAct:
    """Take so much of a deposit out of the main balance again. Over the business's threshold it
    waits for a second person.

    Raises NotFound, AlreadyCorrected, MoreThanDeposited, and what `withdraw_funds` does.
    """
    deposit = await get(connection, business_id, transfer_id)
    if deposit.correction is not None:
        raise AlreadyCorrected
    if amount > deposit.amount:
        raise MoreThanDeposited(f"{dollars(deposit.amount)} were deposited, and no more")
    made = await treasury.withdraw_funds(
        connection, business_id, amount, deposit.reference, reason=reason, actor=actor
    )
    if isinstance(made, Booked) and made.already_booked:
        raise AlreadyCorrected
    return made


async def _corrected(
    connection: Connection, business_id: UUID, rows: Sequence[MovementRow]
) -> list[Deposit]:
    references = [row.reference for row in rows if row.reference is not None]
    corrections: dict[str, Correction] = {}
    if references:
        every = [spelling for text in references for spelling in spellings(text)]
        withdrawals = await ledger.list_movements(
            connection,
            business_id,
            kind="funds_withdrawal",
            references=every,
            limit=len(every),
        )
        corrections = {
            composed(row.reference or ""): Correction(
                row.amount, row.reason or "", Actor(row.actor or ""), row.created_at
            )
            for row in withdrawals
        }
    return [
        Deposit(
            id=row.id,
            amount=row.amount,
            reference=row.reference or "",
            actor=Actor(row.actor or ""),
            made_at=row.created_at,
            correction=corrections.get(composed(row.reference or "")),
        )
        for row in rows
    ]
