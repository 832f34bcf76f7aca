"""Where an order's money goes, in a few words."""

from collections.abc import Mapping
from typing import Any

from payviox.dashboard.bank_files.words import money_in
from payviox.rail_accounts import rules
from payviox.withdrawals.model import Order


def recipient(order: Order) -> str:
    return place(order.destination)


def place(to: Mapping[str, Any]) -> str:
    """A destination, in a few words."""
    if "email" in to:
        return str(to["email"])
    if "to_address" in to:
        return f"{to['to_address']} ({to['currency']}, {to['chain']})"
    if "masked" in to:
        return f"{to['masked']} ({to['name']}, {to['scheme'].upper()}, {to['country']})"
    return str(to.get("name") or to.get("brand") or "gift card")


def terms(order: Order) -> list[tuple[str, str]]:
    """What the rail promised to deliver, as far as the order says it: product, amount, rate."""
    to = order.destination
    found = []
    if "crypto_amount" in to:
        found.append(("Amount in the asset", f"{to['crypto_amount']} {to['currency']}"))
        rate = to.get("terms", {}).get("rate")
        if rate:
            found.append(("Rate", f"{rate} US dollars for 1 {to['currency']}"))
    pays = to.get("pays") or {}
    if pays.get("currency", "USD") != "USD":
        found.append(("Arrives as", money_in(pays["amount"], pays["currency"])))
        spread = pays.get("spread_bp", 0)
        dearer = f", made {rules.percent(spread)} % dearer for the payee" if spread else ""
        found.append(("Rate", f"{pays.get('rate')} US dollars for 1 {pays['currency']}{dearer}"))
    if order.details.get("end_to_end_id"):
        found.append(("End-to-end id", str(order.details["end_to_end_id"])))
    if to.get("brand"):
        found.append(("Brand", f"{to['brand']}, {to.get('country') or 'any country'}"))
    return found
