"""What the sandbox's books hold of a payment, as outcomes and entries. Pure. Amounts are US
cents."""

import hashlib
from typing import Any

from payviox.money import decimal
from payviox.rails.orders import Provider, ReadyOrder
from payviox.rails.protocol import Entry, EntryState, Outcome
from payviox.rails.sandbox.books import KeptPayment, Payment
from payviox.rails.sandbox.endings import BY_NAME


def outcome(payment: Payment, order: ReadyOrder, reference: str) -> Outcome:
    """What this "vendor" says of a payment that it knows."""
    answer = BY_NAME[str(payment.request["ending"])].answer(reference, payment.age_s)
    if answer.state not in ("accepted", "succeeded", "returned"):
        return answer
    details: dict[str, Any] = {}
    if order.provider == "crypto":
        digest = hashlib.sha256(reference.encode()).hexdigest()
        details["crypto_amount"] = decimal(order.net_amount)
        details["tx_hash"] = f"0x{digest}"
        details["confirmations"] = 0 if answer.state == "accepted" else 12
        details["network_fee"] = "0.002"
    if order.provider == "bank":
        details["end_to_end_id"] = _rail_order_id("bank", reference)
    return Outcome(
        answer.state,
        reason=answer.reason,
        rail_order_id=_rail_order_id(order.provider, reference),
        details=details,
        cost=order.fees if answer.state != "accepted" else None,
        again_s=answer.again_s,
    )


def entry(payment: KeptPayment) -> Entry:
    """A payment as the sandbox's own books have it."""
    answer = BY_NAME[str(payment.request["ending"])].answer(payment.reference, payment.age_s)
    state = _STATES.get(answer.state, "pending")
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
"""What an outcome is in a statement; every other is still panswer."""

_PREFIX: dict[Provider, str] = {"paypal": "PP", "crypto": "CR", "gift_card": "GC", "bank": "BT"}
