"""What PayPal's words mean, as outcomes and entries. Pure. Amounts are US cents; a word that is not
in PayPal's documents is unknown, never a guess."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from payviox.rails.failures import Failure, FailureWords, failed
from payviox.rails.paypal import reasons
from payviox.rails.paypal.payments import Payment, payments
from payviox.rails.protocol import Entry, Outcome
from payviox.rails.waiting import Waiting

NEVER_PAID = frozenset(
    {"FAILED", "DENIED", "BLOCKED", "RETURNED", "BATCH_DENIED", "BATCH_CANCELED"}
)
GIVEN_BACK = frozenset({"REFUNDED", "REVERSED"})

CLAIMABLE = timedelta(days=29)
"""A payee has 30 days to claim a payment; a day is left for how PayPal counts them."""

UNCLAIMED_AGAIN_S = 4 * 3600.0
ON_HOLD_AGAIN_S = 3600.0

SECOND_LOOKS = (timedelta(days=1), timedelta(days=7), timedelta(days=30))
"""Ages at which a payment that succeeded is looked at once more: it may be refunded or reversed.
A callback tells earlier."""


def outcome(payment: Payment, now: datetime) -> Outcome:
    """What a payment of ours has come to."""
    meaning = MEANINGS.get(payment.word or "")
    if meaning is None:
        error = "PayPal's answer is not in its documents"
        return unknown(error, payment.batch.id, **payment.evidence)
    return meaning(payment, now)


def unknown(error: str, batch_id: str | None = None, **evidence: Any) -> Outcome:
    return Outcome("unknown", rail_order_id=batch_id, evidence={"error": error, **evidence})


def entries(batch: Mapping[str, Any]) -> list[Entry]:
    """A batch as PayPal's books have it, ours or not."""
    return [
        Entry(
            reference=payment.reference,
            rail_order_id=payment.batch.id,
            state=_book_state(payment),
            amount=payment.amount,
            cost=payment.fee,
            at=payment.processed_at or payment.batch.created_at,
            evidence=payment.evidence,
        )
        for payment in payments(batch)
    ]


def _book_state(payment: Payment) -> Literal["paid", "pending", "failed", "returned"]:
    word = payment.word or ""
    if word == "SUCCESS":
        return "paid"
    if word in GIVEN_BACK:
        return "returned"
    return "failed" if word in NEVER_PAID else "pending"


def _accepted(
    payment: Payment, waiting: Waiting | None = None, again_s: float | None = None
) -> Outcome:
    return Outcome(
        "accepted",
        waiting=waiting,
        again_s=again_s,
        rail_order_id=payment.batch.id,
        details=payment.details,
        evidence=payment.evidence,
    )


def _ended(
    state: Literal["succeeded", "failed", "returned"],
    payment: Payment,
    *,
    reason: FailureWords | None = None,
    again_s: float | None = None,
) -> Outcome:
    charged = state != "failed" and payment.fee is not None and payment.fee >= 0
    return Outcome(
        state,
        reason=reason,
        again_s=again_s,
        rail_order_id=payment.batch.id,
        details=payment.details,
        cost=payment.fee if charged else None,
        evidence=payment.evidence,
    )


def _pending(payment: Payment, _: datetime) -> Outcome:
    return _accepted(payment)


def _on_hold(payment: Payment, _: datetime) -> Outcome:
    return _accepted(payment, "on_hold", ON_HOLD_AGAIN_S)


def _unclaimed(payment: Payment, _: datetime) -> Outcome:
    return _accepted(payment, "unclaimed", UNCLAIMED_AGAIN_S)


def _succeeded(payment: Payment, now: datetime) -> Outcome:
    return _ended("succeeded", payment, again_s=_until(payment, SECOND_LOOKS, now))


def _refunded(payment: Payment, _: datetime) -> Outcome:
    return _ended("returned", payment, reason=failed("refunded"))


def _reversed(payment: Payment, _: datetime) -> Outcome:
    return _ended("returned", payment, reason=failed("reversed"))


def _given_back(payment: Payment, _: datetime) -> Outcome:
    """Unclaimed for 30 days, or taken back before, which its sender alone can do: by us, or at
    PayPal."""
    since, until = payment.batch.created_at, payment.processed_at
    if since is not None and until is not None and until - since < CLAIMABLE:
        return taken_back(payment)
    return _ended("failed", payment, reason=failed("not_claimed"))


def taken_back(payment: Payment) -> Outcome:
    return Outcome(
        "canceled",
        rail_order_id=payment.batch.id,
        details=payment.details,
        evidence=payment.evidence,
    )


def _canceled(payment: Payment, _: datetime) -> Outcome:
    return _ended("failed", payment, reason=reasons.failure(payment.error, "sender_canceled"))


def _failed(payment: Payment, now: datetime) -> Outcome:
    """It failed for good at PayPal. Whose fault it is decides whether there is another attempt."""
    waiting = waiting_for(payment.error)
    # A batch is denied as a whole for the sender's sake, not for the payee's.
    nameless = payment.error is None and payment.word == "BATCH_DENIED"
    if waiting is not None or nameless or payment.error in reasons.TRY_AGAIN:
        return Outcome(
            "failed",
            reason=failed("not_now"),
            retryable=True,
            waiting=waiting,
            rail_order_id=payment.batch.id,
            details=payment.details,
            evidence=payment.evidence,
        )
    otherwise: Failure = "blocked" if payment.word == "BLOCKED" else "refused"
    again_s = _until(payment, SECOND_LOOKS[:1], now)
    return _ended(
        "failed", payment, reason=reasons.failure(payment.error, otherwise), again_s=again_s
    )


MEANINGS: dict[str, Callable[[Payment, datetime], Outcome]] = {
    "NEW": _pending,
    "PENDING": _pending,
    "ONHOLD": _on_hold,
    "ON_HOLD": _on_hold,
    "UNCLAIMED": _unclaimed,
    "SUCCESS": _succeeded,
    "REFUNDED": _refunded,
    "REVERSED": _reversed,
    "RETURNED": _given_back,
    "FAILED": _failed,
    "DENIED": _failed,
    "BLOCKED": _failed,
    "BATCH_DENIED": _failed,
    "BATCH_CANCELED": _canceled,
}
"""What each word of PayPal's means."""


def waiting_for(name: str | None) -> Waiting | None:
    """What a payment waits for that failed by this error, if anything that an operator can give."""
    if name in reasons.FLOAT_EMPTY:
        return "float_empty"
    return "account_restricted" if name in reasons.ACCOUNT_RESTRICTED else None


def _until(payment: Payment, ages: Sequence[timedelta], now: datetime) -> float | None:
    """Seconds until the payment has the next of these ages; None where it is older or does not say
    how old it is."""
    since = payment.processed_at or payment.batch.created_at
    if since is None:
        return None
    age = max(now - since, timedelta(0))
    later = [each for each in ages if each > age]
    # Past the age itself, so that the next answer asks for the next one.
    return (later[0] - age).total_seconds() + 60 if later else None
