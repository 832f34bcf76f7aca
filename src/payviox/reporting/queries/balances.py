"""The SQL of what businesses' accounts hold."""

from uuid import UUID

import msgspec
from psycopg.rows import class_row

from payviox.db.pool import Connection


class WorkingBalance(msgspec.Struct, frozen=True):
    """One account's cents; `kind` is main, payout or world."""

    business_id: UUID
    kind: str
    balance: int


async def working_balances(connection: Connection) -> list[WorkingBalance]:
    """Every business's main and payout balance, and what the world gave it, which is negative."""
    async with connection.cursor(row_factory=class_row(WorkingBalance)) as cursor:
        await cursor.execute(
            "SELECT business_id, kind, balance FROM accounts"
            " WHERE kind IN ('main', 'payout', 'world') AND kind <> 'user'"
        )
        return await cursor.fetchall()
