"""Sending a payment: one batch with one item, both under the order's reference. PayPal cannot be
asked by our reference, but refuses it a second time and names the first batch."""

from collections.abc import Mapping

from payviox import ids
from payviox.money import decimal
from payviox.rails.http import Answer, NotSent, Unclear
from payviox.rails.orders import ReadyOrder
from payviox.rails.paypal import lookup, refusals, status
from payviox.rails.paypal.client import Client
from payviox.rails.paypal.payments import as_object, text
from payviox.rails.paypal.rate_limit import RateLimited
from payviox.rails.paypal.refusals import Refusal
from payviox.rails.paypal.tokens import Refused, base_url
from payviox.rails.protocol import Account, Outcome
from payviox.rails.waiting import Waiting

FIRST_LOOK_S = 2.0
"""Most payouts have ended so soon after PayPal has taken them."""

SUBJECT = "You have received a payout"
MESSAGE = "Your withdrawal has been sent to you by PayPal."


async def submit(client: Client, account: Account, order: ReadyOrder, reference: str) -> Outcome:
    """Pay; what the first batch has come to where PayPal has had this reference before."""
    answer = await _send(client, account, _batch(order, reference))
    if isinstance(answer, Outcome):
        return answer
    if 200 <= answer.status < 300:
        return _taken(answer)
    refusal = refusals.read(answer)
    if refusal.is_duplicate:
        return await _first_batch(client, account, order, reference, refusal)
    return refusals.outcome(refusal)


def not_sent(waiting: Waiting, error: str, again_s: float | None = None) -> Outcome:
    return Outcome("not_sent", waiting=waiting, again_s=again_s, evidence={"error": error})


async def _send(client: Client, account: Account, batch: Mapping[str, object]) -> Answer | Outcome:
    """PayPal's answer, or what it means that there is none."""
    try:
        return await client.create_batch(account, batch)
    except Refused as error:
        return not_sent("credentials_refused", str(error))
    except RateLimited as error:
        return not_sent("rate_limited", str(error), error.again_s)
    except NotSent as error:
        return not_sent("rail_unreachable", str(error))
    except Unclear as error:
        return status.unknown(f"the call broke off: {error}")


async def _first_batch(
    client: Client, account: Account, order: ReadyOrder, reference: str, refusal: Refusal
) -> Outcome:
    """What the batch has come to that this reference was refused for."""
    batch_id = refusals.first_batch(refusal, base_url(account))
    if batch_id is None:
        error = "PayPal has had this reference and does not say under which batch"
        return status.unknown(error, **refusal.evidence)
    return await lookup.look_up(client, account, order, reference, batch_id)


def _batch(order: ReadyOrder, reference: str) -> dict[str, object]:
    """The same for the same reference, whenever it is sent."""
    return {
        "sender_batch_header": {
            "sender_batch_id": reference,
            "email_subject": SUBJECT,
            "email_message": MESSAGE,
        },
        "items": [
            {
                "recipient_type": "EMAIL",
                "amount": {"value": decimal(order.net_amount), "currency": "USD"},
                "receiver": order.destination["email"],
                "sender_item_id": reference,
                "note": f"Withdrawal {ids.show(ids.ORDER, order.order_id)}",
            }
        ],
    }


def _taken(answer: Answer) -> Outcome:
    header = as_object(answer.json().get("batch_header"))
    batch_id = text(header.get("payout_batch_id"))
    if batch_id is None:
        return status.unknown(f"PayPal answered {answer.status} without a batch id")
    return Outcome(
        "accepted",
        rail_order_id=batch_id,
        again_s=FIRST_LOOK_S,
        evidence={"payout_batch_id": batch_id},
    )
