"""The SQL of where redemption pages live: one row a business that has said something."""

from collections.abc import Sequence
from typing import cast
from uuid import UUID

from payviox.db.pool import Connection


async def origins(connection: Connection, business_id: UUID) -> list[str]:
    """Which origins may show the page; none where nothing was said."""
    cursor = await connection.execute(
        "SELECT origins FROM sites WHERE business_id = %s", [business_id]
    )
    row = await cursor.fetchone()
    return [] if row is None else cast("list[str]", row[0])


async def origins_of_code(connection: Connection, hash_code: str) -> list[str]:
    """The same of the business whose hashes begin so."""
    cursor = await connection.execute(
        "SELECT s.origins FROM businesses b JOIN sites s ON s.business_id = b.id"
        " WHERE b.hash_code = %s",
        [hash_code],
    )
    row = await cursor.fetchone()
    return [] if row is None else cast("list[str]", row[0])


async def set_origins(connection: Connection, business_id: UUID, origins: Sequence[str]) -> None:
    await connection.execute(
        "INSERT INTO sites (business_id, origins) VALUES (%s, %s)"
        " ON CONFLICT (business_id) DO UPDATE SET origins = EXCLUDED.origins",
        [business_id, list(origins)],
    )
