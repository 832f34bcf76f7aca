"""The requests of a business, as they are looked at and forgotten."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from payviox import ids
from payviox.api_requests.model import ApiRequest, LastUse, Outcome
from payviox.api_requests.queries import requests as queries
from payviox.db.pool import Connection, Database
from payviox.errors import NotFound

MOST = 100_000
"""So many of a business are kept: the latest."""
AT_ONCE = 10_000
"""So many are deleted in one transaction."""


async def list_page(
    connection: Connection,
    business_id: UUID,
    *,
    method: str | None = None,
    outcome: Outcome | None = None,
    status: int | None = None,
    key_hint: str | None = None,
    path: str | None = None,
    after: UUID | None = None,
    limit: int,
) -> list[ApiRequest]:
    """Newest first; `path` is how it begins."""
    return await queries.list_page(
        connection,
        business_id,
        method=method,
        outcome=outcome,
        status=status,
        key_hint=key_hint,
        path=path,
        before=after,
        limit=limit,
    )


async def get(connection: Connection, business_id: UUID, request_id: UUID) -> ApiRequest:
    """Raises NotFound."""
    found = await queries.find(connection, business_id, request_id)
    if found is None:
        raise NotFound
    return found


async def last_use(
    connection: Connection, business_id: UUID, key_hint: str, made_at: datetime
) -> LastUse | None:
    """The latest request with the key that ends so and was made then; None where none is kept."""
    return await queries.find_last(connection, business_id, key_hint, ids.first_at(made_at))


async def key_uses(connection: Connection, business_id: UUID) -> dict[UUID, LastUse]:
    """When each restricted key was last used, by the key's id, of those that were."""
    uses = await queries.list_uses(connection, business_id)
    return {use.key_id: LastUse(use.called_at, use.place) for use in uses}


async def forget_old(database: Database, business_id: UUID, days: int) -> int:
    """Delete what is older than so many days, or more than is kept; answers how many."""
    oldest = ids.first_at(datetime.now(UTC) - timedelta(days=days))
    surplus = await database.fetch(queries.id_at, business_id, MOST)
    deleted = 0
    while True:
        count = await database.write(
            queries.delete, business_id, max(oldest, surplus or oldest), AT_ONCE
        )
        deleted += count
        if count < AT_ONCE:
            return deleted
