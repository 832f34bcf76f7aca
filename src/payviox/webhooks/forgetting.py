"""Forgetting attempts at deliveries: what was sent where, and what a receiver answered. The events,
and whether each was delivered, are kept."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from payviox import ids
from payviox.db.pool import Connection
from payviox.webhooks.queries import attempts as queries


async def forget_old_attempts(
    connection: Connection, business_id: UUID, days: int, limit: int
) -> int:
    """Forget attempts older than so many days, so many at most; answers how many."""
    before = ids.first_at(datetime.now(UTC) - timedelta(days=days))
    return await queries.delete_old(connection, business_id, before, days, limit)
