"""What a business's rails sell, as they last said. Database only, in the caller's transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from payviox.db.pool import Connection
from payviox.rail_accounts import product_queries as queries


@dataclass(frozen=True, slots=True)
class Product:
    """One product in the rail's own words."""

    id: str
    product: dict[str, Any]
    fetched_at: datetime


async def replace(
    connection: Connection, business_id: UUID, rail: str, products: Mapping[str, Mapping[str, Any]]
) -> None:
    """Keep these products, by their ids, and no others of this rail. Readers see all of the old
    ones or all of the new ones."""
    # Two at once would meet in the middle: the account's row says who goes first.
    await queries.lock_account(connection, business_id, rail)
    await queries.delete_all(connection, business_id, rail)
    await queries.insert(connection, business_id, rail, products)
