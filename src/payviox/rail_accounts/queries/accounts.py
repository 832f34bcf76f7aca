"""The SQL of rail accounts and of the orders that depend on one."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from payviox.db.pool import Connection
from payviox.order_states import FOR_A_RAIL, PERHAPS_AT_A_RAIL, SURELY_NOT_SENT
from payviox.rail_accounts.model import RailAccount
from payviox.rails.protocol import Environment

COLUMNS = (
    "business_id, rail, environment, enabled, min_amount, max_amount, low_float, fee_payer,"
    " fee_percentage_bp, fee_fixed, fee_cap, settings, credentials, key_id, created_at, updated_at"
)


async def insert(
    connection: Connection,
    business_id: UUID,
    rail: str,
    environment: Environment,
    credentials: bytes,
    key_id: str,
) -> bool:
    """An account with nothing set; whether there was none before."""
    cursor = await connection.execute(
        "INSERT INTO rail_accounts (business_id, rail, environment, settings, credentials, key_id)"
        " VALUES (%s, %s, %s, '{}', %s, %s) ON CONFLICT DO NOTHING",
        [business_id, rail, environment, credentials, key_id],
    )
    return cursor.rowcount == 1


async def update(
    connection: Connection, account: RailAccount, changes: Mapping[str, object]
) -> None:
    """Set these columns; their names come from the code, never from a caller."""
    values = {**changes}
    if "settings" in values:
        values["settings"] = Jsonb(values["settings"])
    assignments = [
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in values
    ]
    await connection.execute(
        sql.SQL(
            "UPDATE rail_accounts SET {}, updated_at = now()"
            " WHERE business_id = %(_business)s AND rail = %(_rail)s"
        ).format(sql.SQL(", ").join(assignments)),
        {**values, "_business": account.business_id, "_rail": account.rail},
    )


async def delete(connection: Connection, business_id: UUID, rail: str) -> None:
    await connection.execute(
        "DELETE FROM rail_accounts WHERE business_id = %s AND rail = %s", [business_id, rail]
    )


async def find(connection: Connection, business_id: UUID, rail: str) -> RailAccount | None:
    async with connection.cursor(row_factory=class_row(RailAccount)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS} FROM rail_accounts WHERE business_id = %s AND rail = %s",  # noqa: S608  # constants
            [business_id, rail],
        )
        return await cursor.fetchone()


async def lock(connection: Connection, business_id: UUID, rail: str) -> RailAccount | None:
    """The account, its row held: of several who change it, one goes first."""
    async with connection.cursor(row_factory=class_row(RailAccount)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS} FROM rail_accounts WHERE business_id = %s AND rail = %s FOR UPDATE",  # noqa: S608  # constants
            [business_id, rail],
        )
        return await cursor.fetchone()


async def list_all(connection: Connection, business_id: UUID) -> list[RailAccount]:
    async with connection.cursor(row_factory=class_row(RailAccount)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS} FROM rail_accounts WHERE business_id = %s ORDER BY rail",  # noqa: S608  # constants
            [business_id],
        )
        return await cursor.fetchall()


async def count_open_orders(connection: Connection, business_id: UUID, rail: str) -> int:
    cursor = await connection.execute(
        "SELECT count(*) FROM orders WHERE business_id = %s AND rail = %s AND status = ANY(%s)",
        [business_id, rail, list(FOR_A_RAIL)],
    )
    row = await cursor.fetchone()
    return int(str(row[0])) if row else 0


async def lock_orders_perhaps_sent(connection: Connection, business_id: UUID, rail: str) -> int:
    """How many orders the rail may have been asked for without their end being known. Those that
    wait are held, so that none of them is sent before this transaction ends."""
    await connection.execute(
        "SELECT id FROM orders WHERE business_id = %s AND rail = %s"
        " AND status = ANY(%s) ORDER BY id FOR UPDATE",
        [business_id, rail, list(FOR_A_RAIL)],
    )
    # A statement of its own: the one that waited for the locks would see attempts of before.
    cursor = await connection.execute(
        "SELECT count(*) FROM orders o LEFT JOIN order_attempts a ON a.business_id = o.business_id"
        " AND a.order_id = o.id AND a.number = o.attempt"
        " WHERE o.business_id = %s AND o.rail = %s"
        " AND (o.status = ANY(%s) OR (o.status = 'queued'"
        " AND o.attempt > 0 AND coalesce(a.outcome, '') <> ALL(%s)))",
        [business_id, rail, list(PERHAPS_AT_A_RAIL), list(SURELY_NOT_SENT)],
    )
    row = await cursor.fetchone()
    return int(str(row[0])) if row else 0


async def list_wallet_settings(
    connection: Connection, business_id: UUID, address: str
) -> list[dict[str, Any]]:
    """The settings of other businesses' accounts that pay from this wallet."""
    cursor = await connection.execute(
        "SELECT settings FROM rail_accounts WHERE business_id <> %s AND rail = 'evm'"
        " AND lower(settings->>'address') = lower(%s)",
        [business_id, address],
    )
    return [row[0] async for row in cursor]  # type: ignore[misc]  # an object


async def list_other_keys(
    connection: Connection, key_id: str, limit: int
) -> list[tuple[UUID, str]]:
    """Accounts whose credentials another key encrypted (a sweep over all businesses)."""
    cursor = await connection.execute(
        "SELECT business_id, rail FROM rail_accounts WHERE key_id <> %s"
        " ORDER BY business_id, rail LIMIT %s",
        [key_id, limit],
    )
    return [(row[0], str(row[1])) async for row in cursor]  # type: ignore[misc]  # a uuid


async def stop_waiting(connection: Connection, business_id: UUID, causes: list[str]) -> None:
    """Make every order that waits for one of these due now. One that somebody holds just now is
    being tried."""
    await connection.execute(
        "UPDATE orders SET due_at = now() WHERE business_id = %(b)s AND id IN"
        " (SELECT id FROM orders WHERE business_id = %(b)s AND waiting = ANY(%(causes)s)"
        "  AND status = ANY(%(states)s) AND (due_at > now() OR due_at IS NULL)"
        "  FOR UPDATE SKIP LOCKED)",
        {"b": business_id, "causes": causes, "states": ["queued", "sent", "unknown"]},
    )
