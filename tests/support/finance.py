"""Comparing a test business's books with its vendor's, and looking at what that leaves behind."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from payviox.db.pool import Connection, Database
from payviox.ledger import suspense
from payviox.ledger.queries import verify as queries
from payviox.ledger.queries.verify import list_businesses
from payviox.ledger.suspense import Item
from payviox.ledger.verify import verify
from payviox.reconciliation import service
from payviox.reconciliation.model import Report
from payviox.withdrawals.model import Order
from support.vendor import Vendor
from support.withdrawals import Desk


async def check_all_books(database: Database) -> None:
    """Of every business of a database."""
    async with database.read() as connection:
        found = await verify(connection)
    assert found.businesses > 0
    assert found.ok, found.problems


@dataclass
class Finance:
    """Compares the business's books with the vendor's, without waiting for anything to be old."""

    desk: Desk
    vendor: Vendor

    async def compare(self, **options: Any) -> Report:
        """One comparison. What the ledger says afterwards is checked, and that the suspense
        account holds what is open."""
        report = await service.reconcile_rail(
            self.desk.database,
            self.desk.rails,
            self.desk.business.business_id,
            "vendor",
            **{"young_s": 0.0, **options},
        )
        open_items = sum(item.amount for item in await self.items())
        assert await self.balance("suspense:vendor") == -open_items
        if report.not_compared is None:
            assert report.ours.difference == report.theirs.difference == 0, report
        return report

    async def check_books(self) -> None:
        """Of this business and its twin: all others' are looked at by `check_all_books`."""
        ours = self.desk.business
        twins = {ours.business_id, ours.twin.business_id if ours.twin else None}

        async def list_ours(connection: Connection) -> list[tuple[UUID, bool]]:
            return [each for each in await list_businesses(connection) if each[0] in twins]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(queries, "list_businesses", list_ours)
            await check_all_books(self.desk.database)

    async def items(self, *, resolved: bool = False) -> list[Item]:
        async def read(connection: Connection) -> list[Item]:
            return await suspense.list_page(
                connection, self.desk.business.business_id, resolved=resolved, limit=1_000
            )

        return await self.desk.database.fetch(read)

    async def causes(self) -> list[tuple[str, int]]:
        """What is open."""
        return [(item.cause, item.amount) for item in await self.items()]

    async def order(self, amount: int = 1_000, *plan: Any, email: str = "ada@x.test") -> Order:
        """An order that was processed once."""
        self.vendor.plan = list(plan)
        order = await self.desk.withdraw(await self.desk.user(amount, email), amount)
        await self.desk.process()
        return await self.desk.get(order)

    async def balance(self, account: str) -> int:
        return (await self.desk.business.ledger())[account]
