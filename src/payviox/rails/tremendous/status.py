"""What Tremendous's words mean for an order of ours. Pure. Statuses and fields are those of the
specification of its API; what is not among them is never guessed at. Evidence is picked field by
field, since whoever has a reward's link has the money. Amounts are US cents."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from payviox.money import CURRENCY
from payviox.rails.failures import failed
from payviox.rails.protocol import Entry, Outcome
from payviox.rails.tremendous.amounts import to_cents

OPEN = ("OPEN", "CART", "PENDING SETTLEMENT")
APPROVING = ("PENDING APPROVAL", "PENDING INTERNAL PAYMENT APPROVAL")
ON_ITS_WAY = ("SCHEDULED", "PENDING")

FAILED = failed("gift_card_failed")
REFUSED = failed("gift_card_refused")
CANCELED = failed("gift_card_canceled")

LATER_LOOKS_S = (86_400.0, 7 * 86_400.0)
"""Ages, in seconds, at which an order that had ended is looked at again: it may be canceled after
it was delivered. Later than that, callbacks and reconciliation tell."""

NO_FUNDS = re.compile(r"(insufficient|not enough) (funds|balance)", re.IGNORECASE)
OPERATORS = re.compile(r"\b(funding.?source|campaign|payment)", re.IGNORECASE)
"""What a refusal speaks of when the account's settings are at fault, not the order."""

URL = re.compile(r"\w+://\S+")
LONGEST_MESSAGE = 500


@dataclass(frozen=True, slots=True)
class Expected:
    """What we ordered. `product` is Tremendous's id."""

    reference: str
    face_value: int
    product: str


def outcome(order: Mapping[str, Any], expected: Expected, now: datetime) -> Outcome:
    """What an order at Tremendous means, if it is the one that we expect."""
    foreign = _foreign(order, expected)
    if foreign is not None:
        return Outcome("unknown", evidence=_evidence(order) | {"error": foreign})
    return _ours(order, expected, now)


def _ours(order: Mapping[str, Any], expected: Expected, now: datetime) -> Outcome:  # noqa: PLR0911  # one for each status
    match str(order.get("status")):
        case "EXECUTED":
            return _executed(order, expected, now)
        case status if status in OPEN:
            return _outcome("accepted", order)
        case status if status in APPROVING:
            return _outcome("accepted", order, waiting="approval_at_rail")
        case "FAILED" if _is_refunded(order, expected.face_value):
            cost = _cost(order, expected.face_value)
            return _outcome("returned", order, reason=FAILED, cost=cost)
        case "FAILED" if not _was_executed(order):
            return _outcome("failed", order, reason=FAILED, again_s=_again_s(order, now))
        case "CANCELED" if not _was_executed(order):
            return _outcome("failed", order, reason=CANCELED, again_s=_again_s(order, now))
        case "CANCELED":
            cost = _cost(order, expected.face_value)
            return _outcome("returned", order, reason=CANCELED, cost=cost)
        case _:
            return _outcome("unknown", order)


def refusal(status: int, body: Mapping[str, Any], retry_after_s: float | None = None) -> Outcome:
    """What an answer to POST /orders that brings no order means."""
    error = message(body)
    evidence: dict[str, Any] = {"http_status": status} | ({"message": error} if error else {})
    if status == 402 or (status in (400, 422) and NO_FUNDS.search(error)):
        return Outcome("not_sent", waiting="float_empty", evidence=evidence)
    if status in (401, 403):
        return Outcome("not_sent", waiting="credentials_refused", evidence=evidence)
    if status == 429:
        return Outcome("not_sent", waiting="rate_limited", again_s=retry_after_s, evidence=evidence)
    if status in (404, 405) or (status in (400, 422) and OPERATORS.search(error)):
        return Outcome("not_sent", waiting="rail_misconfigured", evidence=evidence)
    if status in (400, 422):
        # Looked at again all the same: an earlier call, on its way for long, may arrive yet.
        return Outcome("failed", reason=REFUSED, again_s=LATER_LOOKS_S[0], evidence=evidence)
    return Outcome("unknown", evidence=evidence | {"error": f"HTTP {status}"})


def message(body: Mapping[str, Any]) -> str:
    """What an error answer says, without anything that could be a link."""
    errors = body.get("errors", body.get("error"))
    text = "; ".join(_leaves(errors, ""))
    return URL.sub("[link]", text)[:LONGEST_MESSAGE]


def entry(order: Mapping[str, Any]) -> Entry:
    """A line of Tremendous's own books."""
    amount = _face_value(order)
    return Entry(
        reference=_text(order.get("external_id")),
        rail_order_id=_text(order.get("id")),
        state=_entry_state(order, amount),
        amount=amount,
        cost=None if amount is None else _cost(order, amount),
        at=_time(order.get("created_at")),
        evidence=_evidence(order),
    )


def _entry_state(
    order: Mapping[str, Any], amount: int | None
) -> Literal["paid", "pending", "failed", "returned"]:
    """A status that nobody knows is pending: it may be paid yet."""
    status, executed = order.get("status"), _was_executed(order)
    if status == "EXECUTED":
        return "returned" if amount and _is_refunded(order, amount) else "paid"
    if status == "CANCELED":
        return "returned" if executed else "failed"
    if status == "FAILED" and executed:
        return "returned" if amount and _is_refunded(order, amount) else "pending"
    return "failed" if status == "FAILED" else "pending"


