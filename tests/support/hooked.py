"""A business whose webhook goes to a receiver of its own: things happen, time passes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from payviox.db.pool import Database
from payviox.keyring import Keyring
from payviox.webhooks import outbox
from payviox.webhooks import settings as webhook_settings
from payviox.webhooks.delivery import Courier
from payviox.webhooks.events import EventType, OrderEvent
from payviox.webhooks.samples import sample
from support.businesses import TestBusiness
from support.receiver import Receiver


@dataclass
class Hooked:
    """A business whose webhook goes to a receiver of its own."""

    business: TestBusiness
    receiver: Receiver
    keyring: Keyring
    token: str = field(repr=False)

    @property
    def id(self) -> UUID:
        return self.business.business_id

    @property
    def database(self) -> Database:
        return self.business.database

    async def set(self, **changes: Any) -> None:
        await self.database.write(
            lambda connection: webhook_settings.change(
                connection, self.id, changes, self.keyring, "test", allow_private=True
            )
        )

    def event(self, event_type: EventType = "payout.succeeded", **fields: Any) -> OrderEvent:
        return replace(sample(self.id, event_type), test_mode=False, **fields)

    async def happen(self, event: OrderEvent | None = None) -> OrderEvent:
        happened = event or self.event()
        await self.database.write(outbox.write_order_event, happened)
        return happened

    async def rows(self, query: str, *more: object) -> list[Any]:
        async def read(connection: Any) -> list[Any]:
            return await (await connection.execute(query, [self.id, *more])).fetchall()

        return await self.database.fetch(read)

    async def deliveries(self) -> list[tuple[str, int, float | None]]:
        """Status, attempts, and in how many seconds the next one is due, oldest first."""
        return await self.rows(
            "SELECT status, attempts, round(extract(epoch FROM due_at - now()))::float"
            " FROM deliveries WHERE business_id = %s ORDER BY id"
        )

    async def time_passes(self) -> None:
        """Whatever waits is due now, leases included."""
        await self.database.write(
            lambda c: c.execute(
                "UPDATE deliveries SET due_at = now() WHERE business_id = %s AND due_at > now()",
                [self.id],
            )
        )

    async def only_event(self) -> UUID:
        ((event_id,),) = await self.rows("SELECT id FROM events WHERE business_id = %s")
        return event_id

    async def redeliver(self, event_id: UUID) -> None:
        await self.database.write(outbox.redeliver, self.id, event_id, "test")


Hook = Callable[..., Awaitable[Hooked]]
"""`await hook(enabled=…, events=…, url=…)`: a business set up with a receiver."""


async def deliver(courier: Courier, *hooked: Hooked) -> None:
    """Deliver what is due for these, and wait until that is done."""
    for one in hooked:
        courier.wake(one.id)
    await courier.idle()
