"""The sandbox rail's books, kept in our database: what that "vendor" remembers of each
reference."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from payviox.db.pool import Database
from payviox.rail_state.queries import sandbox
from payviox.rails.sandbox.books import KeptPayment, Payment

TOGETHER = 200
"""The most payments written in one transaction."""

PAGE = 1_000
"""Payments of one page of a statement."""

Asked = tuple[UUID, str, dict[str, Any]]


class SandboxBooks:
    """Implements payviox.rails.sandbox.books.Books. Payments asked for at once are written
    together, in a transaction of their own, as a vendor would have one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[tuple[Asked, asyncio.Future[bool]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def keep(self, business_id: UUID, reference: str, request: dict[str, Any]) -> Payment:
        """The first payment under this reference. Raises PermissionError for a live business."""
        written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(((business_id, reference, request), written))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        if await written:
            return Payment(request, 0.0)
        payment = await self.find(business_id, reference)
        if payment is None:
            raise PermissionError("the sandbox rail serves test businesses only")
        return payment

    async def find(self, business_id: UUID, reference: str) -> Payment | None:
        row = await self._database.fetch(sandbox.find_payment, business_id, reference)
        return None if row is None else Payment(row.request, row.age_s)

    async def list_since(
        self, business_id: UUID, since: datetime
    ) -> AsyncIterator[Sequence[KeptPayment]]:
        after = ""
        while True:
            rows = await self._database.fetch(
                lambda connection, after=after: sandbox.list_payments(  # type: ignore[misc]  # a default binds the place
                    connection, business_id, since, after, PAGE
                )
            )
            if not rows:
                return
            yield [KeptPayment(r.request, r.age_s, r.reference, r.created_at) for r in rows]
            after = rows[-1].reference

    async def _write(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
            try:
                new = await self._insert([payment for payment, _ in group])
            except Exception as error:  # noqa: BLE001  # told to each who waits
                for _, written in group:
                    if not written.done():
                        written.set_exception(error)
            else:
                for (business_id, reference, _), written in group:
                    if not written.done():
                        written.set_result((business_id, reference) in new)

    async def _insert(self, payments: list[Asked]) -> set[tuple[UUID, str]]:
        return await self._database.write(sandbox.insert_payments, payments, keyed=True)
