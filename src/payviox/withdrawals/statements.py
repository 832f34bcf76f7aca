"""A rail's orders with their attempts and their money, page by page, for whoever compares them with
the rail's own books. Database only; amounts are US cents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from payviox.actors import Actor
from payviox.db.pool import Connection
from payviox.withdrawals import service
from payviox.withdrawals.queries import statements as queries
from payviox.withdrawals.queries.statements import Booked, SentAttempt

__all__ = [
    "Booked",
    "SentAttempt",
    "Stated",
    "ask_for_look_up",
    "find",
    "forget_look_up",
    "lock",
    "orders_named",
    "page",
]

FIRST = UUID(int=0)
"""Before every order."""

orders_named = queries.orders_named
forget_look_up = queries.forget_look_up


@dataclass(frozen=True, slots=True)
class Stated:
    """An order as our books have it, with every attempt, the first one first."""

    order: Booked
    attempts: tuple[SentAttempt, ...]


async def page(
    connection: Connection,
    business_id: UUID,
    rail: str,
    since: datetime,
    *,
    after: UUID = FIRST,
    limit: int,
) -> list[Stated]:
    """Orders that are open or have changed since then, in order of id, after the order `after`."""
    orders = await queries.list_booked(
        connection, business_id, rail, since, after=after, limit=limit
    )
    return await _with_attempts(connection, business_id, orders)


async def find(
    connection: Connection, business_id: UUID, rail: str, order_ids: Sequence[UUID]
) -> list[Stated]:
    """Find which of these orders went by this rail."""
    orders = await queries.find_booked(connection, business_id, rail, order_ids)
    return await _with_attempts(connection, business_id, orders)


async def lock(
    connection: Connection, business_id: UUID, rail: str, order_id: UUID
) -> Stated | None:
    """The order with its row locked, so that what it says holds until the caller commits."""
    order = await queries.lock_booked(connection, business_id, rail, order_id)
    orders = await _with_attempts(connection, business_id, [order] if order else [])
    return orders[0] if orders else None


async def ask_for_look_up(
    connection: Connection, business_id: UUID, order_id: UUID, actor: Actor
) -> None:
    """Have the worker ask the rail about this order, and remember since when. Raises Conflict where
    there is nothing to ask."""
    await service.look_up_now(connection, business_id, order_id, actor)
    await queries.ask_for_look_up(connection, business_id, order_id)


async def _with_attempts(
    connection: Connection, business_id: UUID, orders: Sequence[Booked]
) -> list[Stated]:
    if not orders:
        return []
    attempts = await queries.list_attempts_of(connection, business_id, [o.id for o in orders])
    of_order = {
        order_id: tuple(group) for order_id, group in groupby(attempts, lambda a: a.order_id)
    }
    return [Stated(order, of_order.get(order.id, ())) for order in orders]
