"""Withdrawals that happen by themselves: the worker makes the order that the payout user would have
made by hand, by the same use case, so the same limits, rules and reviews hold. Amounts are US
cents."""

from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from payviox import tracing
from payviox.auth.users import UserCaller
from payviox.businesses import service as businesses
from payviox.db.pool import Connection, Database
from payviox.destinations.model import Due, HeldBack
from payviox.destinations.queries import destinations as queries
from payviox.errors import Conflict, PayvioxError, ProviderUnavailable, WithdrawalsDisabled
from payviox.event_log import EventLogger
from payviox.rails.orders import ReadyOrder, Request
from payviox.withdrawals import requests
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals.codes import CodeNeeded
from payviox.withdrawals.creation import Wanted
from payviox.withdrawals.routing import Rails

logger = EventLogger(__name__)

AT_ONCE = 20
"""Balances that are taken at once; the next turn takes the rest."""
LEAST_OF_FEE = 10
"""What leaves less than nine tenths of an amount waits: its fee is more than a tenth."""

Ready = tuple[Due, ReadyOrder]


class NotWantedAnyMore(Conflict):
    message = "The payout user wants something else by now."


class FeeTooHigh(Exception):
    """Too little of it would arrive."""


async def withdraw_due(database: Database, rails: Rails) -> None:
    """Withdraw every balance that is due, some of each business in turn. What could not go waits
    for an hour."""
    turns = deque(await database.fetch(queries.due_businesses))
    while turns:
        business_id = turns.popleft()
        due = await database.write(queries.take_due, business_id, AT_ONCE)
        if due:
            with tracing.span("withdraw automatically"):
                await _withdraw(database, rails, due)
            turns.append(business_id)


async def _withdraw(database: Database, rails: Rails, due: Sequence[Due]) -> None:
    """All in one transaction; where one cannot go, one by one, so that it holds up no other. An
    order has its id before, so that none is made twice."""
    ready: list[Ready] = []
    for each in due:
        async with _or_held_back(database, each):
            ready.append((each, await _prepare(database, rails, each)))
    if len(ready) > 1:
        try:
            await database.write(_make, ready)
        except Exception as error:  # noqa: BLE001  # told of the one that it is, below
            logger.info("automatic withdrawals are made one by one", error=type(error).__name__)
        else:
            return
    for one in ready:
        async with _or_held_back(database, one[0]):
            await database.write(_make, [one])


@asynccontextmanager
async def _or_held_back(database: Database, due: Due) -> AsyncIterator[None]:
    """What cannot go waits, and says why."""
    held_back: HeldBack
    try:
        yield
    except NotWantedAnyMore:
        return
    except FeeTooHigh:
        held_back = "fee"
    except CodeNeeded:
        held_back = "code"
    except (ProviderUnavailable, WithdrawalsDisabled):
        held_back = "price"
    except PayvioxError:
        held_back = "limits"
    except Exception:
        logger.exception("an automatic withdrawal failed", payout_user=str(due.payout_user_id))
        held_back = "price"
    else:
        return
    await database.write(queries.end_due, due, held_back)


async def _prepare(database: Database, rails: Rails, due: Due) -> ReadyOrder:
    """As much of the balance as may go at once. Raises FeeTooHigh and what `requests` does."""
    business = await database.fetch(businesses.get, due.business_id)
    methods = {each.provider: each for each in await rails.methods(business) if each.enabled}
    method = methods.get(due.provider)
    if method is None:
        raise ProviderUnavailable
    amount = min(due.balance, method.max_amount)
    caller = UserCaller(due.business_id, due.payout_user_id, due.email, b"")
    wanted = Request(due.business_id, due.provider, due.destination, amount)
    ready = await requests.prepare(database, rails, caller, wanted, None)
    if (ready.amount - ready.net_amount) * LEAST_OF_FEE > ready.amount:
        raise FeeTooHigh
    return ready


async def _make(connection: Connection, ready: Sequence[Ready]) -> None:
    """The orders, all of one business, unless a payout user changed their mind. Raises
    NotWantedAnyMore and what `withdrawals.create_all` does."""
    wanted = [Wanted(due.payout_user_id, order) for due, order in ready]
    await withdrawals.create_all(connection, ready[0][0].business_id, wanted)
    for due, _ in ready:
        if not await queries.end_due(connection, due, None):
            raise NotWantedAnyMore
