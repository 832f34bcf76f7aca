"""The SQL of searching one business. Every branch enters an index by the business and what is
searched for, and stops after a few rows: nothing here grows with what there is beside them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import msgspec
from psycopg import sql
from psycopg.rows import class_row

from payviox.db.pool import Connection


class OrderHit(msgspec.Struct, frozen=True):
    """An order; amounts are US cents."""

    id: UUID
    email: str
    provider: str
    rail: str
    status: str
    amount: int
    net_amount: int
    created_at: datetime


class MovementHit(msgspec.Struct, frozen=True):
    """A transfer; `amount` is US cents."""

    id: int
    kind: str
    amount: int
    reference: str | None
    created_at: datetime


class KeyHit(msgspec.Struct, frozen=True):
    kind: str
    hint: str
    created_at: datetime
    revoked_at: datetime | None


class ItemHit(msgspec.Struct, frozen=True):
    """A suspense item; `amount` is US cents."""

    id: UUID
    rail: str
    cause: str
    amount: int
    opened_at: datetime
    resolved_at: datetime | None


BY_ID = "SELECT unnest(%(ids)s::uuid[])"
BY_RAILS_ID = (
    "SELECT order_id FROM order_attempts"
    " WHERE business_id = %(business)s AND rail_order_id = %(text)s"
)
BY_HASH = (
    "SELECT substring(p.reference FROM 'ord_([0-9a-f-]{36})')::uuid FROM evm_transactions t"
    " JOIN evm_payments p ON p.business_id = t.business_id AND p.chain_id = t.chain_id"
    " AND p.wallet = t.wallet AND p.nonce = t.nonce"
    " WHERE t.business_id = %(business)s AND t.hash = lower(%(text)s)"
)
BY_AMOUNT = (
    "SELECT id FROM orders WHERE business_id = %(business)s AND amount = %(cents)s"
    " ORDER BY id DESC LIMIT %(limit)s"
)
BY_NET_AMOUNT = (
    "SELECT id FROM orders WHERE business_id = %(business)s AND net_amount = %(cents)s"
    " AND net_amount <> amount ORDER BY id DESC LIMIT %(limit)s"
)


async def orders(
    connection: Connection,
    business_id: UUID,
    text: str,
    order_ids: Sequence[UUID],
    cents: int | None,
    limit: int,
) -> list[OrderHit]:
    """Orders with these ids, which a rail or a chain knows by the text, or of this amount; newest
    first."""
    branches: list[LiteralString] = [BY_ID, BY_RAILS_ID, BY_HASH]
    if cents is not None:
        branches += [BY_AMOUNT, BY_NET_AMOUNT]
    found = sql.SQL(" UNION ").join(sql.SQL("({})").format(sql.SQL(each)) for each in branches)
    query = sql.SQL(
        "WITH found (id) AS MATERIALIZED ({})"
        " SELECT o.id, u.email, o.provider, o.rail, o.status, o.amount, o.net_amount, o.created_at"
        " FROM found f CROSS JOIN LATERAL (SELECT * FROM orders"
        "   WHERE business_id = %(business)s AND id = f.id OFFSET 0) o"
        " JOIN payout_users u ON u.business_id = %(business)s AND u.id = o.payout_user_id"
        " ORDER BY o.id DESC LIMIT %(limit)s"
    ).format(found)
    arguments = {"ids": list(order_ids), "text": text, "cents": cents}
    return await _rows(connection, OrderHit, query, business_id, limit, arguments)


async def movements(
    connection: Connection, business_id: UUID, text: str, cents: int | None, limit: int
) -> list[MovementHit]:
    """Transfers under this reference, and those of this amount that a person made; newest first."""
    by_reference = (
        "(SELECT id, kind, amount, reference, created_at FROM transfers"
        " WHERE business_id = %(business)s AND reference = %(text)s ORDER BY id DESC"
        " LIMIT %(limit)s)"
    )
    by_amount = (
        " UNION (SELECT id, kind, amount, reference, created_at FROM transfers"
        " WHERE business_id = %(business)s AND amount = %(cents)s AND kind IN"
        " ('deposit', 'funds_withdrawal', 'fund', 'defund', 'adjustment')"
        " ORDER BY id DESC LIMIT %(limit)s)"
    )
    query = sql.SQL("SELECT * FROM ({}{}) t ORDER BY id DESC LIMIT %(limit)s").format(
        sql.SQL(by_reference), sql.SQL(by_amount if cents is not None else "")
    )
    arguments = {"text": text, "cents": cents}
    return await _rows(connection, MovementHit, query, business_id, limit, arguments)


async def keys(connection: Connection, business_id: UUID, hint: str, limit: int) -> list[KeyHit]:
    """API keys that end so, those that stopped among them; newest first."""
    query = sql.SQL(
        "SELECT kind, hint, created_at, revoked_at FROM api_keys"
        " WHERE business_id = %(business)s AND hint = %(hint)s"
        " ORDER BY created_at DESC LIMIT %(limit)s"
    )
    return await _rows(connection, KeyHit, query, business_id, limit, {"hint": hint})


async def items(
    connection: Connection, business_id: UUID, text: str, item_id: UUID | None, limit: int
) -> list[ItemHit]:
    """The suspense item with this id, and those about this subject; newest first."""
    query = sql.SQL(
        "SELECT id, rail, cause, amount, opened_at, resolved_at FROM suspense_items"
        " WHERE business_id = %(business)s AND (id = %(item)s OR subject = %(text)s)"
        " ORDER BY id DESC LIMIT %(limit)s"
    )
    arguments = {"text": text, "item": item_id}
    return await _rows(connection, ItemHit, query, business_id, limit, arguments)


async def _rows(
    connection: Connection,
    kind: type[Any],
    query: sql.Composed | sql.SQL,
    business_id: UUID,
    limit: int,
    arguments: dict[str, Any],
) -> list[Any]:
    async with connection.cursor(row_factory=class_row(kind)) as cursor:
        await cursor.execute(query, {"business": business_id, "limit": limit, **arguments})
        return await cursor.fetchall()
