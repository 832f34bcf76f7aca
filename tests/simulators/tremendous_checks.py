"""What Tremendous finds wrong with an order, field by field, by the facts of the client that was
made from its specification."""

import re
from decimal import Decimal
from typing import Any

from . import tremendous_catalogue as catalogue
from .tremendous_books import Organization

ID = re.compile(r"[A-Z0-9]{4,20}")
METHODS = ("EMAIL", "LINK", "PHONE")
MAGIC_SOURCES = ("BALANCE", "INVOICE", "INVOICE_THEN_BALANCE")
KNOWN = {
    "": {"external_id", "payment", "reward"},
    "payment": {"funding_source_id"},
    "reward": {
        "campaign_id",
        "products",
        "value",
        "recipient",
        "deliver_at",
        "custom_fields",
        "language",
        "delivery",
    },
    "value": {"denomination", "currency_code"},
    "recipient": {"name", "email", "phone"},
    "delivery": {"method", "meta"},
}
"""The members that the specification knows; others mean nothing there, and a typo here."""


def cents_of(denomination: Any) -> int | None:
    """Cents of a JSON number with at most two decimals."""
    if isinstance(denomination, bool) or not isinstance(denomination, int | float):
        return None
    exact = Decimal(str(denomination)) * 100
    return int(exact) if exact == exact.to_integral_value() else None


def of_order(body: Any, organization: Organization) -> dict[str, Any]:
    """What is wrong, in the request's own structure; empty where it is right."""
    if not isinstance(body, dict):
        return {"order": "must be an object"}
    reward = body.get("reward")
    if not isinstance(reward, dict):
        return {"reward": "is missing"}
    found: dict[str, Any] = _unknown("", body)
    external = body.get("external_id")
    if external is not None and not (isinstance(external, str) and external):
        found["external_id"] = "must be a string"
    if problem := _of_payment(body.get("payment"), organization):
        found["payment"] = problem
    if problem := _of_reward(reward):
        found["reward"] = problem
    return found


def _unknown(part: str, given: dict[str, Any]) -> dict[str, Any]:
    return {name: "is not known" for name in given if name not in KNOWN[part]}


def _of_payment(payment: Any, organization: Organization) -> dict[str, Any]:
    if payment is None:
        return {}
    if not isinstance(payment, dict) or not isinstance(payment.get("funding_source_id"), str):
        return {"funding_source_id": "is missing"}
    source = payment["funding_source_id"]
    if source.upper() not in MAGIC_SOURCES and source != organization.funding_source_id:
        return {"funding_source_id": "is not a funding source of this organization"}
    return _unknown("payment", payment)


def _of_reward(reward: dict[str, Any]) -> dict[str, Any]:
    found = _unknown("reward", reward)
    products, campaign = reward.get("products"), reward.get("campaign_id")
    value = reward.get("value")
    if not isinstance(value, dict) or cents_of(value.get("denomination")) is None:
        return {**found, "value": {"denomination": "must be an amount"}}
    if unknown := _unknown("value", value):
        found["value"] = unknown
    if (cents_of(value["denomination"]) or 0) <= 0:
        found["value"] = {"denomination": "must be more than 0"}
    if campaign is not None and not (isinstance(campaign, str) and ID.fullmatch(campaign)):
        found["campaign_id"] = "is no campaign"
    if products is None and campaign is None:
        found["products"] = "either products or campaign_id must be given"
    if products is not None and (problem := _of_products(products, value)):
        found["products"] = problem
    if problem := _of_recipient(reward.get("recipient"), reward.get("delivery")):
        found["recipient"] = problem
    if problem := _of_delivery(reward.get("delivery")):
        found["delivery"] = problem
    return found


def _of_products(products: Any, value: dict[str, Any]) -> str | None:
    if not isinstance(products, list) or not products:
        return "At least one valid product required"
    currency = value.get("currency_code", "USD")
    denomination = Decimal(str(value["denomination"]))
    for number in products:
        product = catalogue.find(number) if isinstance(number, str) else None
        if product is None:
            return f"{number} is not a product"
        if currency not in product["currency_codes"]:
            return f"{number} is not sold in {currency}"
        bands = product["skus"]
        if bands and not any(
            Decimal(str(band["min"])) <= denomination <= Decimal(str(band["max"])) for band in bands
        ):
            return f"{number} is not sold for {denomination}"
    return None


def _of_recipient(recipient: Any, delivery: Any) -> Any:
    if recipient is not None and not isinstance(recipient, dict):
        return "must be an object"
    given = recipient or {}
    found = _unknown("recipient", given)
    for name in ("name", "email", "phone"):
        if given.get(name) is not None and not isinstance(given[name], str):
            found[name] = "must be a string"
    method = (delivery or {}).get("method", "EMAIL") if isinstance(delivery, dict | None) else None
    if method == "EMAIL" and "@" not in str(given.get("email")):
        found["email"] = "is needed to deliver by email"
    if method == "PHONE" and not given.get("phone"):
        found["phone"] = "is needed to deliver by phone"
    return found


def _of_delivery(delivery: Any) -> Any:
    if delivery is None:
        return None
    if not isinstance(delivery, dict):
        return "must be an object"
    if delivery.get("method", "EMAIL") not in METHODS:
        return {"method": f"must be one of {', '.join(METHODS)}"}
    return _unknown("delivery", delivery)
