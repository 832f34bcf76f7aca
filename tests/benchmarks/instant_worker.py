"""The worker as the benchmarks start it: the product's own, with a rail that answers at once."""

import os
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import uvloop
from tests.benchmarks.server import SECRET_KEY

from payviox import wiring, worker
from payviox.rails.orders import Quote, ReadyOrder, Request
from payviox.rails.protocol import Entry, Holding, Known, Outcome
from payviox.settings import Settings
from payviox.withdrawals.routing import Rails, Route


class InstantRail:
    """Pays at once. What it finds open it says is still under way."""

    name = "instant"
    remembers_s: float | None = None
    authoritative = True
    lists_all = True

    async def quote(self, request: Request) -> Quote:
        amount = request.amount or 0
        soon = datetime.now(UTC) + timedelta(minutes=5)
        return Quote(amount, 0, amount, dict(request.destination), soon)

    async def validate(
        self, order_id: UUID, quote: Quote, request: Request, email: str
    ) -> ReadyOrder:
        return ReadyOrder(
            request.business_id,
            order_id,
            request.provider,
            self.name,
            quote.amount,
            quote.fees,
            quote.net_amount,
            quote.destination,
            email,
        )

    async def submit(self, order: ReadyOrder, reference: str) -> Outcome:
        return Outcome("succeeded", rail_order_id=reference)

    async def look_up(self, order: ReadyOrder, reference: str) -> Outcome:
        return Outcome("accepted", rail_order_id=reference)

    async def read_float(self, business_id: UUID) -> list[Holding]:
        return []

    async def statement(
        self, business_id: UUID, since: datetime, known: AsyncIterator[Sequence[Known]]
    ) -> AsyncIterator[Sequence[Entry]]:
        yield []


def main() -> None:
    rail = InstantRail()
    wiring.rails = lambda *_: Rails(live=[Route("paypal", rail)], test=[Route("paypal", rail)])
    settings = Settings(home=Path("/nonexistent"), secret_key=SECRET_KEY)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    uvloop.run(worker.run(settings, os.environ["BENCH_DATABASE_URL"]))


if __name__ == "__main__":
    main()
