"""The SQL of the sandbox rail's books."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from payviox.db.pool import Connection


@dataclass(frozen=True, slots=True)
class PaymentRow:
    request: dict[str, Any]
    age_s: float


async def insert_payment(
    connection: Connection, business_id: UUID, reference: str, request: dict[str, Any]
) -> None:
    """Keep the first request under the reference, of a test business alone."""
    await connection.execute(
        "INSERT INTO sandbox_payments (business_id, reference, request)"
        " SELECT id, %s, %s FROM businesses WHERE id = %s AND mode = 'test' ON CONFLICT DO NOTHING",
        [reference, Jsonb(request), business_id],
    )


async def find_payment(
    connection: Connection, business_id: UUID, reference: str
) -> PaymentRow | None:
    async with connection.cursor(row_factory=class_row(PaymentRow)) as cursor:
        await cursor.execute(
            "SELECT request, extract(epoch FROM clock_timestamp() - created_at)::float8 AS age_s"
            " FROM sandbox_payments WHERE business_id = %s AND reference = %s",
            [business_id, reference],
        )
        return await cursor.fetchone()
