"""One order on its way to Tremendous and back: what is sent, and which part of an answer is the
order. What the order's state means is in states.py. Amounts are US cents."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from payviox.money import CURRENCY
from payviox.rails.protocol import Account, Outcome, ReadyOrder
from payviox.rails.tremendous import catalogue, status
from payviox.rails.tremendous.amounts import to_dollars
from payviox.rails.tremendous.client import Reply
from payviox.rails.tremendous.status import Expected


def expected(order: ReadyOrder, reference: str) -> Expected:
    named = catalogue.parse_id(order.destination.get("product"))
    return Expected(reference, order.net_amount, "" if named is None else named[0])


def body(account: Account, order: ReadyOrder, reference: str) -> dict[str, Any] | None:
    """POST /orders; None where the account does not say what pays."""
    source, campaign = (account.settings.get(n) for n in ("funding_source_id", "campaign_id"))
    if not source:
        return None
    reward: dict[str, Any] = {
        "value": {"denomination": to_dollars(order.net_amount), "currency_code": CURRENCY},
        "delivery": {"method": "LINK"},
        "recipient": {
            "name": order.recipient_email.partition("@")[0],
            "email": order.recipient_email,
        },
        "products": [expected(order, reference).product],
    }
    if campaign:
        reward["campaign_id"] = campaign
    return {
        "external_id": reference,
        "payment": {"funding_source_id": source},
        "reward": reward,
    }


def read(reply: Reply, order: Expected) -> Outcome:
    found = reply.body.get("order")
    if not isinstance(found, Mapping):
        return Outcome("unknown", evidence={"error": "the answer has no order"})
    return status.outcome(found, order, datetime.now(UTC))


def pick(reply: Reply, order: Expected) -> Outcome:
    """The one order of a list by external_id. A list that has others was not filtered, and then
    says nothing about what it lacks."""
    found = reply.body.get("orders")
    if not isinstance(found, list):
        return Outcome("unknown", evidence={"error": "the answer has no orders"})
    if not found:
        return Outcome("not_found")
    if len(found) > 1 or not isinstance(found[0], Mapping):
        return Outcome("unknown", evidence={"error": f"{len(found)} orders for one external_id"})
    return status.outcome(found[0], order, datetime.now(UTC))


def link(reply: Reply) -> str | None:
    """A reward's new link, which is money."""
    reward = reply.body.get("reward") if reply.status in (200, 201) else None
    found = reward.get("link") if isinstance(reward, Mapping) else None
    return found if isinstance(found, str) and found.startswith("https://") else None


def unanswered(reply: Reply) -> Outcome:
    evidence: dict[str, Any] = {"http_status": reply.status, "error": f"HTTP {reply.status}"}
    said = status.message(reply.body)
    again_s = reply.retry_after_s if reply.status == 429 else None
    return Outcome(
        "unknown", again_s=again_s, evidence=evidence | ({"message": said} if said else {})
    )
