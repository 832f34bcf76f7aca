"""What the worker does by the clock, whichever worker's turn it is: expiry, the ledger's audit,
tidying. Every task may be interrupted and run again.
"""

import logging
from collections.abc import Awaitable, Callable

from payviox.allocations.expiry import expire_balances
from payviox.allocations.queries import forget_old_groups
from payviox.db import jobs
from payviox.db.pool import Database
from payviox.money import dollars

logger = logging.getLogger(__name__)


async def expire(database: Database) -> None:
    """Take back unspent allocations that have outlived their business's rule."""
    cents = await expire_balances(database)
    if cents:
        logger.info("unspent balances expired: %s", dollars(cents))


async def tidy(database: Database) -> None:
    """Forget what only the last hours needed."""
    await database.write(forget_old_groups)
    await database.write(jobs.forget_lost)


SCHEDULE: dict[str, tuple[str, Callable[[Database], Awaitable[object]]]] = {
    "expire_balances": ("*/10 * * * *", expire),
    "tidy": ("5 * * * *", tidy),
}
"""Each task's cron line (UTC) and what it does."""
