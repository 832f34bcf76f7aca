"""The sandbox rail: stands in for PayPal, crypto, gift cards and bank transfers in test businesses,
and ends each payment as its amount or destination asks (endings.py). It moves no money and keeps
books as a vendor would, so that look-ups and repeated references behave like a real rail's."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import UUID

from payviox.rails.orders import Quote, ReadyOrder, Request
from payviox.rails.protocol import Entry, GiftCard, Holding, Known, Outcome, RevealedCode
from payviox.rails.sandbox import quote as quoting
from payviox.rails.sandbox import status
from payviox.rails.sandbox.books import Books
from payviox.rails.sandbox.endings import PRODUCTS, ending_of


class SandboxRail:
    """Implements payviox.rails.protocol.Rail, for test businesses alone."""

    name = "sandbox"
    remembers_s: float | None = None
    authoritative = True
    lists_all = True

    def __init__(self, books: Books) -> None:
        self._books = books

    async def quote(self, request: Request) -> Quote:
        """Raises Invalid."""
        return quoting.quote(request)

    async def validate(
        self, order_id: UUID, quote: Quote, request: Request, email: str
    ) -> ReadyOrder:
        """Raises Invalid."""
        destination = quoting.read_destination(request)
        quoting.check_price(quote.amount, destination, "amount")
        return ReadyOrder(
            request.business_id,
            order_id,
            request.provider,
            self.name,
            quote.amount,
            quote.fees,
            quote.net_amount,
            destination,
            email,
        )

    async def submit(self, order: ReadyOrder, reference: str) -> Outcome:
        ending = ending_of(order.provider, order.amount, order.destination)
        if not ending.kept:
            return ending.answer(reference, 0.0)
        request = {
            "ending": ending.name,
            "amount": order.net_amount,
            "cost": order.fees,
            "provider": order.provider,
        }
        payment = await self._books.keep(order.business_id, reference, request)
        return status.outcome(payment, order, reference)

    async def look_up(self, order: ReadyOrder, reference: str) -> Outcome:
        payment = await self._books.find(order.business_id, reference)
        if payment is None:
            return Outcome("not_found")
        return status.outcome(payment, order, reference)

    async def read_float(self, business_id: UUID) -> list[Holding]:  # noqa: ARG002  # the rail's verb
        """Nothing: the sandbox never runs dry but where it is told to."""
        return []

    async def statement(
        self,
        business_id: UUID,
        since: datetime,
        known: AsyncIterator[Sequence[Known]],  # noqa: ARG002  # the books have them all
    ) -> AsyncIterator[Sequence[Entry]]:
        """Every payment that this "vendor" knows, as it stands now."""
        async for page in self._books.list_since(business_id, since):
            yield [status.entry(payment) for payment in page]

    async def catalogue(self, business_id: UUID) -> list[GiftCard]:  # noqa: ARG002  # the rail's verb
        """Gift cards that are worth nothing, some for each ending."""
        return [
            GiftCard(
                product.id,
                product.name,
                price=product.price,
                is_test=product.is_test,
                **product.facts,
            )
            for product in PRODUCTS.values()
        ]

    async def reveal(self, order: ReadyOrder) -> RevealedCode:
        """A code worth nothing, the same whenever it is asked for."""
        digest = hashlib.sha256(order.order_id.bytes).hexdigest()
        return RevealedCode(f"SANDBOX-{digest[:16].upper()}")
