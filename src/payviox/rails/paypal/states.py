"""What PayPal says, as outcomes and entries. Pure. Amounts are US cents, times UTC; a word that
PayPal's documents do not know is unknown, never a guess."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Literal

from payviox.money import CURRENCY
from payviox.rails.base import Entry, Outcome, ReadyOrder
from payviox.rails.paypal import reasons

ENDED = frozenset({"DENIED", "CANCELED"})
"""States of a batch in which nothing of it will be paid any more."""

PENDING = frozenset({"PENDING", "NEW"})
ON_HOLD = frozenset({"ONHOLD", "ON_HOLD"})
GONE_WRONG = frozenset({"FAILED", "DENIED", "BLOCKED"})
GIVEN_BACK = frozenset({"REFUNDED", "REVERSED"})

UNCLAIMED_AGAIN_S = 4 * 3600.0
ON_HOLD_AGAIN_S = 3600.0

SECOND_LOOKS = (timedelta(days=1), timedelta(days=7), timedelta(days=30))
"""Ages at which a payment that succeeded is looked at once more: it may be refunded or reversed.
A callback tells earlier."""

FLOAT_AGAIN_S, SLOWEST_FLOAT_S = 60.0, 3600.0
"""A payment that failed for want of money needs another attempt, and attempts are numbered up to
99: they are made ever more rarely, so that they last for days."""


class NotOurs(Exception):
    """What PayPal shows is not this order's payment; the message says why."""


@dataclass(frozen=True, slots=True)
class Payment:
    """One batch with its only item, as PayPal shows it. `status` and what follows it are the
    item's, None as long as PayPal does not show it."""

    batch_id: str | None
    batch_status: str | None
    created_at: datetime | None
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
        if self.batch_status in ENDED and (self.status is None or self.status in PENDING):
            return f"BATCH_{self.batch_status}"
        return self.status

    @property
    def evidence(self) -> dict[str, Any]:
        """What an operator should see; nothing of the payee."""
        found = {
            "payout_batch_id": self.batch_id,
            "batch_status": self.batch_status,
            "payout_item_id": self.item_id,
            "transaction_id": self.transaction_id,
            "transaction_status": self.status,
            "error_name": self.error,
        }
        return {name: value for name, value in found.items() if value is not None}

    @property
    def details(self) -> dict[str, Any]:
        """What finance searches PayPal's activities for."""
        found = {"payout_item_id": self.item_id, "transaction_id": self.transaction_id}
        return {name: value for name, value in found.items() if value is not None}


def dollars(cents: int) -> str:
    """`987` → `9.87`."""
    return f"{cents // 100}.{cents % 100:02d}"


def cents(money: object, currency: str = "currency") -> int | None:
    """The US cents of PayPal's `{currency, value}`, rounded half up where it has more digits; None
    where it is anything else."""
    given = as_object(money)
    value = given.get("value")
    if given.get(currency) != CURRENCY or not isinstance(value, str | int):
        return None
    try:
        found = Decimal(value)
        if not found.is_finite() or abs(found) >= 10**12:
            return None
        return int((found * 100).quantize(Decimal(1), ROUND_HALF_UP))
    except InvalidOperation:
        return None


def payments(batch: Mapping[str, Any]) -> list[Payment]:
    """A batch's items, or the batch alone where it shows none."""
    header = as_object(batch.get("batch_header"))
    sender = as_object(header.get("sender_batch_header"))
    common = {
        "batch_id": _text(header.get("payout_batch_id")),
        "batch_status": _text(header.get("batch_status")),
        "created_at": moment(header.get("time_created")),
    }
    items = batch.get("items")
    found = [
        _payment(item, common)
        for item in (items if isinstance(items, list) else [])
        if isinstance(item, dict)
    ]
    return found or [Payment(**common, reference=_text(sender.get("sender_batch_id")))]


def _payment(item: Mapping[str, Any], common: Mapping[str, Any]) -> Payment:
    asked = as_object(item.get("payout_item"))
    name = _text(as_object(item.get("errors")).get("name"))
    return Payment(
        **common,
        reference=_text(asked.get("sender_item_id")),
        status=_text(item.get("transaction_status")),
        item_id=_text(item.get("payout_item_id")),
        transaction_id=_text(item.get("transaction_id")),
        error=name.replace(" ", "") if name else None,
        amount=cents(asked.get("amount")),
        receiver=_text(asked.get("receiver")),
        fee=cents(item.get("payout_item_fee")),
        processed_at=moment(item.get("time_processed")),
    )


def ours(found: Sequence[Payment], order: ReadyOrder, reference: str) -> Payment:
    """The one payment of this reference, amount and payee. Raises NotOurs."""
    if len(found) != 1:
        raise NotOurs("the batch has more than one item")
    payment = found[0]
    if payment.reference != reference:
        raise NotOurs("the batch is not of this reference")
    if payment.item_id is None and payment.status is None:
        return payment
    if payment.amount != order.net_amount:
        raise NotOurs("the item is of another amount")
    if (payment.receiver or "").casefold() != str(order.destination["email"]).casefold():
        raise NotOurs("the item is for another payee")
    return payment


