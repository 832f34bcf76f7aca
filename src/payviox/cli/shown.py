"""Webhook events and audit entries as several commands print them."""

from typing import Any

from payviox import ids
from payviox.businesses.model import AuditEntry
from payviox.webhooks.log import Entry


def show_event(entry: Entry) -> dict[str, Any]:
    """An event of the webhook log with its delivery's state and last answer."""
    last = entry.attempts[-1] if entry.attempts else None
    return {
        "event_id": ids.show(ids.EVENT, entry.event.id),
        "type": entry.event.type,
        "order_id": entry.event.order_id and ids.show(ids.ORDER, entry.event.order_id),
        "test": entry.event.is_test,
        "created_at": entry.event.created_at,
        "delivery": entry.delivery.status if entry.delivery else None,
        "attempts": entry.delivery.attempts if entry.delivery else 0,
        "due_at": entry.delivery.due_at if entry.delivery else None,
        "answer": (last.status or last.error) if last else None,
    }


def show_audit(entry: AuditEntry) -> dict[str, Any]:
    """An entry with its order's id as it is printed everywhere."""
    detail = dict(entry.detail)
    if "order" in detail:
        detail["order"] = ids.show(ids.ORDER, detail["order"])
    return {
        "created_at": entry.created_at,
        "actor": entry.actor,
        "action": entry.action,
        "detail": detail,
    }
