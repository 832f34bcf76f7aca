"""What PayPal finds wrong with a body beyond what its published document says: amounts, addresses,
limits. Each finding is the field and the issue, as PayPal's errors name them."""

import re
from typing import Any

from .money import cents_of

MOST = 20_000_00
"""What one item may be, by default."""

EMAIL = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;]+")
Finding = tuple[str, str]


def of_body(body: Any) -> list[Finding]:
    """Findings of a create request; empty where it is right."""
    if not isinstance(body, dict):
        return [("/", "Request is not well-formed")]
    header, items = body.get("sender_batch_header"), body.get("items")
    if not isinstance(header, dict):
        return [("sender_batch_header", "Required field is missing")]
    if not isinstance(items, list) or not 1 <= len(items) <= 15_000:
        return [("items", "Number of items must be from 1 to 15000")]
    found = _of_header(header)
    for number, item in enumerate(items):
        if not isinstance(item, dict):
            found.append((f"items[{number}]", "Request is not well-formed"))
        else:
            found += [(f"items[{number}].{field}", issue) for field, issue in _of_item(item)]
    named = [item.get("sender_item_id") for item in items if isinstance(item, dict)]
    named = [name for name in named if name is not None]
    if len(set(map(str, named))) < len(named):
        found.append(("items", "sender_item_id must be unique within a batch"))
    return found


def _of_header(header: dict[str, Any]) -> list[Finding]:
    found = []
    for field, most in (("sender_batch_id", 256), ("email_subject", 255), ("email_message", 1_000)):
        value = header.get(field)
        if value is not None and not (isinstance(value, str) and 0 < len(value) <= most):
            found.append((f"sender_batch_header.{field}", f"Length must be from 1 to {most}"))
    return found


def _of_item(item: dict[str, Any]) -> list[Finding]:
    found = _of_amount(item.get("amount"))
    receiver = item.get("receiver")
    kind = item.get("recipient_type", "EMAIL")
    if kind not in ("EMAIL", "PHONE", "PAYPAL_ID"):
        found.append(("recipient_type", "Recipient type is invalid"))
    fits = isinstance(receiver, str) and 0 < len(receiver) <= 127
    if not fits or (kind == "EMAIL" and not EMAIL.fullmatch(str(receiver))):
        found.append(("receiver", "Receiver is invalid or does not match with type"))
    for field, most in (("sender_item_id", 63), ("note", 4_000)):
        value = item.get(field)
        if value is not None and not (isinstance(value, str) and len(value) <= most):
            found.append((field, f"Length must be at most {most}"))
    return found


def _of_amount(amount: Any) -> list[Finding]:
    if not isinstance(amount, dict):
        return [("amount", "Required field is missing")]
    value, currency = amount.get("value"), amount.get("currency")
    if currency != "USD":
        return [("amount.currency", "Currency is invalid or not held by the sender")]
    cents = cents_of(value) if isinstance(value, str) else None
    if cents is None:
        return [("amount.value", "Amount must be a decimal with two digits")]
    if not 0 < cents <= MOST:
        return [("amount.value", f"Amount must be more than 0.00 and at most {MOST // 100}.00")]
    return []
