"""What rails told us, kept as it came: once for each event, verified before it gets here. It is
evidence and nothing more; what became of an order is looked up. Database only, in the caller's
transaction."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from payviox.db.pool import Connection
from payviox.rail_accounts.queries import callbacks as queries
from payviox.rail_accounts.queries.callbacks import KeptCallback

__all__ = ["KeptCallback", "forget_old", "keep", "list_latest", "list_of_order"]

KEPT_DAYS = 400
"""How long a callback is kept: a year's books with some time to close them."""

AT_ONCE = 10_000
"""The most that are forgotten in one transaction."""

NOT_KEPT = frozenset(
    {"authorization", "proxy-authorization", "cookie", "x-api-key", "x-payout-hash"}
)
"""Headers that may hold somebody's secret; no rail signs with any of them."""

list_of_order = queries.list_of_order
list_latest = queries.list_latest


async def keep(
    connection: Connection,
    business_id: UUID,
    rail: str,
    event_id: str,
    headers: Mapping[str, str],
    body: bytes,
    order_ids: Sequence[UUID],
) -> bool:
    """Keep a verified callback with the orders that it is about; whether it is new."""
    kept = {name: value for name, value in headers.items() if name not in NOT_KEPT}
    return await queries.insert(connection, business_id, rail, event_id, kept, body, order_ids)


async def forget_old(connection: Connection) -> int:
    """Forget the oldest whose time is up; answers how many."""
    return await queries.delete_older(connection, KEPT_DAYS, AT_ONCE)
