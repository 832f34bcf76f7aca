"""The sandbox rail: stands in for PayPal, crypto and gift cards in test businesses, and ends each
payment as its amount or destination asks (sandbox_endings.py). It moves no money and keeps books as
a vendor would, so that look-ups and repeated references behave like a real rail's."""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from payviox.money import decimal, percentage
from payviox.rails.evm import addresses
from payviox.rails.protocol import (
    Entry,
    EntryState,
    GiftCard,
    Holding,
    Invalid,
    Known,
    Outcome,
    Provider,
    Quote,
    ReadyOrder,
    Request,
    RevealedCode,
)
from payviox.rails.sandbox_endings import BY_NAME, PRODUCTS, ending_of

QUOTE_LIFETIME = timedelta(minutes=10)
CRYPTO_FEE_BP = 100
"""The sandbox's crypto fee: 1 % of the amount, at least a cent."""

CHAINS = ("ERC20", "BEP20", "POLYGON")
CURRENCIES = ("USDT", "USDC")
OPTIONS = {"chains": {chain: list(CURRENCIES) for chain in CHAINS}}
"""What there is to choose from, as `Method.options` has it."""


@dataclass(frozen=True, slots=True)
class Payment:
    """What the books hold of a reference, and how old it is in seconds."""

    request: dict[str, Any]
    age_s: float


@dataclass(frozen=True, slots=True)
class KeptPayment(Payment):
    """A payment with its reference, as a statement lists it."""

    reference: str
    created_at: datetime


class Books(Protocol):
    """Where the sandbox keeps what it was asked for."""

    async def keep(self, business_id: UUID, reference: str, request: dict[str, Any]) -> Payment:
        """The first payment under this reference. Raises PermissionError for a live business."""
        ...

    async def find(self, business_id: UUID, reference: str) -> Payment | None: ...

    def list_since(
        self, business_id: UUID, since: datetime
    ) -> AsyncIterator[Sequence[KeptPayment]]:
        """Every payment kept since then, page by page."""
        ...


