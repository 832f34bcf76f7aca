"""The SQL of the sandbox rail's books."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Json

from payviox.db.pool import Connection


@dataclass(frozen=True, slots=True)
class PaymentRow:
    request: dict[str, Any]
    age_s: float


@dataclass(frozen=True, slots=True)
class KeptRow(PaymentRow):
    reference: str
    created_at: datetime


async def insert_payments(
    connection: Connection, payments: Sequence[tuple[UUID, str, dict[str, Any]]]
) -> set[tuple[UUID, str]]:
    """Keep the first request (business, reference, request) under each reference, of test
    businesses alone; answers which are new."""
    rows = [{"b": str(b), "f": reference, "r": request} for b, reference, request in payments]
    cursor = await connection.execute(
        "INSERT INTO sandbox_payments (business_id, reference, request)"
        " SELECT n.b, n.f, n.r FROM json_to_recordset(%s) AS n(b uuid, f text, r jsonb)"
        " WHERE EXISTS (SELECT 1 FROM businesses WHERE id = n.b AND mode = 'test')"
        " ON CONFLICT DO NOTHING RETURNING business_id, reference",
        [Json(rows)],
    )
    return {(row[0], str(row[1])) for row in await cursor.fetchall()}  # type: ignore[misc]  # a uuid


async def list_payments(
    connection: Connection, business_id: UUID, since: datetime, after: str, limit: int
) -> list[KeptRow]:
    """Payments kept since then, by reference, those after the reference `after`."""
    async with connection.cursor(row_factory=class_row(KeptRow)) as cursor:
        await cursor.execute(
            "SELECT reference, request, created_at,"
            " extract(epoch FROM clock_timestamp() - created_at)::float8 AS age_s"
            " FROM sandbox_payments WHERE business_id = %s AND created_at >= %s AND reference > %s"
            " ORDER BY reference LIMIT %s",
            [business_id, since, after, limit],
        )
        return await cursor.fetchall()


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
