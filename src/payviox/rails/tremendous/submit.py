"""Ordering a card under the order's reference: what is sent, and what an answer means. Amounts are
US cents."""

from typing import Any

from payviox.money import CURRENCY
from payviox.rails.http import NotSent, Unclear
from payviox.rails.orders import ReadyOrder
from payviox.rails.protocol import Account, Outcome, RailError
from payviox.rails.tremendous import float as holdings
from payviox.rails.tremendous import lookup, status
from payviox.rails.tremendous.amounts import to_dollars
from payviox.rails.tremendous.client import Client, Crowded, NoKey


async def submit(  # noqa: PLR0911  # one for each way to end
    client: Client, account: Account, order: ReadyOrder, reference: str
) -> Outcome:
    """Order it; the same reference again answers the first order."""
    body = _body(account, order, reference)
    if body is None:
        return Outcome("not_sent", waiting="rail_misconfigured")
    if not reference.endswith(".1") and await _is_empty(client, account, order.net_amount):
        # Another one would only fail as the one before it did.
        return Outcome("not_sent", waiting="float_empty")
    try:
        reply = await client.post(account, "/orders", body)
    except NoKey:
        return Outcome("not_sent", waiting="rail_not_connected")
    except Crowded as error:
        return Outcome("not_sent", waiting="rate_limited", again_s=error.again_s)
    except NotSent as error:
        return Outcome("not_sent", waiting="rail_unreachable", evidence={"error": str(error)})
    except Unclear as error:
        return Outcome("unknown", evidence={"error": str(error)})
    if reply.status in (200, 201):
        answer = lookup.read(reply, lookup.expected_of(order, reference))
        return await lookup.for_lack_of_funds(client, account, order, answer)
    answer = status.refusal(reply.status, reply.body, reply.retry_after_s)
    if answer.state == "failed":
        return await _confirmed(client, account, order, reference, answer)
    return answer


async def _confirmed(
    client: Client, account: Account, order: ReadyOrder, reference: str, refused: Outcome
) -> Outcome:
    """A refusal is the end only where no earlier call under this reference made an order."""
    outcome = await lookup.look_up(client, account, order, reference)
    return refused if outcome.state == "not_found" else outcome


async def _is_empty(client: Client, account: Account, price: int) -> bool:
    """Whether the account surely holds less."""
    try:
        return holdings.is_below(await holdings.read(client, account), price)
    except RailError:
        return False


def _body(account: Account, order: ReadyOrder, reference: str) -> dict[str, Any] | None:
    """POST /orders; None where the account does not say what pays."""
    source, campaign = (account.settings.get(n) for n in ("funding_source_id", "campaign_id"))
    if not source:
        return None
    reward: dict[str, Any] = {
        "value": {"denomination": to_dollars(order.net_amount), "currency_code": CURRENCY},
        "delivery": {"method": "LINK"},
        "recipient": {
            "name": order.recipient_email.partition("@")[0],
            "email": order.recipient_email,
        },
        "products": [lookup.expected_of(order, reference).product],
    }
    if campaign:
        reward["campaign_id"] = campaign
    return {
        "external_id": reference,
        "payment": {"funding_source_id": source},
        "reward": reward,
    }
