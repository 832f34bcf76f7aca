"""The SQL of acts that wait for a second person."""

from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from payviox.approvals.model import WaitingAct
from payviox.db.pool import Connection

COLUMNS = (
    "business_id, id, act, parameters, amount, started_by, status, ended_by, created_at, ended_at"
)


async def insert(
    connection: Connection,
    business_id: UUID,
    waiting_id: UUID,
    act: str,
    parameters: dict[str, Any],
    amount: int | None,
    started_by: UUID,
) -> None:
    await connection.execute(
        "INSERT INTO waiting_acts (business_id, id, act, parameters, amount, started_by)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        [business_id, waiting_id, act, Jsonb(parameters), amount, started_by],
    )


async def find(
    connection: Connection, business_id: UUID, waiting_id: UUID, *, lock: bool = False
) -> WaitingAct | None:
    """The act; where it is locked nobody else ends it until this transaction does."""
    async with connection.cursor(row_factory=class_row(WaitingAct)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS} FROM waiting_acts WHERE business_id = %s AND id = %s"  # noqa: S608  # constants
            f"{' FOR UPDATE' if lock else ''}",
            [business_id, waiting_id],
        )
        return await cursor.fetchone()


async def end(
    connection: Connection, business_id: UUID, waiting_id: UUID, status: str, ended_by: UUID | None
) -> None:
    await connection.execute(
        "UPDATE waiting_acts SET status = %s, ended_by = %s, ended_at = now()"
        " WHERE business_id = %s AND id = %s",
        [status, ended_by, business_id, waiting_id],
    )


async def list_waiting(connection: Connection, business_id: UUID, limit: int) -> list[WaitingAct]:
    """What waits now, the oldest first."""
    async with connection.cursor(row_factory=class_row(WaitingAct)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS} FROM waiting_acts WHERE business_id = %s AND status = 'waiting'"  # noqa: S608  # constants
            " ORDER BY id LIMIT %s",
            [business_id, limit],
        )
        return await cursor.fetchall()
