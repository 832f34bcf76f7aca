"""Making orders, by the business's rules and limits of now, each with its money set aside: one, or
many of one business in the same statements. Database only, in the caller's transaction. Amounts are
US cents."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from payviox import actors, tracing
from payviox.businesses import service as businesses
from payviox.businesses.model import Business
from payviox.db import jobs
from payviox.db.pool import Connection
from payviox.errors import InsufficientBalance, Unauthorized
from payviox.ledger import service as ledger
from payviox.ledger.model import Posting, in_transit
from payviox.ledger.model import user as user_account
from payviox.order_states import check_transition
from payviox.rails.orders import ReadyOrder
from payviox.withdrawals import codes, quotes, review, routing, transitions
from payviox.withdrawals.model import Order
from payviox.withdrawals.queries import orders, rules
from payviox.withdrawals.queries.orders import NewOrder
from payviox.withdrawals.transitions import Entry


@dataclass(frozen=True, slots=True)
class Wanted:
    """An order that a payout user wants, of this quote where there is one. `device` is the browser
    that asks, where one does."""

    user_id: UUID
    ready: ReadyOrder
    quote_id: UUID | None = None
    device: str | None = None


async def create(
    connection: Connection,
    user_id: UUID,
    ready: ReadyOrder,
    *,
    quote_id: UUID | None = None,
    device: str | None = None,
) -> Order:
    """Reserve the amount and make the order, for review or for the worker. Raises what `create_all`
    does."""
    wanted = Wanted(user_id, ready, quote_id, device)
    [order] = await create_all(connection, ready.business_id, [wanted])
    return order


async def create_all(
    connection: Connection, business_id: UUID, wanted: Sequence[Wanted]
) -> list[Order]:
    """Make all these orders or none, as if one after another.

    Raises WithdrawalsDisabled, FieldErrors (methods, limits), Unauthorized (the payout user was
    just deactivated), Conflict (the quote expired or was used), CodeNeeded and
    InsufficientBalance.
    """
    business = await businesses.require_withdrawals(connection, business_id)
    await review.queue_up(connection, business, [each.ready for each in wanted])
    owners = {user_account(each.user_id) for each in wanted}
    accounts = await ledger.lock(connection, business_id, owners)
    balances = {each.user_id: accounts[user_account(each.user_id)].balance for each in wanted}
    business = await businesses.get(connection, business_id)
    for each in wanted:
        routing.check_offered(business, each.ready.provider)
        check_limits(business, each.ready.amount)
    emails = await rules.lock_active(connection, business_id, list(balances))
    made: list[Order] = []
    for group in _groups(business, wanted):
        checked = [await _check(connection, business, emails, balances, one) for one in group]
        made += await orders.insert(connection, business_id, checked, tracing.current().context)
    story = [entry for order in made for entry in _story(order)]
    await transitions.enter(connection, business_id, story)
    # Once for all: rails' accounts are locked in their one order, and last.
    await ledger.post(connection, business_id, [_reserve(order) for order in made])
    if any(order.status == "queued" for order in made):
        await jobs.wake(connection, jobs.PROCESS_ORDERS, business_id)
    return made


def check_limits(business: Business, amount: int) -> None:
    """Raises FieldErrors on `amount` outside the business's limits."""
    routing.check_limits(amount, business.min_withdrawal, business.max_withdrawal)


def _groups(business: Business, wanted: Sequence[Wanted]) -> Sequence[Sequence[Wanted]]:
    """What is checked and written together: each alone where a rule looks at those before it."""
    if codes.may_be_needed(business) or review.looks_at_others(business):
        return [[each] for each in wanted]
    return [wanted]


async def _check(
    connection: Connection,
    business: Business,
    emails: dict[UUID, str],
    balances: dict[UUID, int],
    wanted: Wanted,
) -> NewOrder:
    """The order as it is to be written, its amount taken off its owner's balance among these."""
    user_id, ready = wanted.user_id, wanted.ready
    if user_id not in emails:
        raise Unauthorized
    if wanted.quote_id is not None:
        await quotes.check_usable(connection, business.id, user_id, wanted.quote_id)
    if balances[user_id] < ready.amount:
        raise InsufficientBalance
    balances[user_id] -= ready.amount
    await codes.require(connection, business, user_id, ready.amount, wanted.quote_id, wanted.device)
    reasons = await review.reasons(connection, business, user_id, ready)
    status = orders.new_status(reasons)
    check_transition("created", status)
    return NewOrder(ready, user_id, emails[user_id], wanted.quote_id, reasons)


def _story(order: Order) -> list[Entry]:
    reasons = ", ".join(order.review_reasons) or None
    return [
        Entry(order, "created", actors.payout_user(order.payout_user_id)),
        Entry(order, order.status, actors.RULES, reasons),
    ]


def _reserve(order: Order) -> Posting:
    owner = user_account(order.payout_user_id)
    return Posting("reserve", order.amount, owner, in_transit(order.rail), order_id=order.id)
