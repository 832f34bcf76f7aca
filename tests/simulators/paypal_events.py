"""PayPal's webhook events: what is told of which change, and the event's body. A reversal is not
told at all: only a look at the item finds it."""

import json
from typing import Any
from uuid import uuid4

from . import paypal_shapes as shapes
from .clock import text_of
from .paypal_books import Batch, Item

OF_ITEM = {
    "SUCCESS": "SUCCEEDED",
    "FAILED": "FAILED",
    "UNCLAIMED": "UNCLAIMED",
    "RETURNED": "RETURNED",
    "ONHOLD": "HELD",
    "ON_HOLD": "HELD",
    "BLOCKED": "BLOCKED",
    "REFUNDED": "REFUNDED",
    "DENIED": "DENIED",
    "CANCELED": "CANCELED",
}


def name_of(happening: str) -> str | None:
    """The event's name; None where nothing is told."""
    if happening.startswith("BATCH "):
        return f"PAYMENT.PAYOUTSBATCH.{happening.removeprefix('BATCH ')}"
    ending = OF_ITEM.get(happening)
    return None if ending is None else f"PAYMENT.PAYOUTS-ITEM.{ending}"


def body(name: str, batch: Batch, item: Item | None, now: float) -> bytes:
    """The event as it is sent."""
    number = f"WH-{uuid4().hex[:17].upper()}-{uuid4().hex[:17].upper()}"
    resource: dict[str, Any]
    if item is None:
        kind, resource = "payouts", {"batch_header": shapes.batch(batch)}
    else:
        kind, resource = "payouts_item", shapes.item(item, alone=True)
    event = {
        "id": number,
        "event_version": "1.0",
        "create_time": text_of(now),
        "resource_type": kind,
        "event_type": name,
        "summary": f"{name} of {batch.id}",
        "resource": resource,
        "links": [
            shapes.link(f"/v1/notifications/webhooks-events/{number}"),
            shapes.link(f"/v1/notifications/webhooks-events/{number}/resend", "POST", "resend"),
        ],
    }
    return json.dumps(event, separators=(",", ":")).encode()
