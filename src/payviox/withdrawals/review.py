"""Which new orders a person must look at first. The rules are the business's own; amounts are US
cents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from payviox import ids
from payviox.businesses.model import Business
from payviox.db.pool import Connection
from payviox.rails.orders import ReadyOrder
from payviox.rails.reviews import Review
from payviox.withdrawals.model import KeptQuote, destination_digest, payee_digest
from payviox.withdrawals.queries import rules
from payviox.withdrawals.queries.rules import Facts, PastOrder

VELOCITY_S = 24 * 3600
"""The window of both velocity rules, in seconds."""
PREVIEW_DAYS = 30
PREVIEWED = 2_000
"""So many of the latest orders are held against rules that are not saved yet."""
EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Caught:
    """An order of the past, and why rules would have had it reviewed."""

    order: PastOrder
    causes: list[Review]


@dataclass(frozen=True, slots=True)
class Preview:
    """What rules would have done with the orders of the last days: `caught` of `orders`, over so
    many US cents. `is_partial` where there were more orders than were looked at."""

    orders: int
    caught: int
    amount: int
    is_partial: bool
    examples: Sequence[Caught]


async def queue_up(
    connection: Connection, business: Business, orders: Sequence[ReadyOrder]
) -> None:
    """Where the business counts who shares a destination: let one order to each go at a time.
    Before any account is locked, since nobody who holds an account may wait here."""
    if business.review_shared_users is None:
        return
    payees = {payee_digest(order.provider, order.destination) for order in orders}
    for payee in sorted(payee for payee in payees if payee is not None):
        await rules.lock_payee(connection, business.id, payee)


def looks_at_others(business: Business) -> bool:
    """Whether a rule of the business counts the orders that were made before."""
    counting = (
        business.review_shared_users,
        business.review_velocity_orders,
        business.review_velocity_amount,
    )
    return any(rule is not None for rule in counting)


async def reasons(
    connection: Connection, business: Business, user_id: UUID, order: ReadyOrder | KeptQuote
) -> list[Review]:
    """Why this new order is to be reviewed, nothing if it is not; for a quote, why an order made of
    it now would be. Reading only. Who makes the order holds the payout user's account, so that of
    two orders at once the second sees the first.
    What each reason means is in payviox.rails.reviews.
    """
    facts = Facts(order.amount, order.provider, order.rail)
    facts = await _with_uses(connection, business, user_id, order, facts)
    if business.review_new_bank_account and order.provider == "bank":
        account_id = ids.parse(ids.BANK_ACCOUNT, str(order.destination.get("account", "")))
        is_new = account_id is None or await rules.is_new_bank_account(
            connection,
            business.id,
            user_id,
            destination_digest(order.provider, order.destination),
            account_id,
        )
        facts = replace(facts, is_new_bank_account=is_new)
    if business.review_velocity_orders is not None or business.review_velocity_amount is not None:
        orders, amount = await rules.within(connection, business.id, user_id, VELOCITY_S)
        facts = replace(facts, day_orders=orders, day_amount=amount)
    return causes_of(business, facts)


async def preview(
    connection: Connection, business: Business, changes: Mapping[str, object]
) -> Preview:
    """Hold the latest orders against the business's rules as they would be after these changes.
    What became of earlier orders is taken from how they stand now. Reading only, and bounded."""
    proposed = replace(business, **changes)  # type: ignore[arg-type]  # names and values of rules
    since = ids.first_at(datetime.now(UTC) - timedelta(days=PREVIEW_DAYS))
    past = await rules.past_orders(
        connection,
        business.id,
        since,
        seconds=VELOCITY_S,
        shared=proposed.review_shared_users or 0,
        limit=PREVIEWED + 1,
    )
    looked_at = past[:PREVIEWED]
    caught = [
        Caught(order, causes) for order in looked_at if (causes := causes_of(proposed, order.facts))
    ]
    return Preview(
        orders=len(looked_at),
        caught=len(caught),
        amount=sum(each.order.amount for each in caught),
        is_partial=len(past) > PREVIEWED,
        examples=caught[:EXAMPLES],
    )


def causes_of(business: Business, facts: Facts) -> list[Review]:
    """Which of the business's rules an order meets."""
    causes: list[Review] = []
    if business.review_amount is not None and facts.amount >= business.review_amount:
        causes.append("amount")
    if {facts.rail, facts.provider} & set(business.review_rails):
        causes.append("rail")
    if business.review_first_use and facts.has_payee and not facts.paid_here:
        causes.append("first_use")
    if business.review_new_bank_account and facts.is_new_bank_account:
        causes.append("new_bank_account")
    shared = business.review_shared_users
    if shared is not None and facts.has_payee and facts.other_users + 1 >= shared:
        causes.append("shared_destination")
    most_orders = business.review_velocity_orders
    if most_orders is not None and facts.day_orders + 1 >= most_orders:
        causes.append("velocity_orders")
    most_amount = business.review_velocity_amount
    if most_amount is not None and facts.day_amount + facts.amount >= most_amount:
        causes.append("velocity_amount")
    return causes


async def _with_uses(
    connection: Connection,
    business: Business,
    user_id: UUID,
    order: ReadyOrder | KeptQuote,
    facts: Facts,
) -> Facts:
    shared = business.review_shared_users
    payee = payee_digest(order.provider, order.destination)
    if payee is None or not (business.review_first_use or shared):
        return facts
    uses = await rules.uses(
        connection,
        business.id,
        user_id,
        destination=destination_digest(order.provider, order.destination),
        payee=payee,
        most=shared or 0,
    )
    return replace(
        facts, has_payee=True, paid_here=uses.succeeded_before, other_users=uses.other_users
    )
