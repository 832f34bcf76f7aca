"""A card's link, made anew each time its owner wants to see it. The link is money: it is kept
nowhere."""

from collections.abc import Mapping
from typing import Any

from payviox import ids
from payviox.rails.orders import ReadyOrder
from payviox.rails.protocol import Account, RailError, RevealedCode
from payviox.rails.tremendous import status
from payviox.rails.tremendous.client import Client, Reply, path, told


async def reveal(client: Client, account: Account, order: ReadyOrder) -> RevealedCode:
    """A fresh link to the card. Raises RailError."""
    if order.rail_order_id is None:
        raise RailError("The order has no id at Tremendous.")
    body = await client.ask(account, path("orders", order.rail_order_id))
    at_rail = body.get("order")
    if not isinstance(at_rail, Mapping):
        raise RailError("Tremendous answered a request for an order with something else.")
    reward = status.reward_id(at_rail)
    if reward is None or not _is_of(order, at_rail):
        raise RailError("Tremendous has another order under this order's id.")
    if at_rail.get("status") != "EXECUTED":
        raise RailError("The order is not delivered at Tremendous any more.")
    reply = await told(client.post(account, path("rewards", reward, "generate_link"), {}))
    link = _link(reply)
    if link is None:
        raise RailError(f"Tremendous made no link (HTTP {reply.status}).")
    return RevealedCode(link=link)


def _link(reply: Reply) -> str | None:
    """A reward's new link, which is money."""
    reward = reply.body.get("reward") if reply.status in (200, 201) else None
    link = reward.get("link") if isinstance(reward, Mapping) else None
    return link if isinstance(link, str) and link.startswith("https://") else None


def _is_of(order: ReadyOrder, at_rail: Mapping[str, Any]) -> bool:
    """Whether it was made under a reference of this order."""
    return str(at_rail.get("external_id")).startswith(f"{ids.show(ids.ORDER, order.order_id)}.")
