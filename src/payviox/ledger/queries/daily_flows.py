"""The SQL of daily flows. A slice of an account's versions is read by the unique indexes that its
chain has anyway; what is summed once is never read again."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from psycopg.rows import class_row

from payviox.db.pool import Connection


@dataclass(frozen=True, slots=True)
class FlowRow:
    """What came into an account and went out of it on a day, in US cents."""

    day: date
    account_id: UUID
    kind: str
    came: int
    went: int


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """One of a business's own accounts: what it holds, and what it held where its flows are summed
    up to (since when, None where they never were), in US cents."""

    id: UUID
    kind: str
    rail: str
    balance: int
    summed_balance: int
    summed_at: datetime | None


async def behind(connection: Connection) -> list[tuple[UUID, UUID]]:
    """The accounts, with their businesses, that moved since their flows were summed. One of the
    worker's sweeps, which may read across businesses."""
    cursor = await connection.execute(
        "SELECT a.business_id, a.id FROM accounts a LEFT JOIN daily_flows_until u"
        " ON u.business_id = a.business_id AND u.account_id = a.id"
        " WHERE a.kind <> 'user' AND a.version > coalesce(u.version, 0)"
        " ORDER BY a.business_id, a.id"
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]  # type: ignore[misc]  # uuids


async def hold(connection: Connection, business_id: UUID, account_id: UUID) -> int:
    """Up to which version the account is summed; nobody else sums it meanwhile."""
    at = [business_id, account_id]
    await connection.execute(
        "INSERT INTO daily_flows_until (business_id, account_id) VALUES (%s, %s)"
        " ON CONFLICT DO NOTHING",
        at,
    )
    cursor = await connection.execute(
        "SELECT version FROM daily_flows_until WHERE business_id = %s AND account_id = %s"
        " FOR UPDATE",
        at,
    )
    row = await cursor.fetchone()
    return int(str(row[0])) if row else 0


async def version_of(connection: Connection, business_id: UUID, account_id: UUID) -> int:
    cursor = await connection.execute(
        "SELECT version FROM accounts WHERE business_id = %s AND id = %s", [business_id, account_id]
    )
    row = await cursor.fetchone()
    return int(str(row[0])) if row else 0


async def add(
    connection: Connection, business_id: UUID, account_id: UUID, after: int, until: int
) -> None:
    """Sum the account's versions after the one and up to the other. The caller holds it."""
    await connection.execute(
        "WITH moved AS ("
        "  SELECT kind, created_at, amount AS came, 0::bigint AS went FROM transfers"
        "  WHERE business_id = %(business)s AND to_account = %(account)s"
        "  AND to_version > %(after)s AND to_version <= %(until)s"
        "  UNION ALL SELECT kind, created_at, 0, amount FROM transfers"
        "  WHERE business_id = %(business)s AND from_account = %(account)s"
        "  AND from_version > %(after)s AND from_version <= %(until)s"
        "), summed AS ("
        "  INSERT INTO daily_flows AS d (business_id, day, account_id, kind, came, went)"
        "  SELECT %(business)s, (created_at AT TIME ZONE 'UTC')::date, %(account)s, kind,"
        "  sum(came)::bigint, sum(went)::bigint FROM moved GROUP BY 2, 4"
        "  ON CONFLICT (business_id, day, account_id, kind) DO UPDATE"
        "  SET came = d.came + excluded.came, went = d.went + excluded.went"
        ")"
        " UPDATE daily_flows_until SET version = %(until)s, summed_at = now(), balance = balance"
        " + coalesce((SELECT sum(came) - sum(went) FROM moved), 0)::bigint"
        " WHERE business_id = %(business)s AND account_id = %(account)s",
        {"business": business_id, "account": account_id, "after": after, "until": until},
    )


async def own_accounts(connection: Connection, business_id: UUID) -> list[OwnAccount]:
    async with connection.cursor(row_factory=class_row(OwnAccount)) as cursor:
        await cursor.execute(
            "SELECT a.id, a.kind, a.rail, a.balance, coalesce(u.balance, 0) AS summed_balance,"
            " u.summed_at FROM accounts a LEFT JOIN daily_flows_until u"
            " ON u.business_id = a.business_id AND u.account_id = a.id"
            " WHERE a.business_id = %s AND a.kind <> 'user'",
            [business_id],
        )
        return await cursor.fetchall()


async def list_since(connection: Connection, business_id: UUID, day: date) -> list[FlowRow]:
    """Flows of this day and after it."""
    async with connection.cursor(row_factory=class_row(FlowRow)) as cursor:
        await cursor.execute(
            "SELECT day, account_id, kind, came, went FROM daily_flows"
            " WHERE business_id = %s AND day >= %s",
            [business_id, day],
        )
        return await cursor.fetchall()
