"""Reading payout users. Whoever changes one takes the payout account's lock first
(allocations/service.py): no allocation commits under what they were before."""

from uuid import UUID

from payviox import ids
from payviox.db.pool import Connection
from payviox.errors import NotFound
from payviox.payout_users.model import PayoutUser
from payviox.payout_users.queries import payout_users as queries
from payviox.payout_users.queries import search as search_queries

__all__ = [
    "count_hashes",
    "get",
    "hash_source",
    "list_ids",
    "list_page",
    "next_generation",
    "search",
    "set_digest",
    "set_status",
]

list_page = queries.list_page
search = search_queries.search
list_ids = queries.list_ids
count_hashes = queries.count_hashes
set_status = queries.set_status
hash_source = queries.hash_source
next_generation = queries.next_generation
set_digest = queries.set_digest


async def get(connection: Connection, business_id: UUID, user_id: UUID) -> PayoutUser:
    """Raises NotFound."""
    user = await queries.find(connection, business_id, user_id)
    if user is None:
        raise NotFound(missing=f"payout user {ids.show(ids.USER, user_id)}")
    return user
