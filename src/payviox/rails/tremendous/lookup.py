"""Asking Tremendous what became of an order: which part of an answer is the order, and whether it
failed only because the account is empty. What the order's state means is in status.py. Amounts are
US cents."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from payviox.rails.http import NotSent, Unclear
from payviox.rails.orders import ReadyOrder
from payviox.rails.protocol import Account, Outcome, RailError
from payviox.rails.tremendous import catalogue, status
from payviox.rails.tremendous import float as holdings
from payviox.rails.tremendous.client import Client, Crowded, NoKey, Reply, path
from payviox.rails.tremendous.status import Expected

CROWDED_LOOK_S = 60.0
"""After how long, in seconds, a look-up is tried again for which there was no turn: many at once
leave turns to new orders."""


async def look_up(client: Client, account: Account, order: ReadyOrder, reference: str) -> Outcome:
    """What the order under this reference has come to."""
    expected = expected_of(order, reference)
    rail_order_id = order.rail_order_id
    try:
        if rail_order_id is not None:
            reply = await client.get(account, path("orders", rail_order_id))
        else:
            by = {"external_id": reference}
            reply = await client.get(account, "/orders", by)
    except NoKey:
        return Outcome("unknown", evidence={"error": "the account has no API key"})
    except Crowded as error:
        again_s = max(error.again_s, CROWDED_LOOK_S)
        return Outcome("unknown", again_s=again_s, evidence={"error": str(error)})
    except (NotSent, Unclear) as error:
        return Outcome("unknown", evidence={"error": str(error)})
    if reply.status != 200:
        return _unanswered(reply)
    answer = read(reply, expected) if rail_order_id else _pick(reply, expected)
    return await for_lack_of_funds(client, account, order, answer)


async def for_lack_of_funds(
    client: Client, account: Account, order: ReadyOrder, answer: Outcome
) -> Outcome:
    """An order that failed, as Tremendous has it, because the account is empty is no fault of
    its owner: another one is made when there is money again."""
    if answer.state != "failed" or answer.evidence.get("status") != "FAILED":
        return answer
    try:
        available = await holdings.read(client, account)
    except RailError as error:
        evidence = answer.evidence | {"error": str(error)}
        return replace(answer, state="unknown", reason=None, again_s=None, evidence=evidence)
    price = answer.evidence.get("total", order.net_amount)
    if not holdings.is_below(available, price):
        return answer
    return replace(answer, retryable=True, waiting="float_empty", again_s=None)


def expected_of(order: ReadyOrder, reference: str) -> Expected:
    """What an order at Tremendous has to look like to be ours."""
    named = catalogue.parse_id(order.destination.get("product"))
    return Expected(reference, order.net_amount, "" if named is None else named[0])


def read(reply: Reply, order: Expected) -> Outcome:
    """The one order that an answer has."""
    at_rail = reply.body.get("order")
    if not isinstance(at_rail, Mapping):
        return Outcome("unknown", evidence={"error": "the answer has no order"})
    return status.outcome(at_rail, order, datetime.now(UTC))


def _pick(reply: Reply, order: Expected) -> Outcome:
    """The one order of a list by external_id. A list that has others was not filtered, and then
    says nothing about what it lacks."""
    listed = reply.body.get("orders")
    if not isinstance(listed, list):
        return Outcome("unknown", evidence={"error": "the answer has no orders"})
    if not listed:
        return Outcome("not_found")
    if len(listed) > 1 or not isinstance(listed[0], Mapping):
        return Outcome("unknown", evidence={"error": f"{len(listed)} orders for one external_id"})
    return status.outcome(listed[0], order, datetime.now(UTC))


def _unanswered(reply: Reply) -> Outcome:
    evidence: dict[str, Any] = {"http_status": reply.status, "error": f"HTTP {reply.status}"}
    message = status.message(reply.body)
    again_s = reply.retry_after_s if reply.status == 429 else None
    return Outcome(
        "unknown", again_s=again_s, evidence=evidence | ({"message": message} if message else {})
    )
