"""A test business's payout users and their orders, driven below the API: made, processed, looked
at."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from payviox import ids
from payviox.businesses import service as businesses
from payviox.db.pool import Connection, Database
from payviox.giftcards.rail import StockRail
from payviox.rail_state.sandbox_books import SandboxBooks
from payviox.rails.orders import Provider, ReadyOrder, Request
from payviox.rails.sandbox.books import KeptPayment, Payment
from payviox.rails.sandbox.endings import PRODUCTS
from payviox.rails.sandbox.rail import SandboxRail
from payviox.reporting import order_timeline
from payviox.reporting.order_timeline import OrderTimeline
from payviox.withdrawals import service
from payviox.withdrawals.creation import Wanted
from payviox.withdrawals.model import Attempt, Order, StateEntry
from payviox.withdrawals.routing import Rails, Route
from payviox.withdrawals.sending.processor import process_due
from support.businesses import TestBusiness

PAYPAL = {"email": "ada@example.com"}


class AgingBooks(SandboxBooks):
    """The sandbox's books, `older_s` seconds later than they are."""

    older_s = 0.0

    async def find(self, business_id: UUID, reference: str) -> Payment | None:
        found = await super().find(business_id, reference)
        return found and replace(found, age_s=found.age_s + self.older_s)

    async def list_since(
        self, business_id: UUID, since: datetime
    ) -> AsyncIterator[Sequence[KeptPayment]]:
        async for page in super().list_since(business_id, since):
            yield [replace(kept, age_s=kept.age_s + self.older_s) for kept in page]


@dataclass
class Desk:
    """One business's orders. `rails` may be replaced by rails of a test's own."""

    business: TestBusiness
    rails: Rails
    books: AgingBooks = field(repr=False)

    @classmethod
    def of(cls, business: TestBusiness, rails: Rails | None = None) -> "Desk":
        books = AgingBooks(business.database)
        sandbox, stock = SandboxRail(books), Route("gift_card", StockRail(business.database))
        every = [
            Route("paypal", sandbox),
            Route("crypto", sandbox),
            Route("gift_card", sandbox, _is_of_the_sandbox),
            stock,
        ]
        return cls(business, rails or Rails(live=[stock], test=every), books)

    @property
    def database(self) -> Database:
        return self.business.database

    async def user(self, amount: int, email: str = "ada@example.com") -> UUID:
        """A payout user with this balance."""
        answer = await self.business.create(email, amount)
        assert answer.status_code == 201, answer.text
        found = await self.business.scalar(
            "SELECT id FROM payout_users WHERE business_id = %s AND email = %s",
            self.business.business_id,
            email,
        )
        assert isinstance(found, UUID)
        return found

    async def withdraw(
        self,
        user_id: UUID,
        amount: int,
        destination: dict[str, Any] | None = None,
        provider: Provider = "paypal",
        email: str = "ada@example.com",
    ) -> Order:
        """An order for this amount, as the API makes one."""
        destination = destination or PAYPAL
        [ready] = await self.ready([(amount, destination)], provider, email)
        return await self.database.write(service.create, user_id, ready)

    async def ready(
        self, wanted: Sequence[tuple[int, dict[str, Any]]], provider: Provider, email: str
    ) -> list[ReadyOrder]:
        """Quotes and validates orders for these amounts to these destinations, all at once."""
        business_id = self.business.business_id
        business = await self.database.fetch(businesses.get, business_id)

        async def one(amount: int, destination: dict[str, Any]) -> ReadyOrder:
            request = Request(business_id, provider, destination, amount=amount)
            rail = await self.rails.serving(business, provider, request.destination)
            quote = await rail.quote(request)
            return await rail.validate(ids.new(), quote, request, email)

        return await asyncio.gather(*(one(*each) for each in wanted))

    async def create(self, user_id: UUID, ready: Sequence[ReadyOrder]) -> list[Order]:
        """Orders of one payout user, in one transaction."""
        wanted = [Wanted(user_id, each) for each in ready]
        return await self.database.write(service.create_all, self.business.business_id, wanted)

    async def process(self) -> int:
        return await process_due(self.database, self.rails, business_id=self.business.business_id)

    async def get(self, order: Order) -> Order:
        return await self.database.fetch(service.get, order.business_id, order.id)

    async def approve(self, order: Order) -> Order:
        return await self.write(lambda db: service.approve(db, order.business_id, order.id, "op"))

    async def reject(self, order: Order, note: str | None = None) -> Order:
        return await self.write(
            lambda db: service.reject(db, order.business_id, order.id, "op", note)
        )

    async def cancel(self, order: Order) -> Order:
        return await self.write(lambda db: service.cancel(db, order.business_id, order.id, "user"))

    async def write(self, work: Any) -> Any:
        return await self.database.write(work)

    async def hurry(self, order: Order | None = None, age_s: float = 3600) -> None:
        """Let time pass for one order, or for all: whatever is scheduled is due, attempts and the
        sandbox's payments are older."""
        self.books.older_s += age_s
        await self.write(lambda db: _age(db, self.business.business_id, order, age_s))

    async def states(self, order: Order) -> list[str]:
        return [entry.status for entry in (await self.story(order)).of(StateEntry)]

    async def attempts(self, order: Order) -> list[Attempt]:
        return (await self.story(order)).of(Attempt)

    async def story(self, order: Order) -> OrderTimeline:
        """Everything that is known of the order."""
        return await self.database.fetch(order_timeline.timeline_of, order.business_id, order.id)

    async def events(self, order: Order) -> list[str]:
        """The types of the order's events, in the order in which they were written."""

        async def read(db: Connection) -> list[str]:
            cursor = await db.execute(
                "SELECT type FROM events WHERE business_id = %s AND order_id = %s ORDER BY id",
                [order.business_id, order.id],
            )
            return [str(row[0]) for row in await cursor.fetchall()]

        return await self.database.fetch(read)


async def _age(db: Connection, business_id: UUID, order: Order | None, age_s: float) -> None:
    chosen = [order.id] if order else None
    given = {"s": age_s, "b": business_id, "o": chosen}
    by = "make_interval(secs => %(s)s)"
    await db.execute(
        "UPDATE orders SET due_at = now() WHERE business_id = %(b)s AND due_at IS NOT NULL"
        " AND (%(o)s::uuid[] IS NULL OR id = ANY(%(o)s))",
        given,
    )
    aged = (  # OFFSET keeps it apart: a cluster sets no column to a sum of a time and an interval
        f"SELECT order_id, number, started_at - {by} AS started_at,"
        f" finished_at - {by} AS finished_at FROM order_attempts WHERE business_id = %(b)s OFFSET 0"
    )
    await db.execute(
        "UPDATE order_attempts a SET started_at = aged.started_at, finished_at = aged.finished_at"
        f" FROM ({aged}) aged WHERE a.business_id = %(b)s AND a.order_id = aged.order_id"
        " AND a.number = aged.number AND (%(o)s::uuid[] IS NULL OR a.order_id = ANY(%(o)s))",
        given,
    )


def _is_of_the_sandbox(destination: Mapping[str, Any]) -> bool:
    """Whether a gift card is one of the sandbox's own; no destination yet counts as one."""
    product = destination.get("product")
    return product is None or product in PRODUCTS
