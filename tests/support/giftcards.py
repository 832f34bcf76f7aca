"""Gift cards for tests: files of them, imports, and orders that want one."""

import hashlib
import io
from collections.abc import Iterable
from uuid import UUID

from psycopg.types.json import Jsonb

from payviox import ids
from payviox.actors import command
from payviox.db.pool import Connection, Database
from payviox.giftcards import importing, service
from payviox.giftcards.csv_file import read_cards
from payviox.giftcards.importing import Imported
from payviox.giftcards.model import OUT_OF_STOCK, Product
from payviox.giftcards.rail import StockRail
from payviox.keyring import Keyring
from payviox.rails.orders import ReadyOrder
from payviox.rails.protocol import Outcome
from payviox.withdrawals import service as withdrawals

HEADER = "product,brand,country,code,pin,face value,currency,price in cents,expiry"


def csv_of(
    codes: Iterable[str], *, name: str = "Shop 25", price: int = 2_500, expiry: str = ""
) -> str:
    """A file of cards of one product, each with the PIN `pin of <code>`."""
    rows = [f"{name},Shop,US,{code},pin of {code},25.00,USD,{price},{expiry}" for code in codes]
    return "\n".join([HEADER, *rows, ""])


async def import_text(
    database: Database, keyring: Keyring, business_id: UUID, text: str
) -> Imported:
    """Import a file, as `payviox giftcards import` does."""
    lines = read_cards(io.BytesIO(text.encode()))
    return await importing.import_cards(
        database,
        keyring,
        business_id,
        lines,
        command(),
        importing.say_nothing,
        lambda db: withdrawals.stop_waiting(db, business_id, OUT_OF_STOCK),
    )


class WorkedStock(StockRail):
    """The stock's rail with a worker's claim: while an order is submitted it is `sending` under
    that reference; then it is what it was."""

    async def submit(self, order: ReadyOrder, reference: str) -> Outcome:
        key = {"b": order.business_id, "o": order.order_id, "reference": reference}

        async def claim(connection: Connection) -> str:
            cursor = await connection.execute(
                "SELECT status FROM orders WHERE business_id = %(b)s AND id = %(o)s FOR UPDATE", key
            )
            row = await cursor.fetchone()
            assert row is not None
            await connection.execute(
                "UPDATE orders SET status = 'sending', attempt = attempt + 1"
                " WHERE business_id = %(b)s AND id = %(o)s",
                key,
            )
            await connection.execute(
                "INSERT INTO order_attempts (business_id, order_id, number, reference, request)"
                " SELECT business_id, id, attempt, %(reference)s, '{}' FROM orders"
                " WHERE business_id = %(b)s AND id = %(o)s",
                key,
            )
            return str(row[0])

        before = await self._database.write(claim)
        outcome = await super().submit(order, reference)
        await self._database.write(
            lambda connection: connection.execute(
                "UPDATE orders SET status = %(before)s WHERE business_id = %(b)s AND id = %(o)s",
                {**key, "before": before},
            )
        )
        return outcome


async def succeed(database: Database, order: ReadyOrder) -> None:
    """End an order whose card was delivered."""
    await database.write(
        lambda connection: connection.execute(
            "UPDATE orders SET status = 'succeeded' WHERE business_id = %s AND id = %s",
            [order.business_id, order.order_id],
        )
    )


async def only_product(database: Database, business_id: UUID) -> Product:
    (product,) = await database.fetch(service.catalogue, business_id)
    return product


async def insert_order(
    database: Database,
    business_id: UUID,
    product: Product,
    *,
    status: str = "sending",
    user_id: UUID | None = None,
) -> tuple[ReadyOrder, UUID]:
    """An order for one card of the product, and its payout user; no money moves."""
    order_id, user_id = ids.new(), user_id or ids.new()
    destination = {"product": product.shown_id}
    digest = hashlib.sha256(order_id.bytes).digest()

    async def work(connection: Connection) -> None:
        await connection.execute(
            "INSERT INTO payout_users (business_id, id, email, hash_key_id, hash_digest)"
            " VALUES (%s, %s, %s, 'none', %s) ON CONFLICT DO NOTHING",
            [business_id, user_id, f"{user_id}@x.test", user_id.bytes],
        )
        await connection.execute(
            "INSERT INTO orders (business_id, id, payout_user_id, provider, rail, status, amount,"
            " fees, net_amount, destination, destination_digest)"
            " VALUES (%s, %s, %s, 'gift_card', 'stock', %s, %s, 0, %s, %s, %s)",
            [
                business_id,
                order_id,
                user_id,
                status,
                product.price,
                product.price,
                Jsonb(destination),
                digest,
            ],
        )

    await database.write(work)
    ready = ReadyOrder(
        business_id,
        order_id,
        "gift_card",
        "stock",
        product.price,
        0,
        product.price,
        destination,
        "x@x.test",
    )
    return ready, user_id
