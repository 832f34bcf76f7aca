"""The SQL of showing a gift card to its owner."""

from uuid import UUID

from psycopg.rows import class_row

from payviox.db.pool import Connection
from payviox.giftcards.model import StoredCode


async def find_order(
    connection: Connection, business_id: UUID, user_id: UUID, order_id: UUID
) -> str | None:
    """The status of this payout user's order, None where they have no such order."""
    cursor = await connection.execute(
        "SELECT status FROM orders WHERE business_id = %s AND id = %s AND payout_user_id = %s",
        [business_id, order_id, user_id],
    )
    row = await cursor.fetchone()
    return str(row[0]) if row else None


async def find_delivered(
    connection: Connection, business_id: UUID, order_id: UUID
) -> StoredCode | None:
    async with connection.cursor(row_factory=class_row(StoredCode)) as cursor:
        await cursor.execute(
            "SELECT c.business_id, c.id, c.code, c.pin, c.key_id, c.expires_on, p.brand, p.country,"
            " p.currency, p.face_value FROM gift_cards c JOIN gift_card_products p"
            " ON p.business_id = c.business_id AND p.id = c.product_id"
            " WHERE c.business_id = %s AND c.order_id = %s AND c.status = 'delivered'",
            [business_id, order_id],
        )
        return await cursor.fetchone()


async def insert_reveal(
    connection: Connection, business_id: UUID, order_id: UUID, card_id: UUID | None
) -> None:
    await connection.execute(
        "INSERT INTO gift_card_reveals (business_id, gift_card_id, order_id) VALUES (%s, %s, %s)",
        [business_id, card_id, order_id],
    )
