"""Asking PayPal what became of a payout whose batch is known, and taking it back while it is not
claimed."""

from dataclasses import dataclass
from datetime import UTC, datetime

from payviox.event_log import EventLogger
from payviox.rails.http import NotSent, Unclear
from payviox.rails.orders import ReadyOrder
from payviox.rails.paypal import refusals, status
from payviox.rails.paypal.client import BROKEN, Client
from payviox.rails.paypal.payments import NotOurs, Payment, ours, payments
from payviox.rails.paypal.rate_limit import RateLimited
from payviox.rails.paypal.tokens import Refused
from payviox.rails.protocol import Account, Outcome

logger = EventLogger(__name__)

TAKE_BACK_AGAIN_S = 300.0
"""How soon PayPal is asked once more to cancel what it has not canceled."""

TRY_AGAIN = frozenset({"BATCH_NOT_COMPLETED", "ITEM_CANCELLATION_FAILED"})
"""Refusals to cancel that PayPal calls passing."""


@dataclass(frozen=True, slots=True)
class _Problem:
    text: str
    final: bool


async def look_up(
    client: Client, account: Account, order: ReadyOrder, reference: str, batch_id: str
) -> Outcome:
    """What the payout has come to."""
    payment = await _payment(client, account, order, reference, batch_id)
    if isinstance(payment, Outcome):
        return payment
    return status.outcome(payment, datetime.now(UTC))


async def take_back(
    client: Client, account: Account, order: ReadyOrder, reference: str, batch_id: str
) -> Outcome:
    """Cancels the item while it is unclaimed. What has gone back already, whoever asked for it, is
    canceled too. Unknown while PayPal may still be asked to cancel it; accepted and unclaimed where
    it refuses to."""
    payment = await _payment(client, account, order, reference, batch_id)
    problem = _Problem("PayPal has not canceled it yet", final=False)
    if isinstance(payment, Payment) and payment.word == "UNCLAIMED" and payment.item_id is not None:
        problem = await _cancel(client, account, payment.item_id) or problem
        # Whatever it answered: what became of the item is what PayPal shows afterwards.
        payment = await _payment(client, account, order, reference, batch_id)
    if isinstance(payment, Outcome):
        return payment
    if payment.word == "RETURNED":
        return status.taken_back(payment)
    if payment.word == "UNCLAIMED" and not problem.final:
        return Outcome(
            "unknown",
            again_s=TAKE_BACK_AGAIN_S,
            rail_order_id=batch_id,
            evidence={"error": problem.text, **payment.evidence},
        )
    return status.outcome(payment, datetime.now(UTC))


async def _payment(
    client: Client, account: Account, order: ReadyOrder, reference: str, batch_id: str
) -> Payment | Outcome:
    """Our payment as PayPal shows it, or the unknown that it is."""
    try:
        answer = await client.batch(account, batch_id)
    except RateLimited as error:
        evidence = {"error": str(error)}
        return Outcome("unknown", again_s=error.again_s, rail_order_id=batch_id, evidence=evidence)
    except Refused as error:
        return status.unknown(f"PayPal refuses the credentials: {error}", batch_id)
    except (NotSent, Unclear) as error:
        return status.unknown(f"PayPal could not be asked: {error}", batch_id)
    if answer.status != 200:
        evidence = refusals.read(answer).evidence
        return status.unknown(f"PayPal answered {answer.status}", batch_id, **evidence)
    try:
        return ours(payments(answer.json()), order, reference, batch_id)
    except NotOurs as error:
        logger.warning("payout is not this order's", batch=batch_id, problem=str(error))
        return status.unknown(str(error), payout_batch_id=batch_id)


async def _cancel(client: Client, account: Account, item_id: str) -> _Problem | None:
    """What broke or was refused, if anything."""
    try:
        answer = await client.cancel_item(account, item_id)
    except BROKEN as error:
        return _Problem(f"the cancellation broke off: {error}", final=False)
    if answer.status == 200:
        return None
    name = refusals.read(answer).evidence.get("error_name")
    final = answer.status in (400, 422) and name not in TRY_AGAIN
    return _Problem(f"PayPal did not cancel it: {name or answer.status}", final)
