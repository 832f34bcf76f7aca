"""PayPal's answers: batches, items and errors as JSON."""

from typing import Any
from uuid import uuid4

from .clock import text_of
from .money import text_of as money
from .paypal_books import Account, Batch, Item

HOST = "https://api.sandbox.paypal.com"
"""PayPal's links name a host of their own, not the one that was called."""

ERRORS = {
    400: ("INVALID_REQUEST", "Request is not well-formed or violates schema."),
    401: ("AUTHENTICATION_FAILURE", "Authentication failed."),
    403: ("NOT_AUTHORIZED", "Authorization failed due to insufficient permissions."),
    404: ("INVALID_RESOURCE_ID", "The requested resource ID was not found."),
    415: ("UNSUPPORTED_MEDIA_TYPE", "The request payload's media type is not supported."),
    422: ("UNPROCESSABLE_ENTITY", "The requested action could not be performed."),
    429: ("RATE_LIMIT_REACHED", "Too many requests. Blocked due to rate limiting."),
    500: ("INTERNAL_SERVER_ERROR", "An internal server error occurred."),
    503: ("SERVICE_UNAVAILABLE", "Service Unavailable."),
}
"""Names by status. Of the messages nothing may depend."""

ISSUES = {
    "INSUFFICIENT_FUNDS": "The sender does not have enough funds to make this payment.",
    "RECEIVER_UNREGISTERED": "The receiver does not have a PayPal account yet.",
    "RISK_DECLINE": "The payment was declined for risk reasons.",
    "RECEIVING_LIMIT_EXCEEDED": "The receiver cannot receive more money for now.",
}


def error(
    status: int,
    name: str | None = None,
    message: str | None = None,
    details: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """An error's body; name and message by its status unless given."""
    usual = ERRORS.get(status, ERRORS[500])
    return {
        "name": name or usual[0],
        "message": message or usual[1],
        "debug_id": uuid4().hex[:13],
        "information_link": "https://developer.paypal.com/docs/api/payments.payouts-batch/#errors",
        "details": details or [],
        "links": [],
    }


def link(path: str, method: str = "GET", rel: str = "self") -> dict[str, str]:
    return {"href": f"{HOST}{path}", "rel": rel, "method": method}


def batch_link(batch: Batch) -> dict[str, str]:
    return link(f"/v1/payments/payouts/{batch.id}")


def dollars(cents: int) -> dict[str, str]:
    return {"currency": "USD", "value": money(cents)}


def created(batch: Batch) -> dict[str, Any]:
    """The answer to a create call: no item ids in it."""
    header = {
        "payout_batch_id": batch.id,
        "batch_status": "PENDING",
        "sender_batch_header": batch.header,
    }
    return {"batch_header": header, "links": [batch_link(batch)]}


def batch(batch: Batch) -> dict[str, Any]:
    """The header of a batch in full."""
    known = batch.status not in ("PENDING", "DENIED", "CANCELED")
    header: dict[str, Any] = {
        "payout_batch_id": batch.id,
        "batch_status": batch.status,
        "time_created": text_of(batch.created),
        "sender_batch_header": batch.header,
        "funding_source": "BALANCE",
        "amount": dollars(sum(item.amount for item in batch.items)),
        "fees": dollars(sum(item.fee for item in batch.items) if known else 0),
    }
    if batch.completed is not None:
        header["time_completed"] = text_of(batch.completed)
        header["time_closed"] = text_of(batch.completed)
    return header


def item(item: Item, *, alone: bool = False) -> dict[str, Any]:
    """An item within its batch, or `alone`."""
    charged = item.money_out or item.times_paid > 0 or item.status == "RETURNED"
    found: dict[str, Any] = {
        "payout_item_id": item.id,
        "payout_batch_id": item.batch.id,
        "payout_item_fee": dollars(item.fee if charged else 0),
        "payout_item": {"recipient_wallet": "PAYPAL", **item.sent},
        "time_processed": text_of(item.changed),
        "links": [link(f"/v1/payments/payouts-item/{item.id}", rel="item")],
    }
    if item.status:
        found["transaction_status"] = item.status
    if item.transaction_id is not None:
        found["transaction_id"] = item.transaction_id
        found["activity_id"] = f"0{item.transaction_id[1:]}"
    if alone and item.batch.sender_batch_id is not None:
        found["sender_batch_id"] = item.batch.sender_batch_id
    if item.error is not None:
        message = ISSUES.get(item.error, "The payment could not be made.")
        found["errors"] = {**error(422, item.error, message), "details": []}
    return found


def balances(account: Account, now: float) -> dict[str, Any]:
    value = {"currency_code": "USD", "value": money(account.balance)}
    nothing = {"currency_code": "USD", "value": "0.00"}
    return {
        "balances": [
            {
                "currency": "USD",
                "primary": True,
                "total_balance": value,
                "available_balance": value,
                "withheld_balance": nothing,
            }
        ],
        "account_id": "SIMULATEDPAYER1",
        "as_of_time": text_of(now),
        "last_refresh_time": text_of(now),
    }
