"""The SQL of gift cards. One that soon expires is never delivered."""
# ruff: noqa: S608  # the statements share constants of this file; values are always parameters

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row, tuple_row

from payviox import ids
from payviox.db.pool import Connection
from payviox.giftcards.model import (
    SHORTEST_LIFE_DAYS,
    AlertLevel,
    BoundCard,
    DeliveredCard,
    Product,
    ProductKey,
    SealedCard,
    Stock,
    StoredCode,
)

DELIVERABLE = (
    "status = 'available' AND (expires_on IS NULL"
    f" OR expires_on >= current_date + {SHORTEST_LIFE_DAYS})"
)

BOUND = (
    "SELECT c.id, c.product_id, c.status, p.brand, p.country, p.currency, p.face_value"
    " FROM gift_cards c JOIN gift_card_products p"
    " ON p.business_id = c.business_id AND p.id = c.product_id"
)

PRODUCTS = (
    "SELECT p.id, p.name, p.brand, p.country, p.currency, p.face_value, p.price,"
    " EXISTS (SELECT FROM gift_cards WHERE business_id = %(business)s AND product_id = p.id"
    f"        AND {DELIVERABLE}) AS available"
    " FROM gift_card_products p WHERE p.business_id = %(business)s"
)

# Orders by what the partial index is sorted by: what expires first is delivered first.
TAKE = (
    "UPDATE gift_cards SET status = 'reserved', reference = %(reference)s, order_id = %(order)s"
    " WHERE business_id = %(business)s AND id = (SELECT id FROM gift_cards"
    f"   WHERE business_id = %(business)s AND product_id = %(product)s AND {DELIVERABLE}"
    "   ORDER BY expires_on, id LIMIT 1 FOR UPDATE"
)

_IS = "status = '{}'"
EXPIRED = f"status = 'available' AND expires_on < current_date + {SHORTEST_LIFE_DAYS}"


def _counted(condition: str) -> str:
    """How many of a product's cards are so, counted up to `most`; NULL counts all."""
    return (
        "(SELECT count(*) FROM (SELECT FROM gift_cards WHERE business_id = %(business)s"
        f" AND product_id = p.id AND {condition} LIMIT %(most)s) few)"
    )


STOCK = (
    "SELECT p.business_id, p.id AS product_id, p.name, p.brand, p.country, p.currency,"
    " p.face_value, p.price, n.available, n.expired, n.reserved, n.delivered, n.void,"
    " n.available < greatest(b.low_stock, 1) AS low"
    " FROM gift_card_products p JOIN businesses b ON b.id = p.business_id"
    " CROSS JOIN LATERAL (SELECT"
    f" {_counted(DELIVERABLE)} AS available, {_counted(EXPIRED)} AS expired,"
    f" {_counted(_IS.format('reserved'))} AS reserved,"
    f" {_counted(_IS.format('delivered'))} AS delivered,"
    f" {_counted(_IS.format('void'))} AS void) n"
)


async def list_products(connection: Connection, business_id: UUID) -> list[Product]:
    async with connection.cursor(row_factory=class_row(Product)) as cursor:
        await cursor.execute(
            f"{PRODUCTS} ORDER BY p.brand, p.name, p.price, p.id", {"business": business_id}
        )
        return await cursor.fetchall()


async def find_product(
    connection: Connection, business_id: UUID, product_id: UUID
) -> Product | None:
    async with connection.cursor(row_factory=class_row(Product)) as cursor:
        await cursor.execute(
            f"{PRODUCTS} AND p.id = %(product)s", {"business": business_id, "product": product_id}
        )
        return await cursor.fetchone()