def reward_id(order: Mapping[str, Any]) -> str | None:
    """The id of the order's only reward."""
    rewards = _rewards(order)
    return _text(rewards[0].get("id")) if len(rewards) == 1 else None


def _foreign(order: Mapping[str, Any], expected: Expected) -> str | None:
    """Why this is not the order that we made: a repeated `external_id` answers the first one."""
    if order.get("external_id") != expected.reference:
        return "the order has another external_id"
    if _text(order.get("id")) is None:
        return "the order has no id"
    if len(_rewards(order)) != 1:
        return "the order has not exactly one reward"
    if _face_value(order) != expected.face_value:
        return "the reward has another value"
    products = _rewards(order)[0].get("products")
    if products is not None and products != [expected.product]:
        return "the reward is another product"
    return None


def _executed(order: Mapping[str, Any], expected: Expected, now: datetime) -> Outcome:
    refund = _refund(order)
    cost = _cost(order, expected.face_value)
    if _is_refunded(order, expected.face_value):
        return _outcome("returned", order, reason=CANCELED, cost=cost)
    delivery = _delivery(order)
    if refund or delivery not in ("SUCCEEDED", *ON_ITS_WAY):
        return _outcome("unknown", order)
    if delivery in ON_ITS_WAY:
        return _outcome("accepted", order)
    return _outcome("succeeded", order, cost=cost, again_s=_again_s(order, now))


def _outcome(
    state: Literal["accepted", "succeeded", "failed", "returned", "unknown"],
    order: Mapping[str, Any],
    **more: Any,
) -> Outcome:
    rail_order_id = _text(order.get("id"))
    return Outcome(state, rail_order_id=rail_order_id, evidence=_evidence(order), **more)


def _again_s(order: Mapping[str, Any], now: datetime) -> float | None:
    created_at = _time(order.get("created_at"))
    if created_at is None:
        return None
    age_s = (now - created_at).total_seconds()
    return next((later - age_s for later in LATER_LOOKS_S if later > age_s), None)


def _was_executed(order: Mapping[str, Any]) -> bool:
    """Whether it was paid for, whatever became of it then: only such an order has a payment."""
    payment = _payment(order)
    paid = to_cents(payment.get("total"))
    return bool(paid) or _refund(order) is not None or _delivery(order) == "SUCCEEDED"


def _cost(order: Mapping[str, Any], face_value: int) -> int | None:
    """What was charged beyond the card's value, or beyond what came back. A discount is no negative
    cost: the books know none."""
    payment = _payment(order)
    total = to_cents(payment.get("total"))
    if total is None or payment.get("currency_code", CURRENCY) != CURRENCY:
        return None
    refund = _refund(order)
    return max(total - (face_value if refund is None else refund), 0)


def _refund(order: Mapping[str, Any]) -> int | None:
    refund = _payment(order).get("refund")
    return to_cents(refund.get("total")) if isinstance(refund, Mapping) else None


def _is_refunded(order: Mapping[str, Any], face_value: int) -> bool:
    """Whether the whole value came back, whatever the status says."""
    refund = _refund(order)
    return refund is not None and refund >= face_value


def _face_value(order: Mapping[str, Any]) -> int | None:
    """What the order's rewards are worth; None where one does not say, or not in US dollars."""
    total = 0
    for reward in _rewards(order):
        value = reward.get("value")
        if not isinstance(value, Mapping) or value.get("currency_code", CURRENCY) != CURRENCY:
            return None
        cents = to_cents(value.get("denomination"))
        if cents is None:
            return None
        total += cents
    return total


def _delivery(order: Mapping[str, Any]) -> str | None:
    rewards = _rewards(order)
    delivery = rewards[0].get("delivery") if len(rewards) == 1 else None
    return _text(delivery.get("status")) if isinstance(delivery, Mapping) else None


def _payment(order: Mapping[str, Any]) -> Mapping[str, Any]:
    payment = order.get("payment")
    return payment if isinstance(payment, Mapping) else {}


def _rewards(order: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rewards = order.get("rewards")
    return [r for r in rewards if isinstance(r, Mapping)] if isinstance(rewards, list) else []


def _evidence(order: Mapping[str, Any]) -> dict[str, Any]:
    payment = _payment(order)
    values: dict[str, Any] = {
        "order": _text(order.get("id")),
        "external_id": _text(order.get("external_id")),
        "status": _text(order.get("status")),
        "delivery": _delivery(order),
        "value": _face_value(order),
        "refund": _refund(order),
    }
    values |= {name: to_cents(payment.get(name)) for name in ("total", "fees", "discount")}
    return {name: value for name, value in values.items() if value is not None}


def _text(value: object) -> str | None:
    """A short word, such as an id or a status: nothing that could be a link."""
    return value if isinstance(value, str) and 0 < len(value) <= 64 and "/" not in value else None


def _time(value: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
        if time is None:
            return None
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):  # at the ends of the calendar UTC is beyond them
        return None


def _leaves(value: object, path: str) -> Iterator[str]:
    """`{"payload": {"rewards": {"catalog": "none"}}}` → `payload.rewards.catalog: none`."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, path)
    elif isinstance(value, str):
        yield f"{path}: {value}" if path else value
