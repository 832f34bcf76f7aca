"""An order as commands print it."""

from typing import Any

from payviox import ids
from payviox.cli.output import cell
from payviox.withdrawals.model import Order


def shown(order: Order) -> dict[str, Any]:
    """An order as every command prints it."""
    return {
        "order_id": ids.show(ids.ORDER, order.id),
        "business_id": ids.show(ids.BUSINESS, order.business_id),
        "payout_user_id": ids.show(ids.USER, order.payout_user_id),
        "email": order.email,
        "status": order.status,
        "provider": order.provider,
        "rail": order.rail,
        "amount": order.amount,
        "fees": order.fees,
        "net_amount": order.net_amount,
        "destination": order.destination,
        "review_reasons": ", ".join(order.review_reasons) or None,
        "note": order.note,
        "failure": order.failure,
        "waiting": order.waiting,
        "due_at": order.due_at,
        "rail_order_id": order.rail_order_id,
        "created_at": order.created_at,
        "updated_at": order.updated_at,
    }


def recipient(order: Order) -> str:
    """Where an order's money goes, in a few words."""
    to = order.destination
    if "email" in to:
        return str(to["email"])
    if "to_address" in to:
        return f"{to['to_address']} ({to['currency']} on {to['chain']})"
    return cell(to.get("name") or to.get("brand") or to)
