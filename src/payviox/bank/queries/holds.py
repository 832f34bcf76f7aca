"""The SQL of files that are held after a restore."""

from datetime import datetime
from uuid import UUID

from payviox.db.pool import Connection


async def since(connection: Connection, business_id: UUID) -> datetime | None:
    """Since when a business's files are held; None where they are not."""
    cursor = await connection.execute(
        "SELECT created_at FROM bank_holds WHERE business_id = %s", [business_id]
    )
    row = await cursor.fetchone()
    return row[0] if row else None  # type: ignore[return-value]  # timestamptz


async def delete(connection: Connection, business_id: UUID) -> None:
    await connection.execute("DELETE FROM bank_holds WHERE business_id = %s", [business_id])
