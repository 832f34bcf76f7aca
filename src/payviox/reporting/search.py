"""Search over everything of one business: people, orders, movements, keys and suspense items, by
what somebody has at hand. Reading only; amounts are US cents."""

import re
from dataclasses import dataclass, replace
from uuid import UUID

from payviox import ids
from payviox.db.pool import Connection
from payviox.errors import NotFound
from payviox.money import MAX_TREASURY, InvalidAmount, typed_cents
from payviox.payout_users import service as payout_users
from payviox.payout_users.email import InvalidEmail, canonical
from payviox.payout_users.model import PayoutUser
from payviox.reporting.queries import search as queries
from payviox.reporting.queries.search import ItemHit, KeyHit, MovementHit, OrderHit

__all__ = ["Found", "ItemHit", "KeyHit", "MovementHit", "OrderHit", "search"]

LIMIT = 8
"""Hits of each kind."""
LONGEST = 300
HINT = re.compile(r"\W*([\w-]{4})", re.ASCII)
"""A key's last characters, with or without dots before them."""
KEY = re.compile(r"\b[spr]k_(?:live|test)_[\w-]*", re.ASCII)
SECRET = re.compile(r"whsec_|(?<!0x)\b[0-9a-f]{64}\b", re.ASCII | re.IGNORECASE)
"""A webhook's token, or a payout hash. A transaction's hash begins otherwise."""
ATTEMPT = re.compile(r"(ord_[0-9a-f-]{36})(?:\.[0-9]+)?", re.ASCII)
"""An order's id, or the reference of one of its attempts."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, a few of each kind; `exact` is the one whose id was typed."""

    users: list[PayoutUser]
    orders: list[OrderHit]
    movements: list[MovementHit]
    keys: list[KeyHit]
    items: list[ItemHit]
    exact: PayoutUser | OrderHit | ItemHit | None = None

    @property
    def is_empty(self) -> bool:
        return not (self.users or self.orders or self.movements or self.keys or self.items)


NOTHING = Found([], [], [], [], [])


def without_secrets(text: str) -> str:
    """What of a text may stand in an address: of a key its last characters, of what opens something
    nothing."""
    key = KEY.search(text)
    if key is not None:
        return key[0].split("_", 2)[2][-4:]
    return "" if SECRET.search(text) else text


async def search(connection: Connection, business_id: UUID, text: str) -> Found:
    """Whatever of the business goes by this text: how an email, its last name or its domain begins,
    an id, a reference of ours or a rail's, a transaction's hash, a key's last characters, an amount
    in dollars."""
    text = text.strip()[:LONGEST]
    if not text or not text.isprintable():
        return NOTHING
    attempt = ATTEMPT.fullmatch(text)
    order_id = ids.parse(ids.ORDER, attempt[1]) if attempt else None
    user_id = ids.parse(ids.USER, text)
    item_id = ids.parse(ids.SUSPENSE_ITEM, text)
    bare = _uuid(text)
    if bare is not None:
        order_id = user_id = item_id = bare
    cents = _cents(text)
    order_ids = [order_id] if order_id is not None else []
    hint = HINT.fullmatch(text)
    found = Found(
        users=await _users(connection, business_id, text, user_id),
        orders=await queries.orders(connection, business_id, text, order_ids, cents, LIMIT),
        movements=await queries.movements(connection, business_id, text, cents, LIMIT),
        keys=await queries.keys(connection, business_id, hint[1], LIMIT) if hint else [],
        items=await queries.items(connection, business_id, text, item_id, LIMIT),
    )
    hits: list[PayoutUser | OrderHit | ItemHit] = [*found.users, *found.orders, *found.items]
    named = [hit for hit in hits if hit.id in (user_id, order_id, item_id)]
    return replace(found, exact=named[0]) if len(named) == 1 else found


async def _users(
    connection: Connection, business_id: UUID, text: str, user_id: UUID | None
) -> list[PayoutUser]:
    if user_id is not None:
        try:
            return [await payout_users.get(connection, business_id, user_id)]
        except NotFound:
            return []
    if " " in text:
        return []
    return await payout_users.search(connection, business_id, _prefix(text), None, LIMIT)


def _prefix(text: str) -> str:
    """What to look for in the spelling in which addresses are kept."""
    try:
        return canonical(text)
    except InvalidEmail:
        return text.lower()


def _cents(text: str) -> int | None:
    try:
        return typed_cents(text, MAX_TREASURY)
    except InvalidAmount:
        return None


def _uuid(text: str) -> UUID | None:
    return ids.parse("bare", f"bare_{text.lower()}")