def outcome(payment: Payment, reference: str, now: datetime) -> Outcome:
    """What a payment of ours has come to."""
    word = payment.word
    if word is None and payment.batch_status in ("PENDING", "PROCESSING"):
        return _accepted(payment)
    if word in PENDING:
        return _accepted(payment)
    if word in ON_HOLD:
        return _accepted(payment, "on_hold", ON_HOLD_AGAIN_S)
    if word == "UNCLAIMED":
        return _accepted(payment, "unclaimed", UNCLAIMED_AGAIN_S)
    if word == "SUCCESS":
        return _ended("succeeded", payment, again_s=_second_look(payment, now))
    if word in GIVEN_BACK:
        reason = reasons.REFUNDED if word == "REFUNDED" else reasons.REVERSED
        return _ended("returned", payment, reason=reason)
    if word == "RETURNED":
        return _ended("failed", payment, reason=reasons.NOT_CLAIMED)
    if word == "BATCH_CANCELED":
        return _ended("failed", payment, reason=_reason(payment, reasons.CANCELED))
    if word in GONE_WRONG or word == "BATCH_DENIED":
        return _failed(payment, reference, now)
    return unknown(
        "PayPal's answer is not in its documents", payment.batch_id, **payment.evidence
    )


def unknown(error: str, batch_id: str | None = None, **evidence: Any) -> Outcome:
    return Outcome("unknown", rail_order_id=batch_id, evidence={"error": error, **evidence})


def entries(batch: Mapping[str, Any]) -> list[Entry]:
    """A batch as PayPal's books have it, ours or not."""
    return [
        Entry(
            reference=payment.reference,
            rail_order_id=payment.batch_id,
            state=_book_state(payment),
            amount=payment.amount,
            cost=payment.fee,
            at=payment.processed_at or payment.created_at,
            evidence=payment.evidence,
        )
        for payment in payments(batch)
    ]


def _book_state(payment: Payment) -> Literal["paid", "pending", "failed", "returned"]:
    word = payment.word
    if word == "SUCCESS":
        return "paid"
    if word in GIVEN_BACK:
        return "returned"
    if word == "RETURNED" or word in GONE_WRONG or (word or "").startswith("BATCH_"):
        return "failed"
    return "pending"


def _accepted(
    payment: Payment, waiting: str | None = None, again_s: float | None = None
) -> Outcome:
    return Outcome(
        "accepted",
        waiting=waiting,
        again_s=again_s,
        rail_order_id=payment.batch_id,
        details=payment.details,
        evidence=payment.evidence,
    )


def _ended(
    state: Literal["succeeded", "failed", "returned"],
    payment: Payment,
    *,
    reason: str | None = None,
    again_s: float | None = None,
) -> Outcome:
    return Outcome(
        state,
        reason=reason,
        again_s=again_s,
        rail_order_id=payment.batch_id,
        details=payment.details,
        cost=None if state == "failed" or (payment.fee or 0) < 0 else payment.fee,
        evidence=payment.evidence,
    )


def _failed(payment: Payment, reference: str, now: datetime) -> Outcome:
    """It failed for good at PayPal. Whose fault it is decides whether there is another attempt."""
    name = payment.error
    waiting = waiting_for(name)
    if waiting is not None or name in reasons.TRY_AGAIN or (name is None and payment.word == "BATCH_DENIED"):
        return Outcome(
            "failed",
            reason=reasons.NOT_NOW,
            retryable=True,
            waiting=waiting,
            again_s=_next_attempt(reference) if waiting else None,
            rail_order_id=payment.batch_id,
            details=payment.details,
            evidence=payment.evidence,
        )
    otherwise = reasons.BLOCKED if payment.word == "BLOCKED" else reasons.REFUSED
    again_s = _until(payment, SECOND_LOOKS[:1], now)
    return _ended("failed", payment, reason=_reason(payment, otherwise), again_s=again_s)


def waiting_for(name: str | None) -> str | None:
    """What a payment waits for that failed by this error, if anything that an operator can give."""
    if name in reasons.FLOAT_EMPTY:
        return "float_empty"
    return "account_restricted" if name in reasons.ACCOUNT_RESTRICTED else None


def _next_attempt(reference: str) -> float:
    """Seconds to the next attempt after this one."""
    number = reference.rpartition(".")[2]
    made = int(number) if number.isascii() and number.isdigit() and len(number) < 3 else 1
    return min(FLOAT_AGAIN_S * 2.0 ** (made - 1), SLOWEST_FLOAT_S)


def _reason(payment: Payment, otherwise: str) -> str:
    return reasons.FOR_THE_USER.get(payment.error or "", otherwise)


def _second_look(payment: Payment, now: datetime) -> float | None:
    return _until(payment, SECOND_LOOKS, now)


def _until(payment: Payment, ages: Sequence[timedelta], now: datetime) -> float | None:
    """Seconds until the payment has the next of these ages; None where it is older or does not say
    how old it is."""
    since = payment.processed_at or payment.created_at
    if since is None:
        return None
    age = max(now - since, timedelta(0))
    later = [each for each in ages if each > age]
    # Past the age itself, so that the next answer asks for the next one.
    return (later[0] - age).total_seconds() + 60 if later else None


def moment(value: object) -> datetime | None:
    """A time as PayPal writes it, or None."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def as_object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
