"""Which new orders a person must look at first. The rules are the business's own; amounts are US
cents."""

from uuid import UUID

from payviox.businesses.model import Business
from payviox.db.pool import Connection
from payviox.rails.orders import ReadyOrder
from payviox.rails.waiting import Review
from payviox.withdrawals.model import destination_digest, payee_digest
from payviox.withdrawals.queries import rules

VELOCITY_S = 24 * 3600
"""The window of both velocity rules, in seconds."""


async def queue_up(connection: Connection, business: Business, order: ReadyOrder) -> None:
    """Where the business counts who shares a destination: let one order to it go at a time. Before
    any account is locked, since nobody who holds an account may wait here."""
    payee = payee_digest(order.provider, order.destination)
    if payee is not None and business.review_shared_users is not None:
        await rules.lock_payee(connection, business.id, payee)


async def reasons(
    connection: Connection, business: Business, user_id: UUID, order: ReadyOrder
) -> list[Review]:
    """Why this new order is to be reviewed, nothing if it is not. The caller holds the payout
    user's account, so that of two orders at once the second sees the first.
    What each reason means is in payviox.rails.waiting.
    """
    causes: list[Review] = []
    if business.review_amount is not None and order.amount >= business.review_amount:
        causes.append("amount")
    if {order.rail, order.provider} & set(business.review_rails):
        causes.append("rail")
    causes += await _destination(connection, business, user_id, order)
    causes += await _velocity(connection, business, user_id, order)
    return causes


async def _destination(
    connection: Connection, business: Business, user_id: UUID, order: ReadyOrder
) -> list[Review]:
    shared = business.review_shared_users
    payee = payee_digest(order.provider, order.destination)
    if payee is None or not (business.review_first_use or shared):
        return []
    uses = await rules.uses(
        connection,
        business.id,
        user_id,
        destination=destination_digest(order.provider, order.destination),
        payee=payee,
        most=shared or 0,
    )
    causes: list[Review] = []
    if business.review_first_use and not uses.succeeded_before:
        causes.append("first_use")
    if shared is not None and uses.other_users + 1 >= shared:
        causes.append("shared_destination")
    return causes


async def _velocity(
    connection: Connection, business: Business, user_id: UUID, order: ReadyOrder
) -> list[Review]:
    if business.review_velocity_orders is None and business.review_velocity_amount is None:
        return []
    orders, amount = await rules.within(connection, business.id, user_id, VELOCITY_S)
    causes: list[Review] = []
    if (
        business.review_velocity_orders is not None
        and orders + 1 >= business.review_velocity_orders
    ):
        causes.append("velocity_orders")
    most = business.review_velocity_amount
    if most is not None and amount + order.amount >= most:
        causes.append("velocity_amount")
    return causes
