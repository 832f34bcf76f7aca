"""Where an order's money goes, in a few words."""

from payviox.withdrawals.model import Order


def recipient(order: Order) -> str:
    to = order.destination
    if "email" in to:
        return str(to["email"])
    if "to_address" in to:
        return f"{to['to_address']} ({to['currency']}, {to['chain']})"
    return str(to.get("name") or to.get("brand") or "gift card")
