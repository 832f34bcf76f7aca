"""Payouts as PayPal shows them: reading its JSON, and telling whether a payout is ours. Pure;
amounts are US cents, times UTC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from payviox.money import CURRENCY
from payviox.rails.orders import ReadyOrder

ENDED = frozenset({"DENIED", "CANCELED"})
"""States of a batch in which nothing of it will be paid any more."""

PROCESSING = frozenset({"PENDING", "PROCESSING"})
"""States of a batch whose items need not be shown yet."""

PENDING = frozenset({"PENDING", "NEW"})

MAX_TEXT = 200


class NotOurs(Exception):
    """What PayPal shows is not this order's payment; the message says why."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as PayPal shows it; `reference` is its sender_batch_id."""

    id: str | None
    status: str | None
    reference: str | None
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class Payment:
    """One item of a batch, or the batch alone as long as PayPal shows none. `reference` is the
    sender_item_id, or the batch's without an item."""

    batch: Batch
    reference: str | None
    status: str | None = None
    item_id: str | None = None
    transaction_id: str | None = None
    error: str | None = None
    amount: int | None = None
    receiver: str | None = None
    fee: int | None = None
    processed_at: datetime | None = None

    @property
    def word(self) -> str | None:
        """The item's state, or the batch's where that overrules or replaces it."""
        nothing_yet = self.status is None or self.status in PENDING
        if nothing_yet and self.batch.status in ENDED:
            return f"BATCH_{self.batch.status}"
        if self.status is None and self.batch.status in PROCESSING:
            return "PENDING"
        return self.status

    @property
    def evidence(self) -> dict[str, Any]:
        """What an operator should see; nothing of the payee."""
        values = {
            "payout_batch_id": self.batch.id,
            "batch_status": self.batch.status,
            "payout_item_id": self.item_id,
            "transaction_id": self.transaction_id,
            "transaction_status": self.status,
            "error_name": self.error,
        }
        return {name: value for name, value in values.items() if value is not None}

    @property
    def details(self) -> dict[str, Any]:
        """What finance searches PayPal's activities for."""
        values = {"payout_item_id": self.item_id, "transaction_id": self.transaction_id}
        return {name: value for name, value in values.items() if value is not None}


def cents(money: object, currency: str = "currency") -> int | None:
    """The US cents of PayPal's `{currency, value}`, rounded half up where it has more digits; None
    where it is anything else."""
    fields = as_object(money)
    value = fields.get("value")
    if fields.get(currency) != CURRENCY or not isinstance(value, str | int):
        return None
    try:
        amount = Decimal(value)
        if not amount.is_finite() or abs(amount) >= 10**12:
            return None
        return int((amount * 100).quantize(Decimal(1), ROUND_HALF_UP))
    except InvalidOperation:
        return None


def payments(batch: Mapping[str, Any]) -> list[Payment]:
    """A batch's items, or the batch alone where it shows none."""
    header = as_object(batch.get("batch_header"))
    sender = as_object(header.get("sender_batch_header"))
    shown = Batch(
        text(header.get("payout_batch_id")),
        text(header.get("batch_status")),
        text(sender.get("sender_batch_id")),
        moment(header.get("time_created")),
    )
    items = batch.get("items")
    shown_items = [
        _payment(item, shown)
        for item in (items if isinstance(items, list) else [])
        if isinstance(item, dict)
    ]
    return shown_items or [Payment(shown, shown.reference)]


def _payment(item: Mapping[str, Any], batch: Batch) -> Payment:
    request = as_object(item.get("payout_item"))
    name = text(as_object(item.get("errors")).get("name"))
    return Payment(
        batch,
        text(request.get("sender_item_id")),
        status=text(item.get("transaction_status")),
        item_id=text(item.get("payout_item_id")),
        transaction_id=text(item.get("transaction_id")),
        error=name.replace(" ", "") if name else None,
        amount=cents(request.get("amount")),
        receiver=text(request.get("receiver")),
        fee=cents(item.get("payout_item_fee")),
        processed_at=moment(item.get("time_processed")),
    )


def ours(shown: Sequence[Payment], order: ReadyOrder, reference: str, batch_id: str) -> Payment:
    """The one payment of this batch, reference, amount and payee. Raises NotOurs."""
    if len(shown) != 1:
        raise NotOurs("the batch has more than one item")
    payment = shown[0]
    if payment.batch.id != batch_id:
        raise NotOurs("PayPal shows another batch than was asked for")
    if payment.reference != reference:
        raise NotOurs("the batch is not of this reference")
    if payment.item_id is None and payment.status is None:
        return payment
    if payment.amount != order.net_amount:
        raise NotOurs("the item is of another amount")
    if (payment.receiver or "").casefold() != str(order.destination["email"]).casefold():
        raise NotOurs("the item is for another payee")
    return payment


def moment(value: object) -> datetime | None:
    """A time as PayPal writes it, or None."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):  # at the ends of the calendar UTC is beyond them
        return None


def as_object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def text(value: object) -> str | None:
    """A text of PayPal's, fit to be kept: bounded, and without what PostgreSQL or a terminal would
    trip over."""
    if not isinstance(value, str) or not value:
        return None
    return "".join(char if char.isprintable() else "\ufffd" for char in value[:MAX_TEXT])
