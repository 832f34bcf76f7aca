"""The SQL of businesses' logos."""

from typing import cast
from uuid import UUID

from payviox.db.pool import Connection


async def set_logo(connection: Connection, business_id: UUID, content: bytes | None) -> None:
    await connection.execute(
        "UPDATE businesses SET brand_logo = %s WHERE id = %s", [content, business_id]
    )


async def find(connection: Connection, digest: str, business_id: UUID | None) -> bytes | None:
    """The logo with this digest, of this business where one is named."""
    cursor = await connection.execute(
        "SELECT brand_logo FROM businesses WHERE brand_logo IS NOT NULL"
        " AND brand_logo_digest = %(digest)s AND (%(business)s::uuid IS NULL OR id = %(business)s)"
        " LIMIT 1",
        {"digest": digest, "business": business_id},
    )
    row = await cursor.fetchone()
    return None if row is None else cast("bytes", row[0])
