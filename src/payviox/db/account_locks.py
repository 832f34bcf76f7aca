"""Between claiming a business's orders at a rail and replacing the account that they go to: either
an order was claimed before, and whoever replaces the account sees it, or it goes to the new one."""

from collections.abc import Collection
from uuid import UUID

from payviox.db.pool import Connection

_KEY = "hashtextextended('rail account ' || %(business)s::text || ' ' || rail, 0)"
_FROM = " FROM unnest(%(rails)s::text[]) AS rail"
SHARE = f"SELECT rail{_FROM} WHERE pg_try_advisory_xact_lock_shared({_KEY})"
HOLD = f"SELECT pg_advisory_xact_lock({_KEY}){_FROM}"


async def share(connection: Connection, business_id: UUID, rails: Collection[str]) -> set[str]:
    """Share the accounts of those rails that nobody is replacing now, nor will before this
    transaction ends. Never waits: for the others' orders there is another time. Taken before any
    row."""
    cursor = await connection.execute(SHARE, {"business": business_id, "rails": list(rails)})
    return {str(row[0]) for row in await cursor.fetchall()}


async def hold(connection: Connection, business_id: UUID, rail: str) -> None:
    """Keep the rail's orders from being claimed until this transaction ends; waits for those who
    are claiming some. Taken before any row."""
    await connection.execute(HOLD, {"business": business_id, "rails": [rail]})
