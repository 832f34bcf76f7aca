"""The SQL of what rails sell."""

from collections.abc import Mapping
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


async def find(
    connection: Connection, business_id: UUID, rail: str, product_id: str
) -> dict[str, Any] | None:
    cursor = await connection.execute(
        "SELECT product FROM rail_products WHERE business_id = %s AND rail = %s AND id = %s",
        [business_id, rail, product_id],
    )
    row = await cursor.fetchone()
    return None if row is None else row[0]  # type: ignore[return-value]  # an object


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
