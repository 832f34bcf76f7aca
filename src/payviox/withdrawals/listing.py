"""Orders for whoever only looks: pages of them, counts, a payout user's totals, what orders wait
for, and the lists that somebody named."""

from uuid import UUID

from payviox import ids
from payviox.db.pool import Connection
from payviox.errors import FieldErrors, NotFound
from payviox.text import printable
from payviox.withdrawals.queries import listing, orders
from payviox.withdrawals.queries.listing import Criteria, Found, SavedView
from payviox.withdrawals.queries.orders import COUNTED, Sum

__all__ = [
    "COUNTED",
    "Criteria",
    "Found",
    "SavedView",
    "Sum",
    "count_states",
    "find_by_rail_id",
    "forget_view",
    "list_page",
    "list_views",
    "save_view",
    "search",
    "sum_waiting",
    "totals_of_user",
    "waiting_causes",
]

MOST_VIEWS = 50
LONGEST_QUERY = 1_000

list_page = orders.list_page
totals_of_user = orders.totals_of_user
waiting_causes = orders.waiting_causes
find_by_rail_id = listing.find_by_rail_id
sum_waiting = orders.sum_waiting
search = listing.search
count_states = listing.count_states


async def list_views(
    connection: Connection, business_id: UUID, operator_id: UUID
) -> list[SavedView]:
    """An operator's own lists and those that others share, by name."""
    return await listing.list_views(connection, business_id, operator_id, MOST_VIEWS)


async def save_view(
    connection: Connection,
    business_id: UUID,
    operator_id: UUID,
    name: str,
    query: str,
    *,
    shared: bool,
) -> None:
    """Name a list. Raises FieldErrors for the name."""
    try:
        name = printable(name)
    except ValueError as error:
        raise FieldErrors({"name": [f"The name {error}."]}) from error
    views = await list_views(connection, business_id, operator_id)
    if len(views) >= MOST_VIEWS or len(query) > LONGEST_QUERY:
        raise FieldErrors({"name": ["There are too many lists. Remove one first."]})
    view = SavedView(ids.new(), operator_id, name, query, shared)
    await listing.insert_view(connection, business_id, view)


async def forget_view(
    connection: Connection, business_id: UUID, view_id: UUID, operator_id: UUID
) -> None:
    """Remove a list of one's own. Raises NotFound."""
    if not await listing.delete_view(connection, business_id, view_id, operator_id):
        raise NotFound
