"""What a webhook says: the types of events and the exact body of each. Whether and where one is
sent is decided in outbox.py and delivery.py. Amounts are US cents."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, get_args
from uuid import UUID

import msgspec

from payviox import ids
from payviox.money import CURRENCY

EventType = Literal[
    "payout.created",
    "payout.processing",
    "payout.succeeded",
    "payout.failed",
    "payout.rejected",
    "payout.canceled",
    "payout.returned",
]
TYPES: tuple[EventType, ...] = get_args(EventType)
"""The first five are the documented ones; the others are sent to those alone who subscribe."""

# What each provider's object may hold, in the order in which it is written. Whatever else a
# destination or a rail's details hold stays inside: a gift card's code, above all.
_FIELDS = {
    "paypal": ("email",),
    "crypto": (
        "currency",
        "chain",
        "crypto_amount",
        "usd_amount",
        "to_address",
        "tx_hash",
        "confirmations",
        "network_fee",
    ),
    "gift_card": ("brand", "country", "currency", "face_value"),
    "bank": ("scheme", "country", "name", "masked", "end_to_end_id", "file"),
}
_DECIMALS = ("crypto_amount", "usd_amount", "network_fee")


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """Something that happened to a payout order.

    `destination` is the provider's object as the order holds it; `details` is what its rail added
    (`tx_hash`, `brand`, …): text and integers, and decimals as text (`"49.5"`), never floats.
    `reason` is an operator's note; it is told on `payout.rejected` alone. `trace` is the order's
    and is not told.
    """

    business_id: UUID
    type: EventType
    order_id: UUID
    rail_order_id: str | None
    provider: str
    payout_user_id: UUID
    email: str
    amount: int
    fees: int
    net_amount: int
    destination: Mapping[str, Any]
    details: Mapping[str, Any]
    reason: str | None = None
    test_mode: bool = False
    trace: str | None = None


def body(event: OrderEvent) -> str:
    """The JSON that is signed and sent: fields in the order of the wire contract, no nulls, and
    nothing that does not apply.

    Raises TypeError for a float among the destination or details, whose noise would be signed, and
    ValueError or ArithmeticError for a text that is no decimal.
    """
    order_id = ids.show(ids.ORDER, event.order_id)
    root: dict[str, Any] = {"amount": event.amount, "currency": CURRENCY}
    if event.fees:
        root["fees"] = event.fees
    if event.net_amount != event.amount:
        root["net_amount"] = event.net_amount
    root["metadata"] = {"payout_user_id": ids.show(ids.USER, event.payout_user_id)}
    root["type"] = event.type
    root["provider"] = event.provider
    root["order_id"] = order_id
    root["recipient"] = {"email": event.email}
    root[event.provider] = {"order_id": event.rail_order_id or order_id, **_provider_fields(event)}
    if event.reason and event.type == "payout.rejected":
        root["reason"] = event.reason
    if event.test_mode:
        root["test_mode"] = True
    return msgspec.json.encode(root).decode()


def _provider_fields(event: OrderEvent) -> dict[str, Any]:
    known = {**event.destination, **event.details, "usd_amount": Decimal(event.amount) / 100}
    fields: dict[str, Any] = {}
    for name in _FIELDS[event.provider]:
        value = known.get(name)
        if value is None:
            continue
        if isinstance(value, float):
            raise TypeError(f"{name} of {event.provider} is a float")
        fields[name] = _number(value) if name in _DECIMALS else value
    return fields


def _number(value: Decimal | int | str) -> msgspec.Raw:
    """A decimal as a JSON number, exactly: `50.0`, `49.5`, `0.000000000000000001`."""
    decimal = Decimal(value)
    if not decimal.is_finite():
        raise ValueError(f"{value} is no number that JSON knows")
    whole, _, fraction = f"{decimal:f}".partition(".")
    return msgspec.Raw(f"{whole}.{fraction.rstrip('0') or '0'}".encode())
