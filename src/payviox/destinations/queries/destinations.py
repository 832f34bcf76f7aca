"""The SQL of saved destinations and automatic withdrawals. Times are the database's."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from payviox.db.pool import Connection
from payviox.destinations.model import Automatic, Due, HeldBack, SavedDestination

COOLING = "interval '24 hours'"
"""So long a new destination waits before money goes there by itself."""
PAUSE = "interval '1 hour'"
"""So long after what did not work it is tried again."""

_SAVED = (
    f"SELECT id, provider, destination, created_at + {COOLING} AS usable_at"  # noqa: S608  # constants
    " FROM saved_destinations WHERE business_id = %(business)s AND payout_user_id = %(user)s"
    " AND removed_at IS NULL"
)

# Only where nothing was restored since it was set: what a backup does not know was paid already.
_DUE = f"""
automatic_withdrawals a
  JOIN saved_destinations d ON d.business_id = a.business_id AND d.id = a.destination_id
    AND d.removed_at IS NULL AND d.created_at + {COOLING} <= now()
  JOIN payout_users u ON u.business_id = a.business_id AND u.id = a.payout_user_id
    AND u.status = 'active'
  JOIN accounts x ON x.business_id = a.business_id AND x.id = a.payout_user_id
    AND x.balance >= a.above
  WHERE a.due_at <= now()
    AND a.set_at > coalesce((SELECT max(restored_at) FROM installation), '-infinity')
"""  # noqa: S608  # constants
_TAKE_DUE = f"""
WITH due AS MATERIALIZED (
  SELECT a.payout_user_id, u.email, d.provider, d.destination, x.balance
  FROM {_DUE} AND a.business_id = %(business)s
  ORDER BY a.due_at LIMIT %(limit)s FOR UPDATE OF a SKIP LOCKED
)
UPDATE automatic_withdrawals a SET due_at = now() + {PAUSE} FROM due
WHERE a.business_id = %(business)s AND a.payout_user_id = due.payout_user_id
RETURNING a.business_id, a.payout_user_id, due.email, a.destination_id, a.above, due.provider,
  due.destination, due.balance
"""  # noqa: S608  # constants


async def list_saved(
    connection: Connection, business_id: UUID, user_id: UUID
) -> list[SavedDestination]:
    """What a payout user has saved, newest first."""
    async with connection.cursor(row_factory=class_row(SavedDestination)) as cursor:
        await cursor.execute(
            f"{_SAVED} ORDER BY id DESC", {"business": business_id, "user": user_id}
        )
        return await cursor.fetchall()


async def find_saved(
    connection: Connection, business_id: UUID, user_id: UUID, destination_id: UUID
) -> SavedDestination | None:
    async with connection.cursor(row_factory=class_row(SavedDestination)) as cursor:
        await cursor.execute(
            f"{_SAVED} AND id = %(id)s",
            {"business": business_id, "user": user_id, "id": destination_id},
        )
        return await cursor.fetchone()


async def insert_saved(
    connection: Connection,
    business_id: UUID,
    destination_id: UUID,
    user_id: UUID,
    provider: str,
    destination: Mapping[str, Any],
) -> bool:
    """Whether it was not saved before."""
    cursor = await connection.execute(
        "INSERT INTO saved_destinations (business_id, id, payout_user_id, provider, destination)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (business_id, payout_user_id, provider,"
        " destination) WHERE removed_at IS NULL DO NOTHING",
        [business_id, destination_id, user_id, provider, Jsonb(destination)],
    )
    return cursor.rowcount == 1


async def remove_saved(
    connection: Connection, business_id: UUID, user_id: UUID, destination_id: UUID
) -> bool:
    """Whether it was there."""
    cursor = await connection.execute(
        "UPDATE saved_destinations SET removed_at = now() WHERE business_id = %s"
        " AND payout_user_id = %s AND id = %s AND removed_at IS NULL",
        [business_id, user_id, destination_id],
    )
    return cursor.rowcount == 1


async def find_automatic(
    connection: Connection, business_id: UUID, user_id: UUID
) -> Automatic | None:
    async with connection.cursor(row_factory=class_row(Automatic)) as cursor:
        await cursor.execute(
            "SELECT a.destination_id, a.above, a.held_back FROM automatic_withdrawals a"
            " WHERE a.business_id = %s AND a.payout_user_id = %s",
            [business_id, user_id],
        )
        return await cursor.fetchone()


async def set_automatic(
    connection: Connection, business_id: UUID, user_id: UUID, destination_id: UUID, above: int
) -> None:
    await connection.execute(
        "INSERT INTO automatic_withdrawals (business_id, payout_user_id, destination_id, above)"
        " VALUES (%s, %s, %s, %s) ON CONFLICT (business_id, payout_user_id) DO UPDATE SET"
        " destination_id = EXCLUDED.destination_id, above = EXCLUDED.above,"
        " set_at = EXCLUDED.set_at, due_at = EXCLUDED.due_at, held_back = NULL",
        [business_id, user_id, destination_id, above],
    )


async def delete_automatic(
    connection: Connection, business_id: UUID, user_id: UUID, destination_id: UUID | None = None
) -> bool:
    """Whether there was one; only one to this destination where it is named."""
    cursor = await connection.execute(
        "DELETE FROM automatic_withdrawals WHERE business_id = %(business)s"
        " AND payout_user_id = %(user)s"
        " AND (%(id)s::uuid IS NULL OR destination_id = %(id)s)",
        {"business": business_id, "user": user_id, "id": destination_id},
    )
    return cursor.rowcount == 1


async def due_businesses(connection: Connection) -> list[UUID]:
    """Where balances are to go out now."""
    cursor = await connection.execute(f"SELECT DISTINCT a.business_id FROM {_DUE}")  # noqa: S608  # a constant
    return [row[0] for row in await cursor.fetchall()]  # type: ignore[misc]  # uuid


async def take_due(connection: Connection, business_id: UUID, limit: int) -> list[Due]:
    """A business's balances that are to go out now, each nobody else's for a while."""
    async with connection.cursor(row_factory=class_row(Due)) as cursor:
        await cursor.execute(_TAKE_DUE, {"business": business_id, "limit": limit})
        return await cursor.fetchall()


async def end_due(connection: Connection, due: Due, held_back: HeldBack | None) -> bool:
    """Write down how it went; whether it is still what the payout user wants. What went out may go
    out again at once, where enough came."""
    cursor = await connection.execute(
        "UPDATE automatic_withdrawals SET held_back = %(held)s"  # noqa: S608  # constants
        f"{', due_at = now()' if held_back is None else ''}"
        " WHERE business_id = %(business)s AND payout_user_id = %(user)s"
        " AND destination_id = %(id)s AND above = %(above)s",
        {
            "held": held_back,
            "business": due.business_id,
            "user": due.payout_user_id,
            "id": due.destination_id,
            "above": due.above,
        },
    )
    return cursor.rowcount == 1