async def open_product(connection: Connection, business_id: UUID, key: ProductKey) -> UUID:
    """The product's id; it is made on its first card."""
    values = [
        business_id,
        key.name,
        key.brand,
        key.country,
        key.currency,
        key.face_value,
        key.price,
    ]
    await connection.execute(
        "INSERT INTO gift_card_products"
        " (business_id, name, brand, country, currency, face_value, price, id)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT ON CONSTRAINT gift_card_products_same DO NOTHING",
        [*values, ids.new()],
    )
    cursor = await connection.execute(
        "SELECT id FROM gift_card_products WHERE business_id = %s AND name = %s AND brand = %s"
        " AND country = %s AND currency = %s AND face_value = %s AND price = %s",
        values,
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101  # products are never deleted
    return UUID(str(row[0]))


async def find_fingerprints(
    connection: Connection, business_id: UUID, fingerprints: Sequence[bytes]
) -> set[bytes]:
    """Find which of these fingerprints the business's cards have."""
    cursor = await connection.execute(
        "SELECT fingerprint FROM gift_cards WHERE business_id = %s AND fingerprint = ANY(%s)",
        [business_id, list(fingerprints)],
    )
    return {bytes(row[0]) for row in await cursor.fetchall()}  # type: ignore[call-overload]  # bytea


async def insert_cards(
    connection: Connection,
    business_id: UUID,
    cards: Sequence[SealedCard],
    products: Sequence[UUID],
) -> None:
    """Write those cards whose fingerprint is new; `products` names each card's product."""
    await connection.execute(
        "INSERT INTO gift_cards"
        " (business_id, id, product_id, code, pin, key_id, fingerprint, expires_on)"
        " SELECT %s, * FROM unnest(%s::uuid[], %s::uuid[], %s::bytea[], %s::bytea[], %s::text[],"
        "                          %s::bytea[], %s::date[])"
        " ON CONFLICT DO NOTHING",
        [
            business_id,
            [card.id for card in cards],
            list(products),
            [card.code for card in cards],
            [card.pin for card in cards],
            [card.key_id for card in cards],
            [card.fingerprint for card in cards],
            [card.expires_on for card in cards],
        ],
    )


async def those_stored(
    connection: Connection, business_id: UUID, cards: Sequence[UUID]
) -> set[UUID]:
    """Find which of these ids are cards."""
    cursor = await connection.execute(
        "SELECT id FROM gift_cards WHERE business_id = %s AND id = ANY(%s)",
        [business_id, list(cards)],
    )
    return {UUID(str(row[0])) for row in await cursor.fetchall()}


async def find_by_fingerprints(
    connection: Connection, business_id: UUID, fingerprints: Sequence[bytes]
) -> dict[bytes, StoredCode]:
    """The cards that have these fingerprints, by fingerprint."""
    async with connection.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(
            "SELECT c.fingerprint, c.id, c.code, c.pin, c.key_id, c.expires_on, p.brand,"
            " p.country, p.currency, p.face_value"
            " FROM gift_cards c JOIN gift_card_products p"
            " ON p.business_id = c.business_id AND p.id = c.product_id"
            " WHERE c.business_id = %s AND c.fingerprint = ANY(%s)",
            [business_id, list(fingerprints)],
        )
        rows = await cursor.fetchall()
    return {row[0]: StoredCode(business_id, *row[1:]) for row in rows}


async def find_bound(
    connection: Connection, business_id: UUID, order_id: UUID, reference: str
) -> BoundCard | None:
    """The card that this reference, or another attempt of its order, has got."""
    async with connection.cursor(row_factory=class_row(BoundCard)) as cursor:
        await cursor.execute(
            f"{BOUND} WHERE c.business_id = %s AND (c.reference = %s OR c.order_id = %s)",
            [business_id, reference, order_id],
        )
        return await cursor.fetchone()


async def lock_sending(
    connection: Connection, business_id: UUID, order_id: UUID, reference: str
) -> bool:
    """Whether the order is being sent under this reference; it stays so until this transaction
    ends."""
    cursor = await connection.execute(
        "SELECT FROM orders o JOIN order_attempts a ON a.business_id = o.business_id"
        " AND a.order_id = o.id AND a.number = o.attempt"
        " WHERE o.business_id = %s AND o.id = %s AND o.status = 'sending' AND a.reference = %s"
        " FOR UPDATE OF o",
        [business_id, order_id, reference],
    )
    return cursor.rowcount == 1


async def take_card(
    connection: Connection,
    business_id: UUID,
    product_id: UUID,
    order_id: UUID,
    reference: str,
    *,
    wait: bool,
) -> UUID | None:
    """Bind one card to the reference. Cards that others just hold are skipped, or waited for."""
    cursor = await connection.execute(
        f"{TAKE}{'' if wait else ' SKIP LOCKED'}) RETURNING id",
        {
            "business": business_id,
            "product": product_id,
            "order": order_id,
            "reference": reference,
        },
    )
    row = await cursor.fetchone()
    return UUID(str(row[0])) if row else None


async def deliver(connection: Connection, business_id: UUID, card_id: UUID) -> None:
    await connection.execute(
        "UPDATE gift_cards SET status = 'delivered', delivered_at = now()"
        " WHERE business_id = %s AND id = %s AND status = 'reserved'",
        [business_id, card_id],
    )


async def count_left(
    connection: Connection, business_id: UUID, product_id: UUID
) -> tuple[int, int]:
    """How many cards are left (counted up to the threshold) and the business's threshold."""
    cursor = await connection.execute(
        "SELECT (SELECT count(*)::int FROM (SELECT FROM gift_cards"
        f"   WHERE business_id = %s AND product_id = %s AND {DELIVERABLE}"
        "   LIMIT greatest(b.low_stock, 1)) AS few), b.low_stock"
        " FROM businesses b WHERE b.id = %s",
        [business_id, product_id, business_id],
    )
    row = await cursor.fetchone()
    return (int(str(row[0])), int(str(row[1]))) if row else (0, 0)


async def mark_alerted(
    connection: Connection, business_id: UUID, product_id: UUID, level: AlertLevel
) -> bool:
    """Whether this is news."""
    cursor = await connection.execute(
        "UPDATE gift_card_products SET alerted = %s"
        " WHERE business_id = %s AND id = %s AND alerted IS DISTINCT FROM %s"
        " AND alerted IS DISTINCT FROM 'sold_out'",
        [level, business_id, product_id, level],
    )
    return cursor.rowcount == 1


async def clear_alerts(connection: Connection, business_id: UUID, products: Sequence[UUID]) -> None:
    await connection.execute(
        "UPDATE gift_card_products SET alerted = NULL"
        " WHERE business_id = %s AND id = ANY(%s) AND alerted IS NOT NULL",
        [business_id, list(products)],
    )


async def void_fingerprints(
    connection: Connection, business_id: UUID, fingerprints: Sequence[bytes]
) -> int:
    cursor = await connection.execute(
        "UPDATE gift_cards SET status = 'void'"
        " WHERE business_id = %s AND fingerprint = ANY(%s) AND status = 'available'",
        [business_id, list(fingerprints)],
    )
    return cursor.rowcount


async def void_ids(connection: Connection, business_id: UUID, cards: Sequence[UUID]) -> set[UUID]:
    """Take these out of stock, and answer those that nobody has got, again the same."""
    cursor = await connection.execute(
        "UPDATE gift_cards SET status = 'void'"
        " WHERE business_id = %s AND id = ANY(%s) AND status IN ('available', 'void') RETURNING id",
        [business_id, list(cards)],
    )
    return {UUID(str(row[0])) for row in await cursor.fetchall()}


async def void_product(connection: Connection, business_id: UUID, product_id: UUID) -> int:
    cursor = await connection.execute(
        "UPDATE gift_cards SET status = 'void'"
        " WHERE business_id = %s AND product_id = %s AND status = 'available'",
        [business_id, product_id],
    )
    return cursor.rowcount


async def list_stock(connection: Connection, business_id: UUID, most: int | None) -> list[Stock]:
    async with connection.cursor(row_factory=class_row(Stock)) as cursor:
        await cursor.execute(
            f"{STOCK} WHERE p.business_id = %(business)s ORDER BY p.brand, p.name, p.price, p.id",
            {"business": business_id, "most": most},
        )
        return await cursor.fetchall()


async def list_delivered(
    connection: Connection, business_id: UUID, since: datetime, after: UUID, limit: int = 1_000
) -> list[DeliveredCard]:
    """Cards delivered since then, by id, those after the card `after`."""
    async with connection.cursor(row_factory=class_row(DeliveredCard)) as cursor:
        await cursor.execute(
            "SELECT c.id, c.reference, p.price, c.delivered_at"
            " FROM gift_cards c JOIN gift_card_products p"
            " ON p.business_id = c.business_id AND p.id = c.product_id"
            " WHERE c.business_id = %s AND c.status = 'delivered' AND c.delivered_at >= %s"
            " AND c.id > %s ORDER BY c.id LIMIT %s",
            [business_id, since, after, limit],
        )
        return await cursor.fetchall()
