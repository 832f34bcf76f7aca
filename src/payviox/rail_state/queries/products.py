"""The SQL of what rails sell."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from payviox.db.pool import Connection


async def list_all(connection: Connection, business_id: UUID, rail: str) -> list[dict[str, Any]]:
    cursor = await connection.execute(
        "SELECT product FROM rail_products WHERE business_id = %s AND rail = %s"
        ' ORDER BY id COLLATE "C"',
        [business_id, rail],
    )
    return [row[0] for row in await cursor.fetchall()]  # type: ignore[misc]  # an object


async def find_many(
    connection: Connection, business_id: UUID, rail: str, product_ids: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Those of these that there are, by their ids."""
    cursor = await connection.execute(
        "SELECT id, product FROM rail_products WHERE business_id = %s AND rail = %s"
        " AND id = ANY(%s)",
        [business_id, rail, sorted(set(product_ids))],
    )
    return dict(await cursor.fetchall())  # type: ignore[arg-type]  # a text and an object


async def lock_account(connection: Connection, business_id: UUID, rail: str) -> bool:
    """Hold the row of the account that sells them; False where none is connected any more."""
    cursor = await connection.execute(
        "SELECT 1 FROM rail_accounts WHERE business_id = %s AND rail = %s FOR UPDATE",
        [business_id, rail],
    )
    return await cursor.fetchone() is not None


async def delete_all(connection: Connection, business_id: UUID, rail: str) -> None:
    await connection.execute(
        "DELETE FROM rail_products WHERE business_id = %s AND rail = %s", [business_id, rail]
    )


async def insert_all(
    connection: Connection, business_id: UUID, rail: str, products: Mapping[str, Mapping[str, Any]]
) -> None:
    await connection.cursor().executemany(
        "INSERT INTO rail_products (business_id, rail, id, product) VALUES (%s, %s, %s, %s)",
        [(business_id, rail, id_, Jsonb(dict(product))) for id_, product in products.items()],
    )
