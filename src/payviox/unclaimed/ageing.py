"""How old the money is that payout users have not taken. The worker looks after the fact, at those
alone whose accounts have moved, so that no allocation is slower for it."""

from uuid import UUID

from payviox.db.pool import Database
from payviox.unclaimed.queries import ageing as queries

WINDOW = 5_000
"""Accounts that are compared with what was last seen of them in one statement."""
AT_ONCE = 500
"""Payout users whose money is looked through in one transaction."""
NOBODY = UUID(int=0)


async def begin(database: Database) -> None:
    """See what everybody has of businesses of which nothing is summed: the first sum waits for no
    full hour."""
    for business_id in await database.fetch(queries.unsummed_businesses, WINDOW):
        await look_over(database, business_id)


async def look_over(database: Database, business_id: UUID) -> None:
    """See what everybody of a business has by now. Broken off, it is run again."""
    after: UUID | None = NOBODY
    while after is not None:
        seen = await database.fetch(queries.window, business_id, after, WINDOW)
        for at in range(0, len(seen.changed), AT_ONCE):
            changed = seen.changed[at : at + AT_ONCE]
            await database.write(queries.look, business_id, changed)
        after = seen.last
    await database.write(queries.sum_days, business_id)
