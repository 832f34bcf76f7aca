"""The SQL of stock that is held after a restore, and of what may have left it since the backup."""
# ruff: noqa: S608  # the statements share constants; values are always parameters

from uuid import UUID

from psycopg.rows import class_row

from payviox.db.origin import ORIGIN
from payviox.db.pool import Connection
from payviox.giftcards.model import DoubtfulCard, DoubtfulOrder, HeldStock, ProductKey


async def is_held(connection: Connection, business_id: UUID) -> bool:
    """Whether no card may leave, also because the database was restored just now, beneath running
    processes."""
    cursor = await connection.execute(
        "SELECT true FROM stock_holds WHERE business_id = %s"
        f" UNION ALL SELECT true FROM installation WHERE origin <> {ORIGIN}",
        [business_id],
    )
    return await cursor.fetchone() is not None


async def release(connection: Connection, business_id: UUID) -> bool:
    """Whether it was held."""
    cursor = await connection.execute(
        "DELETE FROM stock_holds WHERE business_id = %s", [business_id]
    )
    return cursor.rowcount == 1


async def count_held(connection: Connection) -> int:
    """How many businesses' stock is held."""
    cursor = await connection.execute("SELECT count(*) FROM stock_holds")
    row = await cursor.fetchone()
    return int(str(row[0])) if row else 0


async def list_held(connection: Connection) -> list[HeldStock]:
    async with connection.cursor(row_factory=class_row(HeldStock)) as cursor:
        await cursor.execute(
            "SELECT b.id AS business_id, b.name, b.mode, h.held_since, c.cards, o.orders"
            " FROM stock_holds h JOIN businesses b ON b.id = h.business_id"
            " CROSS JOIN LATERAL (SELECT count(*) AS cards FROM gift_cards"
            "   WHERE business_id = h.business_id AND status IN ('available', 'reserved')) c"
            " CROSS JOIN LATERAL (SELECT count(*) AS orders FROM orders"
            "   WHERE business_id = h.business_id AND rail = 'stock'"
            "   AND status IN ('created', 'review', 'queued', 'sending', 'unknown')) o"
            " ORDER BY b.name, b.id"
        )
        return await cursor.fetchall()


async def list_doubtful_cards(
    connection: Connection, business_id: UUID, after: UUID, limit: int = 1_000
) -> list[DoubtfulCard]:
    """Cards that nobody had got at the backup, by id, those after the card `after`."""
    async with connection.cursor(row_factory=class_row(DoubtfulCard)) as cursor:
        await cursor.execute(
            "SELECT c.id, c.status, c.expires_on, p.name AS product, p.brand, p.country,"
            " p.currency, p.face_value, p.price FROM gift_cards c JOIN gift_card_products p"
            " ON p.business_id = c.business_id AND p.id = c.product_id"
            " WHERE c.business_id = %s AND c.status IN ('available', 'reserved') AND c.id > %s"
            " ORDER BY c.id LIMIT %s",
            [business_id, after, limit],
        )
        return await cursor.fetchall()


async def list_doubtful_orders(connection: Connection, business_id: UUID) -> list[DoubtfulOrder]:
    """Orders that had no card at the backup and may have got one since."""
    async with connection.cursor(row_factory=class_row(DoubtfulOrder)) as cursor:
        await cursor.execute(
            "SELECT id, status, amount, created_at FROM orders"
            " WHERE business_id = %s AND rail = 'stock'"
            " AND status IN ('created', 'review', 'queued', 'sending', 'unknown') ORDER BY id",
            [business_id],
        )
        return await cursor.fetchall()


async def list_kinds(connection: Connection, business_id: UUID) -> list[ProductKey]:
    """One product of each kind of card (brand, country, currency, face value) that the business
    has."""
    async with connection.cursor(row_factory=class_row(ProductKey)) as cursor:
        await cursor.execute(
            "SELECT DISTINCT ON (brand, country, currency, face_value) name, brand, country,"
            " currency, face_value, price FROM gift_card_products WHERE business_id = %s",
            [business_id],
        )
        return await cursor.fetchall()
