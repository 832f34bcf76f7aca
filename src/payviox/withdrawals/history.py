"""A payout user's history as they see it: what was allocated to them, what was taken back, and
their orders. Reading only. Amounts are US cents."""

from uuid import UUID

from payviox.db.pool import Connection
from payviox.withdrawals.queries import history
from payviox.withdrawals.queries.history import Movement

__all__ = ["Movement", "UnknownEntry", "page"]

BEYOND_ALL = 2**62


class UnknownEntry(Exception):
    """The cursor names no entry of this payout user's history."""


async def page(
    connection: Connection,
    business_id: UUID,
    user_id: UUID,
    *,
    after: UUID | int | None = None,
    limit: int,
) -> list[Movement]:
    """Entries, newest first, older than `after`: an order's id or a transfer's number.

    Raises UnknownEntry.
    """
    before: int | None
    match after:
        case None:
            before = BEYOND_ALL
        case int():
            before = await history.version_of_transfer(connection, business_id, user_id, after)
        case _:
            before = await history.version_of_order(connection, business_id, user_id, after)
    if before is None:
        raise UnknownEntry
    return await history.list_movements(
        connection, business_id, user_id, before=before, limit=limit
    )
