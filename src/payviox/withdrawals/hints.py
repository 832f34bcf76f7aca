"""What somebody heard of orders at a rail: no more than a reason to look them up soon. Database
only, in the caller's transaction."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from payviox import ids
from payviox.db import jobs
from payviox.db.pool import Connection
from payviox.withdrawals.queries import hints


async def orders_named(
    connection: Connection,
    business_id: UUID,
    rail: str,
    references: Iterable[str],
    rail_order_ids: Iterable[str],
) -> list[UUID]:
    """The business's orders at this rail that are named by references of ours or by the rail's own
    ids. What names none is left out."""
    named = [ids.parse(ids.ORDER, reference.rpartition(".")[0]) for reference in references]
    return await hints.find_orders(
        connection,
        business_id,
        rail,
        [order_id for order_id in named if order_id is not None],
        list(rail_order_ids),
    )


async def look_soon(connection: Connection, business_id: UUID, order_ids: Sequence[UUID]) -> int:
    """Have the worker look these up now, whatever it asks just now included; answers how many can
    be. States that are final stand: only success and failure may still change at the rail."""
    due = await hints.make_due(connection, business_id, order_ids)
    if due:
        await jobs.wake(connection, jobs.PROCESS_ORDERS, business_id)
    return due
