"""Suspense items: the sub-ledger of the suspense accounts. Opening an item books what left by a
rail beyond what our books say (or takes back what they say and never left), so that `settled` and
`rail_cost` tell what really left; a suspense account's balance is what its open items come to,
negated. Everything here happens in the caller's transaction. Amounts are US cents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from payviox import ids
from payviox.actors import WORKER, Actor
from payviox.db.pool import Connection
from payviox.ledger import service as ledger
from payviox.ledger.model import (
    MAIN,
    WORLD,
    AccountName,
    Posting,
    rail_cost,
    settled,
    suspense,
    user,
)
from payviox.ledger.queries import suspense as queries
from payviox.ledger.queries.suspense import Item

__all__ = [
    "BY_ITSELF",
    "COST_CAUSES",
    "Cause",
    "Item",
    "NewItem",
    "Resolution",
    "change",
    "find",
    "list_page",
    "lock",
    "lock_rail",
    "not_yet_items",
    "of_subjects",
    "overtake",
    "resolve",
    "resolving_accounts",
    "seen",
    "take_alerts",
]

Cause = Literal[
    "paid_after_all",
    "paid_not_booked",
    "not_paid",
    "amount_differs",
    "cost_differs",
    "paid_twice",
    "unknown_payment",
    "returned_not_booked",
    "stuck",
    "unclear",
]
Resolution = Literal["explained", "absorbed", "charged", "written_off"]

COST_CAUSES: frozenset[str] = frozenset({"cost_differs"})
"""Causes about what a rail charged; all others are about what it paid."""

BY_ITSELF = WORKER
"""Who resolved an item that a later comparison, or the order's own booking, explained."""

OVERTAKEN = ("paid_not_booked", "not_paid", "returned_not_booked", "amount_differs", "cost_differs")
"""Causes that an order's own booking makes obsolete: the next comparison starts from there."""

find = queries.find
lock = queries.lock
lock_rail = queries.lock_rail
list_page = queries.list_page
of_subjects = queries.of_subjects
seen = queries.seen
take_alerts = queries.take_alerts
not_yet_items = queries.not_yet_items


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item to be opened. `subject` names an order as it is shown, or a payment by the rail's
    own name for it."""

    rail: str
    cause: Cause
    subject: str
    order_id: UUID | None
    amount: int
    evidence: dict[str, Any]


async def change(
    connection: Connection,
    business_id: UUID,
    *,
    closing: Sequence[Item] = (),
    opening: Sequence[NewItem] = (),
    reason: str,
) -> list[Item]:
    """Close these items as explained, taking their bookings back, and open those; answers what was
    opened. The caller holds the items.

    Raises InsufficientFunds where an account that may not be negative would be.
    """
    opened = [_item(business_id, new) for new in opening]
    postings = [_posting(item, -1, BY_ITSELF, reason) for item in closing if item.amount]
    # What a rail paid after all was booked when the rail said so.
    postings += [
        _posting(item, 1, BY_ITSELF, reason)
        for item in opened
        if item.amount and item.cause != "paid_after_all"
    ]
    if postings:
        await ledger.post(connection, business_id, postings)
    await queries.resolve(connection, closing, "explained", BY_ITSELF, reason)
    for item in opened:
        await queries.insert(connection, item)
    return opened


async def overtake(
    connection: Connection, business_id: UUID, order_ids: Sequence[UUID]
) -> list[Posting]:
    """Close what is open about orders that are now booked by themselves; answers the postings that
    take the items' bookings back, to be made together with the orders' own."""
    subjects = [ids.show(ids.ORDER, order_id) for order_id in order_ids]
    items = await queries.lock_open(connection, business_id, subjects, OVERTAKEN)
    reason = "the order was booked by itself"
    await queries.resolve(connection, items, "explained", BY_ITSELF, reason)
    return [_posting(item, -1, BY_ITSELF, reason) for item in items if item.amount]


async def resolve(
    connection: Connection,
    item: Item,
    resolution: Resolution,
    *,
    user_id: UUID | None = None,
    reason: str,
    actor: Actor,
) -> None:
    """Book a person's decision on an open item that the caller holds.

    - explained: it is none of our money, or did not happen: its booking is taken back
    - absorbed: the main balance bears it, or keeps it where less left than was booked
    - charged: the payout user's balance bears it, or gets it
    - written_off: the world does: it came from or went where these books do not reach

    Raises InsufficientFunds where that balance has too little.
    """
    if item.amount:
        if resolution == "explained":
            posting = _posting(item, -1, actor, reason)
        else:
            source, target = resolving_accounts(item, resolution, user_id)
            posting = Posting(
                "adjustment",
                abs(item.amount),
                source,
                target,
                actor=actor,
                reason=reason,
                reference=ids.show(ids.SUSPENSE_ITEM, item.id),
            )
        await ledger.post(connection, item.business_id, [posting])
    await queries.resolve(connection, [item], resolution, actor, reason)


def resolving_accounts(
    item: Item, resolution: Resolution, user_id: UUID | None = None
) -> tuple[AccountName, AccountName]:
    """From where and to where resolving an item with an amount moves it."""
    if resolution == "explained":
        return _booking_accounts(item, -1)
    return _direction(item.amount, _bearer(resolution, user_id), suspense(item.rail))


def _bearer(resolution: Resolution, user_id: UUID | None) -> AccountName:
    if resolution == "charged":
        if user_id is None:
            raise ValueError("there is no payout user to charge")
        return user(user_id)
    return MAIN if resolution == "absorbed" else WORLD


def _posting(item: Item, sign: int, actor: Actor, reason: str) -> Posting:
    """What opening (1) or taking back (-1) an item moves."""
    source, target = _booking_accounts(item, sign)
    return Posting(
        "suspense",
        abs(item.amount),
        source,
        target,
        order_id=item.order_id,
        actor=actor,
        reason=reason,
        reference=ids.show(ids.SUSPENSE_ITEM, item.id),
    )


def _booking_accounts(item: Item, sign: int) -> tuple[AccountName, AccountName]:
    counterpart = rail_cost(item.rail) if item.cause in COST_CAUSES else settled(item.rail)
    return _direction(sign * item.amount, suspense(item.rail), counterpart)


def _direction(
    amount: int, source: AccountName, target: AccountName
) -> tuple[AccountName, AccountName]:
    return (source, target) if amount > 0 else (target, source)


def _item(business_id: UUID, new: NewItem) -> Item:
    now = datetime.now(UTC)
    return Item(
        business_id,
        ids.new(),
        new.rail,
        new.cause,
        new.subject,
        new.order_id,
        new.amount,
        new.evidence,
        opened_at=now,
        seen_at=now,
        alerted_at=None,
        resolved_at=None,
        resolved_by=None,
        resolution=None,
        reason=None,
    )
