"""What one person started or signed and a second one has to: waiting acts, uploads, and orders that
can still be decided. Reading only; amounts are US cents."""

from uuid import UUID

import msgspec

from payviox.allocations.uploads import service as uploads
from payviox.allocations.uploads.model import Upload
from payviox.approvals import service as approvals
from payviox.approvals.service import WaitingAct
from payviox.db.pool import Connection
from payviox.reporting.queries import second_signatures as queries
from payviox.reporting.queries.second_signatures import SignedOrder

__all__ = ["SignedOrder", "WaitingAct", "waiting"]

MOST = 100
"""Of each of the three kinds."""


class Unsigned(msgspec.Struct, frozen=True):
    """What waits; `is_all` where no more than this does."""

    acts: list[WaitingAct]
    orders: list[SignedOrder]
    uploads: list[Upload]
    is_all: bool


async def waiting(connection: Connection, business_id: UUID) -> Unsigned:
    """What waits for a second person, the oldest first."""
    acts = await approvals.list_waiting(connection, business_id, MOST + 1)
    orders = await queries.signed_orders(connection, business_id, MOST + 1)
    files = await uploads.list_asked(connection, business_id, MOST + 1)
    is_all = max(len(acts), len(orders), len(files)) <= MOST
    return Unsigned(acts[:MOST], orders[:MOST], files[:MOST], is_all)
