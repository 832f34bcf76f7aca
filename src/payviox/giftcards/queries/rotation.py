"""The SQL of what the secret keys made of gift cards: bringing them under another one, one business
after another, and reading a business's to check them."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from payviox.db.pool import Connection
from payviox.giftcards.model import StoredCode


async def count_other_keys(connection: Connection, key_id: str) -> dict[UUID, int]:
    """How many cards of each business have another key than this one. Across businesses."""
    cursor = await connection.execute(
        "SELECT business_id, count(*) FROM gift_cards WHERE key_id <> %s"
        " GROUP BY business_id ORDER BY business_id",
        [key_id],
    )
    return dict(await cursor.fetchall())  # type: ignore[arg-type]  # uuid, bigint


@dataclass(frozen=True, slots=True)
class PrintedCode(StoredCode):
    """A sealed code with the fingerprint beside it."""

    fingerprint: bytes


async def stored_codes(connection: Connection, business_id: UUID) -> AsyncIterator[PrintedCode]:
    """Every card of a business, in a transaction."""
    async with connection.cursor("codes", row_factory=class_row(PrintedCode)) as cursor:
        cursor.itersize = 1_000
        await cursor.execute(
            "SELECT c.business_id, c.id, c.code, c.pin, c.key_id, c.expires_on, p.brand, p.country,"
            " p.currency, p.face_value, c.fingerprint FROM gift_cards c JOIN gift_card_products p"
            " ON p.business_id = c.business_id AND p.id = c.product_id WHERE c.business_id = %s",
            [business_id],
        )
        async for row in cursor:
            yield row


async def has_fingerprint(connection: Connection, business_id: UUID, fingerprint: bytes) -> bool:
    cursor = await connection.execute(
        "SELECT FROM gift_cards WHERE business_id = %s AND fingerprint = %s",
        [business_id, fingerprint],
    )
    return await cursor.fetchone() is not None


async def lock_other_keys(
    connection: Connection, business_id: UUID, key_id: str, after: UUID, limit: int
) -> Sequence[StoredCode]:
    """The next cards of a business whose key is not this one, by id, locked."""
    async with connection.cursor(row_factory=class_row(StoredCode)) as cursor:
        await cursor.execute(
            "SELECT c.business_id, c.id, c.code, c.pin, c.key_id, c.expires_on, p.brand, p.country,"
            " p.currency, p.face_value FROM gift_cards c JOIN gift_card_products p"
            " ON p.business_id = c.business_id AND p.id = c.product_id"
            " WHERE c.business_id = %s AND c.id > %s AND c.key_id <> %s"
            " ORDER BY c.id LIMIT %s FOR UPDATE OF c",
            [business_id, after, key_id, limit],
        )
        return await cursor.fetchall()


async def replace_code(
    connection: Connection,
    business_id: UUID,
    card_id: UUID,
    *,
    code: bytes,
    pin: bytes | None,
    fingerprint: bytes,
    key_id: str,
) -> None:
    """Store the card under the new key. Where another card already has its new fingerprint, it was
    imported twice by processes that did not know of one another's key: it keeps its old fingerprint
    and is taken out of stock."""
    await connection.execute(
        "WITH twin AS (SELECT EXISTS (SELECT FROM gift_cards WHERE business_id = %(business)s"
        "   AND fingerprint = %(fingerprint)s AND id <> %(id)s) AS found)"
        " UPDATE gift_cards SET code = %(code)s, pin = %(pin)s, key_id = %(key)s,"
        "   fingerprint = CASE WHEN found THEN fingerprint ELSE %(fingerprint)s END,"
        "   status = CASE WHEN found AND status = 'available' THEN 'void' ELSE status END"
        " FROM twin WHERE business_id = %(business)s AND id = %(id)s",
        {
            "business": business_id,
            "id": card_id,
            "code": code,
            "pin": pin,
            "fingerprint": fingerprint,
            "key": key_id,
        },
    )
