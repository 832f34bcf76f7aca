"""Unspent allocations that have outlived their business's rule go back to the payout balance. The
oldest money is spent first; what an open order has reserved is not touched. In US cents.
"""

from datetime import datetime
from uuid import UUID

from payviox.allocations.queries import groups as queries
from payviox.db.pool import Connection, Database
from payviox.ledger import service as ledger
from payviox.ledger.model import PAYOUT, Posting, user

ACTOR = "expiry"
GROUP = 500
"""Payout users looked at together, and at most moved under one lock of the payout account."""

NOBODY = UUID(int=0)


async def expire_balances(database: Database) -> int:
    """Take back what has expired, of every business that has a lifetime set, a group of payout
    users at a time; answers how many cents. It may be interrupted anywhere and run again."""
    total = 0
    for business_id, before in await database.fetch(queries.expiring):
        total += await _expire_business(database, business_id, before)
    return total


async def _expire_business(database: Database, business_id: UUID, before: datetime) -> int:
    total, after = 0, NOBODY
    while True:
        group = await database.fetch(
            lambda db, after=after: queries.users_with_old_balance(  # type: ignore[misc]  # a default binds the loop's value
                db, business_id, before, after, GROUP
            )
        )
        if not group:
            return total
        after = group[-1]
        expired = await database.fetch(
            lambda db, group=group: queries.expired(db, business_id, before, group)  # type: ignore[misc]  # as above
        )
        if expired:
            total += await database.write(
                lambda db, ids=list(expired): _take_back(db, business_id, before, ids)  # type: ignore[misc]  # as above
            )


async def _take_back(
    connection: Connection, business_id: UUID, before: datetime, user_ids: list[UUID]
) -> int:
    """Look again under the locks, then move."""
    await ledger.lock(connection, business_id, [PAYOUT, *map(user, user_ids)])
    expired = await queries.expired(connection, business_id, before, user_ids)
    postings = [
        Posting("expiry", amount, user(user_id), PAYOUT, actor=ACTOR)
        for user_id, amount in expired.items()
    ]
    if postings:
        await ledger.post(connection, business_id, postings)
    return sum(expired.values())
