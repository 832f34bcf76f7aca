"""Tremendous' answers: orders, rewards, funding sources and errors as JSON."""

from typing import Any

from .clock import text_of
from .money import number_of
from .tremendous_books import Order, Organization

NOBODY = {"name": None, "email": None, "phone": None}


def error(
    status: int, message: str = "Something went wrong", payload: Any = None
) -> dict[str, Any]:
    """An error's body: `errors`, but `error` where there were too many calls."""
    if status == 429:
        return {"status": status, "error": "Too many requests"}
    return {"status": status, "errors": {"message": message, "payload": payload or {}}}


def order(order: Order, *, link: bool = False) -> dict[str, Any]:
    """An order; one that was never processed has no payment."""
    currency = order.sent["reward"]["value"].get("currency_code", "USD")
    payment: dict[str, Any] = {
        "subtotal": number_of(order.amount),
        "total": number_of(order.amount + order.fee),
        "fees": number_of(order.fee),
        "discount": 0,
        "currency_code": currency,
    }
    if order.refunded:
        payment["refund"] = {"total": number_of(order.refunded), "currency_code": currency}
    found = {
        "id": order.id,
        "external_id": order.reference or None,
        "campaign_id": order.sent["reward"].get("campaign_id"),
        "created_at": text_of(order.created),
        "status": order.status,
        "channel": "API",
        "invoice_id": None,
        "rewards": [reward(order, link=link)],
    }
    return found | ({"payment": payment} if order.times_paid else {})


def reward(order: Order, *, link: bool = False) -> dict[str, Any]:
    """A reward. Its link is shown in the answer to the order alone."""
    reward = order.sent["reward"]
    delivery: dict[str, Any] = {"method": order.method, "status": order.delivery}
    if link and order.links:
        delivery["link"] = order.links[0]
    return {
        "id": order.reward_id,
        "order_id": order.id,
        "created_at": text_of(order.created),
        "value": {"currency_code": "USD", **reward["value"]},
        "recipient": {**NOBODY, **(reward.get("recipient") or {})},
        "custom_fields": [],
        "delivery": delivery,
    }


def source(organization: Organization) -> dict[str, Any]:
    meta = {
        "available_amount": number_of(organization.balance),
        "available_cents": organization.balance,
        "currency_code": "USD",
        "pending_amount": 0,
        "pending_cents": 0,
    }
    return {
        "id": organization.funding_source_id,
        "method": "balance",
        "usage_permissions": ["api_orders", "dashboard_orders"],
        "status": "active",
        "meta": meta,
    }
