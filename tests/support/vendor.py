"""A payment vendor in memory, as a rail: it deduplicates references, remembers what it did, and may
answer something else, or nothing. What it really paid is what the tests count."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from payviox.rails.orders import Quote, ReadyOrder, Request
from payviox.rails.protocol import Entry, EntryState, Holding, Known, Outcome, RailError
from payviox.withdrawals.routing import Rails, Route

State = Literal["paid", "failed", "failed_retryable", "pending", "returned"]
Behaviour = Literal[
    "pay", "pay_silently", "accept", "accept_silently", "fail", "fail_retryable", "lost", "empty"
]

FEES = 7
COST = 3
STATES: dict[State, EntryState] = {
    "paid": "paid",
    "failed": "failed",
    "failed_retryable": "failed",
    "pending": "pending",
    "returned": "returned",
}


class Vendor:
    """Implements payviox.rails.protocol.Rail. `plan` says what it does with the next calls; then it
    pays. `hold` makes calls wait until it is set, after they have arrived.

    Its statement tells the books, and `others` that nobody here ordered; `retold` are fields that
    it tells otherwise, by reference; with a `refusal` it breaks off; `on_statement` happens while
    it is read.
    """

    name = "vendor"
    authoritative = False
    lists_all = True

    def __init__(self, remembers_s: float | None = None) -> None:
        self.remembers_s: float | None = remembers_s
        self.plan: list[Behaviour] = []
        self.books: dict[str, State] = {}
        self.orders: dict[str, ReadyOrder] = {}
        self.taken_at: dict[str, datetime] = {}
        self.holdings: list[Holding] = []
        self.others: list[Entry] = []
        self.retold: dict[str, dict[str, Any]] = {}
        self.refusal: str | None = None
        self.on_statement: Callable[[], Awaitable[object]] | None = None
        self.page = 100
        self.submitted: list[str] = []
        self.looked_up: list[str] = []
        self.hold: asyncio.Event | None = None
        self.silent = False

    @property
    def rails(self) -> Rails:
        return Rails(live=[Route("paypal", self)], test=[Route("paypal", self)])

    def payments(self, order_id: UUID) -> list[str]:
        """The references under which it paid this order, or is about to."""
        return [
            reference
            for reference, state in self.books.items()
            if str(order_id) in reference and state in ("paid", "pending")
        ]

    async def quote(self, request: Request) -> Quote:
        amount = request.amount or 0
        fees = FEES if amount > FEES else 0
        expires_at = datetime.now(UTC) + timedelta(minutes=5)
        return Quote(amount, fees, amount - fees, dict(request.destination), expires_at)

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
        self.submitted.append(reference)
        self.orders.setdefault(reference, order)
        self.taken_at.setdefault(reference, datetime.now(UTC))
        answer = self._take(reference)
        if self.hold is not None:
            await self.hold.wait()
        return answer

    async def look_up(self, order: ReadyOrder, reference: str) -> Outcome:
        self.looked_up.append(reference)
        return Outcome("unknown") if self.silent else self._tell(reference)

    async def read_float(self, business_id: UUID) -> list[Holding]:
        return self.holdings

    async def statement(
        self, business_id: UUID, since: datetime, known: AsyncIterator[Sequence[Known]]
    ) -> AsyncIterator[Sequence[Entry]]:
        """One business's payments as the books have them now."""
        entries = [
            self._entry(reference, state)
            for reference, state in self.books.items()
            if self.orders[reference].business_id == business_id
            and self.taken_at[reference] >= since
        ]
        entries += self.others
        if self.on_statement is not None:
            await self.on_statement()
        if self.refusal is not None:
            yield entries[:1]
            raise RailError(self.refusal)
        for start in range(0, len(entries), self.page):
            yield entries[start : start + self.page]

    def _entry(self, reference: str, state: State) -> Entry:
        left = state in ("paid", "returned")
        told = Entry(
            reference,
            f"V-{reference[-3:]}",
            STATES[state],
            self.orders[reference].net_amount,
            COST if left else None,
            self.taken_at[reference],
        )
        return replace(told, **self.retold.get(reference, {}))

    def _take(self, reference: str) -> Outcome:
        if reference in self.books:
            return self._tell(reference)
        match self.plan.pop(0) if self.plan else "pay":
            case "pay":
                self.books[reference] = "paid"
            case "pay_silently":
                self.books[reference] = "paid"
                return Outcome("unknown")
            case "accept":
                self.books[reference] = "pending"
            case "accept_silently":
                self.books[reference] = "pending"
                return Outcome("unknown")
            case "fail":
                self.books[reference] = "failed"
            case "fail_retryable":
                self.books[reference] = "failed_retryable"
            case "lost":
                return Outcome("unknown")
            case "empty":
                return Outcome("not_sent", waiting="float_empty")
        return self._tell(reference)

    def _tell(self, reference: str) -> Outcome:
        match self.books.get(reference):
            case "paid":
                return Outcome("succeeded", rail_order_id=f"V-{reference[-3:]}", cost=COST)
            case "failed":
                return Outcome("failed", reason="The vendor refused it.")
            case "failed_retryable":
                return Outcome("failed", reason="Try again.", retryable=True)
            case "pending":
                return Outcome("accepted")
            case "returned":
                return Outcome("returned", reason="The vendor got it back.")
            case None:
                return Outcome("not_found")