class SandboxRail:
    """Implements payviox.rails.protocol.Rail, for test businesses alone."""

    name = "sandbox"
    remembers_s: float | None = None
    authoritative = True
    lists_all = True

    def __init__(self, books: Books) -> None:
        self._books = books

    async def quote(self, request: Request) -> Quote:
        """The sandbox's fees: crypto 1 %, all else nothing. Without a destination it quotes all the
        same, but for a gift card; with one, that must be valid. Raises Invalid."""
        named = request.destination or request.provider == "gift_card"
        destination = _destination(request) if named else {}
        amount, fees = _price(request)
        _check_price(amount, destination, "net_amount" if request.amount is None else "amount")
        expires_at = datetime.now(UTC) + QUOTE_LIFETIME
        return Quote(amount, fees, amount - fees, destination, expires_at)

    async def validate(
        self, order_id: UUID, quote: Quote, request: Request, email: str
    ) -> ReadyOrder:
        """Raises Invalid."""
        destination = _destination(request)
        _check_price(quote.amount, destination, "amount")
        return ReadyOrder(
            request.business_id,
            order_id,
            request.provider,
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
        return _answer(payment, order, reference)

    async def look_up(self, order: ReadyOrder, reference: str) -> Outcome:
        payment = await self._books.find(order.business_id, reference)
        return Outcome("not_found") if payment is None else _answer(payment, order, reference)

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
            yield [_entry(payment) for payment in page]

    async def catalogue(self, business_id: UUID) -> list[GiftCard]:  # noqa: ARG002  # the rail's verb
        """Gift cards that are worth nothing, some for each ending."""
        return [
            GiftCard(product.id, product.name, price=product.price, **product.facts)
            for product in PRODUCTS.values()
        ]

    async def reveal(self, order: ReadyOrder) -> RevealedCode:
        """A code worth nothing, the same whenever it is asked for."""
        digest = hashlib.sha256(order.order_id.bytes).hexdigest()
        return RevealedCode(f"SANDBOX-{digest[:16].upper()}")


def is_sandbox_product(destination: Mapping[str, Any]) -> bool:
    """Whether a gift card is one of the sandbox's own; no destination yet counts as one."""
    product = destination.get("product")
    return product is None or product in PRODUCTS


def crypto_fee(amount: int) -> int:
    return max(percentage(amount, CRYPTO_FEE_BP), 1)


def gross_crypto(net_amount: int) -> int:
    """The least amount of which exactly so much is left after the fee, which grows by at most a
    cent with each cent: so there always is one."""
    amount = net_amount * 10_000 // (10_000 - CRYPTO_FEE_BP)
    while amount - crypto_fee(amount) > net_amount:
        amount -= 1
    while amount - crypto_fee(amount) < net_amount:
        amount += 1
    return amount


def _price(request: Request) -> tuple[int, int]:
    """Gross amount and fees."""
    if request.amount is not None:
        amount = request.amount
        fees = crypto_fee(amount) if request.provider == "crypto" else 0
        if fees >= amount:
            raise Invalid({"amount": [f"The amount must be at least {fees + 1}."]})
        return amount, fees
    net_amount = request.net_amount or 0
    amount = gross_crypto(net_amount) if request.provider == "crypto" else net_amount
    return amount, amount - net_amount


def _check_price(amount: int, destination: Mapping[str, Any], field: str) -> None:
    """A gift card is bought for its price, nothing else. Raises Invalid."""
    price = destination.get("face_value")
    if price is not None and amount != price:
        raise Invalid({field: [f"The {field} must be {price}, the gift card's price."]})


def _destination(request: Request) -> dict[str, Any]:
    """The destination as it is kept. Raises Invalid."""
    given = request.destination
    match request.provider:
        case "paypal":
            return {"email": given["email"]}
        case "crypto":
            return _crypto(given)
        case "gift_card":
            return _gift_card(given)


def _gift_card(given: Mapping[str, Any]) -> dict[str, Any]:
    product_id = given.get("product")
    if product_id is None:
        raise Invalid({"gift_card.product": ["The gift_card.product field is required."]})
    product = PRODUCTS.get(str(product_id))
    if product is None:
        raise Invalid({"gift_card.product": ["The gift_card.product is not in the catalogue."]})
    return {"product": product.id, **product.facts}


def _crypto(given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, list[str]] = {}
    for field, offered in (("currency", CURRENCIES), ("chain", CHAINS)):
        if given.get(field) not in offered:
            name = f"crypto.{field}"
            found[name] = [f"The {name} must be one of: {', '.join(offered)}."]
    address = str(given.get("to_address"))
    problem = addresses.problem(address)
    if problem is not None:
        found["crypto.to_address"] = [f"The crypto.to_address {problem}."]
    if found:
        raise Invalid(found)
    return {
        "currency": given["currency"],
        "chain": given["chain"],
        "to_address": addresses.checksummed(address),
    }


def _answer(payment: Payment, order: ReadyOrder, reference: str) -> Outcome:
    """What this "vendor" says of a payment that it knows."""
    outcome = BY_NAME[str(payment.request["ending"])].answer(reference, payment.age_s)
    if outcome.state not in ("accepted", "succeeded", "returned"):
        return outcome
    details: dict[str, Any] = {}
    if order.provider == "crypto":
        digest = hashlib.sha256(reference.encode()).hexdigest()
        details["crypto_amount"] = decimal(order.net_amount)
        details["tx_hash"] = f"0x{digest}"
        details["confirmations"] = 0 if outcome.state == "accepted" else 12
        details["network_fee"] = "0.002"
    return Outcome(
        outcome.state,
        reason=outcome.reason,
        rail_order_id=_rail_order_id(order.provider, reference),
        details=details,
        cost=order.fees if outcome.state != "accepted" else None,
        again_s=outcome.again_s,
    )


def _entry(payment: KeptPayment) -> Entry:
    """A payment as the sandbox's own books have it."""
    outcome = BY_NAME[str(payment.request["ending"])].answer(payment.reference, payment.age_s)
    state = _STATES.get(outcome.state, "pending")
    provider: Provider | None = payment.request.get("provider")
    return Entry(
        payment.reference,
        provider and _rail_order_id(provider, payment.reference),
        state,
        payment.request["amount"],
        payment.request.get("cost") if state in ("paid", "returned") else None,
        payment.created_at,
    )


def _rail_order_id(provider: Provider, reference: str) -> str:
    return f"{_PREFIX[provider]}-{hashlib.sha256(reference.encode()).hexdigest()[:12].upper()}"


_STATES: dict[str, EntryState] = {"succeeded": "paid", "failed": "failed", "returned": "returned"}
"""What an outcome is in a statement; every other is still pending."""

_PREFIX: dict[Provider, str] = {"paypal": "PP", "crypto": "CR", "gift_card": "GC"}
