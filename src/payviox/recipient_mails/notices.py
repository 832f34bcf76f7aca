"""Turning what was collected for a payout user into one mail."""

from uuid import UUID

from payviox import ids
from payviox.db.pool import Connection, Database
from payviox.mails import outbox
from payviox.mails.model import NewMail
from payviox.recipient_mails.queries import notices as queries

AT_ONCE = 500
"""Mails written in one transaction."""


async def due_businesses(database: Database) -> list[UUID]:
    """Whose payout users are to be told of allocations now."""
    return await database.fetch(queries.due_businesses)


async def write_due(database: Database, business_id: UUID, *, early: bool = False) -> None:
    """Write a mail for each payout user with allocations that are due, until there are none; where
    it is `early`, also of those that more would be added to."""
    while await database.write(_write, business_id, early):
        pass


async def _write(connection: Connection, business_id: UUID, early: bool) -> bool:
    """Whether there may be more."""
    due = await queries.take_due(connection, business_id, AT_ONCE, early=early)
    mails = [
        NewMail(
            f"allocations {notice.id}",
            notice.email,
            "money_received",
            {"user": ids.show(ids.USER, notice.payout_user_id), "cents": notice.amount},
        )
        for notice in due
    ]
    await outbox.put_all(connection, business_id, mails)
    return len(due) == AT_ONCE
