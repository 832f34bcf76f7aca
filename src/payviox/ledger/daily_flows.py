"""What moved through a business's own accounts on each day: summed by the worker after the fact,
so that a chart of millions of transfers reads some hundred rows. Days are UTC."""

from uuid import UUID

from payviox.db.pool import Connection, Database
from payviox.ledger.queries import daily_flows as queries
from payviox.ledger.queries.daily_flows import FlowRow, OwnAccount

__all__ = ["FlowRow", "OwnAccount", "list_since", "own_accounts", "sum_all"]

SLICE = 20_000
"""Versions of an account that are summed in one transaction."""

own_accounts = queries.own_accounts
list_since = queries.list_since


async def sum_all(database: Database) -> None:
    """Sum what moved since the last time. Broken off, it goes on where it was."""
    for business_id, account_id in await database.fetch(queries.behind):
        while await database.write(_sum_slice, business_id, account_id):
            pass


async def _sum_slice(connection: Connection, business_id: UUID, account_id: UUID) -> bool:
    """Whether there is more to sum."""
    after = await queries.hold(connection, business_id, account_id)
    version = await queries.version_of(connection, business_id, account_id)
    until = min(version, after + SLICE)
    if until > after:
        await queries.add(connection, business_id, account_id, after, until)
    return until < version
