"""What a business's rails sell, as they last said: kept, so that a catalogue is there while its
rail is away."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from payviox.db.pool import Connection, Database
from payviox.rail_state.queries import products as queries
from payviox.rail_state.together import Together


class Products:
    """Implements payviox.rails.tremendous.catalogue.Products. Products are JSON objects by the
    rail's own ids. Those that are looked up at the same time are read together."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._finding = Together(self._find)

    async def list(self, business_id: UUID, rail: str) -> Sequence[Mapping[str, Any]]:
        """All of them, in the order of their ids."""
        return await self._database.fetch(queries.list_all, business_id, rail)

    async def find(self, business_id: UUID, rail: str, product_id: str) -> Mapping[str, Any] | None:
        return await self._finding.ask((business_id, rail), product_id)

    async def _find(
        self, key: tuple[UUID, str], asked: Sequence[str]
    ) -> Sequence[Mapping[str, Any] | None]:
        found = await self._database.fetch(queries.find_many, *key, asked)
        return [found.get(product_id) for product_id in asked]

    async def replace(
        self, business_id: UUID, rail: str, products: Mapping[str, Mapping[str, Any]]
    ) -> None:
        """Keep these and no others, where the account is still connected. Readers see all of the
        old ones or all of the new ones."""

        async def work(connection: Connection) -> None:
            # Of two at once the second must see what the first wrote before it takes that away.
            if not await queries.lock_account(connection, business_id, rail):
                return
            await queries.delete_all(connection, business_id, rail)
            await queries.insert_all(connection, business_id, rail, products)

        await self._database.write(work, keyed=True)
