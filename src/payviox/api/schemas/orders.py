"""How an order looks in an answer, to its payout user and to its business; and what an idempotency
key keeps of it, so that a replay shows it as the first answer did."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from payviox import ids
from payviox.db.pool import Connection
from payviox.idempotency.service import Done
from payviox.money import CURRENCY
from payviox.order_states import OPEN, Status
from payviox.rails.orders import Provider
from payviox.web.context import Call, payout_user, read
from payviox.web.cursors import path_id
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals import whereabouts
from payviox.withdrawals.model import Order

Cents = Annotated[int, msgspec.Meta(ge=0, description="US cents")]


class PaypalView(msgspec.Struct):
    """Where a PayPal payout goes."""

    email: str


class CryptoView(msgspec.Struct, kw_only=True):
    """Where a crypto payout goes and, once sent, what its transaction is. Decimals are exact, as
    text."""

    currency: str
    chain: str
    to_address: str
    crypto_amount: Decimal | UnsetType = UNSET
    tx_hash: str | UnsetType = UNSET
    confirmations: int | UnsetType = UNSET
    network_fee: Decimal | UnsetType = UNSET


class GiftCardView(msgspec.Struct):
    """Which gift card was ordered. Its code is shown by `reveal` alone."""

    product: str
    brand: str
    country: str
    currency: str
    face_value: Annotated[int, msgspec.Meta(description="Hundredths of the card's own currency")]


class BankAmount(msgspec.Struct, kw_only=True):
    """What arrives at the bank account: `amount` in hundredths of `currency`, and where that is not
    US dollars at which rate, decimals as text."""

    currency: str
    amount: int
    rate: str | UnsetType = UNSET
    source: str | UnsetType = UNSET
    as_of: str | UnsetType = UNSET
    spread: str | UnsetType = UNSET


class BankView(msgspec.Struct, kw_only=True):
    """Which bank account is paid, never its whole number, what arrives there, and by what the
    transfer is known to the bank once it is in a file."""

    scheme: str
    country: str
    name: str
    masked: str
    pays: BankAmount | UnsetType = UNSET
    end_to_end_id: str | UnsetType = UNSET
    file: str | UnsetType = UNSET


class OrderView(msgspec.Struct, kw_only=True):
    """A payout order. `paypal`, `crypto`, `gift_card` or `bank` is there as the provider says."""

    id: str
    provider: Provider
    status: Status
    amount: Cents
    fees: Cents
    net_amount: Cents
    currency: str = CURRENCY
    paypal: PaypalView | UnsetType = UNSET
    crypto: CryptoView | UnsetType = UNSET
    gift_card: GiftCardView | UnsetType = UNSET
    bank: BankView | UnsetType = UNSET
    rail_order_id: (
        Annotated[str, msgspec.Meta(description="The order's id at the provider")] | UnsetType
    ) = UNSET
    waiting: (
        Annotated[str, msgspec.Meta(description="What the order waits for, if for anything")]
        | UnsetType
    ) = UNSET
    reason: (
        Annotated[str, msgspec.Meta(description="Why it was rejected, failed or returned")]
        | UnsetType
    ) = UNSET
    created_at: datetime
    updated_at: datetime


class Recipient(msgspec.Struct):
    """Whom an order pays."""

    email: str


class BusinessOrderView(OrderView, kw_only=True):
    """A payout order as its business sees it."""

    payout_user_id: str
    recipient: Recipient
    review_reasons: list[str]


KIND: dict[str, type[msgspec.Struct]] = {
    "paypal": PaypalView,
    "crypto": CryptoView,
    "gift_card": GiftCardView,
    "bank": BankView,
}


def user_view(order: Order) -> OrderView:
    """As its payout user sees it: why it ended in words of the catalogue alone."""
    shown = whereabouts.of_order(order).recipient
    reason = UNSET if shown.reason is None or order.status in OPEN else shown.reason
    return OrderView(**{**_common(order), "reason": reason})


def business_view(order: Order) -> BusinessOrderView:
    return BusinessOrderView(
        **_common(order),
        payout_user_id=ids.show(ids.USER, order.payout_user_id),
        recipient=Recipient(order.email),
        review_reasons=order.review_reasons,
    )


def _common(order: Order) -> dict[str, Any]:
    known = {**order.destination, **order.details}
    shown: dict[str, Any] = {
        "id": ids.show(ids.ORDER, order.id),
        "provider": order.provider,
        "status": order.status,
        "amount": order.amount,
        "fees": order.fees,
        "net_amount": order.net_amount,
        order.provider: msgspec.convert(known, KIND[order.provider]),
        "created_at": order.created_at,
        "updated_at": order.updated_at,
    }
    optional = {
        "rail_order_id": order.rail_order_id,
        "waiting": order.waiting,
        "reason": order.note if order.status == "rejected" else order.failure,
    }
    return shown | {name: value for name, value in optional.items() if value is not None}


def remembered(order: Order) -> dict[str, Any]:
    """An idempotency key's reference: the order's id and what of it will change later."""
    rails_own = {"rail_order_id": order.rail_order_id, "details": order.details}
    return {
        **{name: value for name, value in rails_own.items() if value},
        "order": ids.show(ids.ORDER, order.id),
        "status": order.status,
        "waiting": order.waiting,
        "note": order.note,
        "review_reasons": order.review_reasons,
        "updated_at": order.updated_at.isoformat(),
    }


async def as_first_shown(connection: Connection, business_id: UUID, done: Done) -> Order:
    """The order of such a reference, as it was then."""
    first = done.reference
    order_id = ids.parse(ids.ORDER, first["order"])
    if order_id is None:
        raise LookupError("a reference names no order")
    order = await withdrawals.get(connection, business_id, order_id)
    return replace(
        order,
        status=first["status"],
        waiting=first["waiting"],
        note=first["note"],
        failure=None,
        review_reasons=first["review_reasons"],
        rail_order_id=first.get("rail_order_id"),
        details=first.get("details", {}),
        updated_at=datetime.fromisoformat(first["updated_at"]),
    )


async def own_order(request: Call) -> Order:
    """The order in the path, of the payout user who called. Raises NotFound."""
    caller = payout_user(request)
    order_id = path_id(request, ids.ORDER)
    return await read(
        request,
        lambda connection: withdrawals.get(
            connection, caller.business_id, order_id, user_id=caller.user_id
        ),
    )


_SEEN = datetime(2026, 1, 31, 12, tzinfo=UTC)
_FACTS: dict[str, Any] = {
    "id": "ord_0192f0c1-7f4e-7c3a-9d58-2b8f4a6c1e71",
    "provider": "paypal",
    "status": "queued",
    "amount": 2_500,
    "fees": 0,
    "net_amount": 2_500,
    "paypal": PaypalView("ada@example.com"),
    "created_at": _SEEN,
    "updated_at": _SEEN,
}
EXAMPLE = OrderView(**_FACTS)
BUSINESS_EXAMPLE = BusinessOrderView(
    **_FACTS,
    payout_user_id="usr_0192f0c1-7f4e-7c3a-9d58-2b8f4a6c1e70",
    recipient=Recipient("ada@example.com"),
    review_reasons=[],
)


def example(kind: type[OrderView], **changes: Any) -> Any:
    """An example of another state."""
    base = BUSINESS_EXAMPLE if kind is BusinessOrderView else EXAMPLE
    return msgspec.structs.replace(base, **changes)
