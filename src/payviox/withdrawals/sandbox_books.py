"""The sandbox rail's books, kept in our database: what that "vendor" remembers of each reference."""

from typing import Any
from uuid import UUID

from payviox.db.pool import Database
from payviox.rails.sandbox import Payment
from payviox.withdrawals.queries import sandbox


class SandboxBooks:
    """Implements payviox.rails.sandbox.Books. Each call is a transaction of its own, as a call to a
    vendor would be."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, business_id: UUID, reference: str, request: dict[str, Any]) -> Payment:
        """The first payment under this reference. Raises PermissionError for a live business."""
        await self._database.write(
            lambda connection: sandbox.insert_payment(connection, business_id, reference, request),
            keyed=True,
        )
        payment = await self.find(business_id, reference)
        if payment is None:
            raise PermissionError("the sandbox rail serves test businesses only")
        return payment

    async def find(self, business_id: UUID, reference: str) -> Payment | None:
        row = await self._database.fetch(
            lambda connection: sandbox.find_payment(connection, business_id, reference)
        )
        return None if row is None else Payment(row.request, row.age_s)
