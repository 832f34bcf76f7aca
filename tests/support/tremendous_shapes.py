"""Orders and products as Tremendous writes them, for tests to vary."""

from decimal import Decimal
from typing import Any

LINK = "https://testflight.tremendous.com/rewards/payout/ve0jrwn6q--ba1eoadem8ayukldsygyrlbik"
REFERENCE = "ord_018f0000-0000-7000-8000-000000000001.1"


def order(status: str = "EXECUTED", **changes: Any) -> dict[str, Any]:
    """An order for $25.10, delivered as a link; it cost $26.35."""
    return {
        "id": "SOMEORDERID",
        "external_id": REFERENCE,
        "created_at": "2026-03-01T12:00:00.000Z",
        "status": status,
        "payment": {
            "subtotal": Decimal("25.10"),
            "fees": Decimal("1.25"),
            "discount": 0,
            "total": Decimal("26.35"),
            "currency_code": "USD",
        },
        "rewards": [reward()],
    } | changes


def unpaid(status: str, **changes: Any) -> dict[str, Any]:
    """An order that was not executed: it has no payment, and nothing is delivered."""
    made = order(status, rewards=[reward(delivery="PENDING")], **changes)
    del made["payment"]
    return made


def refunded(status: str, dollars: str) -> dict[str, Any]:
    made = order(status)
    made["payment"]["refund"] = {"total": Decimal(dollars), "currency_code": "USD"}
    return made


def reward(value: str = "25.10", currency: str = "USD", delivery: str = "SUCCEEDED") -> Any:
    return {
        "id": "SOMEREWARDID",
        "order_id": "SOMEORDERID",
        "value": {"denomination": Decimal(value), "currency_code": currency},
        "recipient": {"name": "ada", "email": "ada@example.com"},
        "delivery": {"method": "LINK", "status": delivery, "link": LINK},
    }


def product(**changes: Any) -> dict[str, Any]:
    """A card for any amount from $5 to $100."""
    return {
        "id": "OKMHM2X2OHYV",
        "name": "Amazon.com",
        "description": "…",
        "category": "merchant_card",
        "disclosure": "…",
        "skus": [{"min": 5, "max": Decimal("100.00"), "currency_code": "USD"}],
        "currency_codes": ["USD"],
        "countries": [{"abbr": "US"}],
        "images": [
            {"src": "https://example.com/logo.png", "type": "logo"},
            {"src": "https://example.com/card.png", "type": "card"},
        ],
    } | changes


def fixed(*dollars: int | str) -> list[dict[str, Any]]:
    """SKUs of fixed values."""
    values = [Decimal(value) for value in dollars]
    return [{"min": value, "max": value, "currency_code": "USD"} for value in values]
