"""What payout users had at a moment, laid beside who they are."""

from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from payviox.db.pool import Connection
from payviox.ledger import statements
from payviox.payout_users.model import PayoutUser


async def of_users(
    connection: Connection, business_id: UUID, users: list[PayoutUser], at: datetime | None
) -> list[PayoutUser]:
    """These payout users with what they had at a moment, nothing before they were made; as they are
    without one. Raises FieldErrors where the moment is still to come."""
    if at is None:
        return users
    await statements.require_past(connection, at=at)
    held = await statements.user_balances_at(
        connection, business_id, [user.id for user in users], at
    )
    return [replace(user, balance=held[user.id]) for user in users]
