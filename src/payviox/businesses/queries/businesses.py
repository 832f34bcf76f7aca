"""The SQL of organizations and businesses."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row

from payviox.businesses.model import Business
from payviox.db.pool import Connection

COLUMNS = (
    "id, organization_id, mode, name, hash_code, payouts_enabled, withdrawals_enabled,"
    " review_amount, review_first_use, review_shared_users, review_velocity_orders,"
    " review_velocity_amount, review_rails, methods_off,"
    " min_withdrawal, max_withdrawal, hash_lifetime_days, balance_lifetime_days, low_stock,"
    " suspense_alert_hours, second_person_amount, notify, brand_name, brand_color,"
    " brand_logo_digest, support_email, language, reminder_days, expiry_notice_days,"
    " code_first, code_amount, code_new_device, review_new_bank_account, bank_cooling_hours,"
    " created_at"
)

HASH_LIFETIME_SINCE = sql.SQL(
    "hash_lifetime_since = CASE WHEN hash_lifetime_days IS DISTINCT FROM"
    " %(hash_lifetime_days)s::integer THEN t.now ELSE hash_lifetime_since END"
)

OF_EXPIRY = ("balance_lifetime_days", "expiry_notice_days")


async def insert_organization(connection: Connection, organization_id: UUID, name: str) -> None:
    await connection.execute(
        "INSERT INTO organizations (id, name) VALUES (%s, %s)", [organization_id, name]
    )


async def insert_business(
    connection: Connection,
    *,
    business_id: UUID,
    organization_id: UUID,
    mode: str,
    name: str,
    hash_code: str,
    review_amount: int | None,
    review_velocity_orders: int | None,
    review_new_bank_account: bool,
    bank_cooling_hours: int,
) -> None:
    await connection.execute(
        "INSERT INTO businesses (id, organization_id, mode, name, hash_code, review_amount,"
        " review_velocity_orders, review_new_bank_account, bank_cooling_hours)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            business_id,
            organization_id,
            mode,
            name,
            hash_code,
            review_amount,
            review_velocity_orders,
            review_new_bank_account,
            bank_cooling_hours,
        ],
    )


async def find(connection: Connection, business_id: UUID) -> Business | None:
    async with connection.cursor(row_factory=class_row(Business)) as cursor:
        await cursor.execute(f"SELECT {COLUMNS} FROM businesses WHERE id = %s", [business_id])  # noqa: S608
        return await cursor.fetchone()


async def notifies(connection: Connection, business_id: UUID) -> bool:
    """Whether the business's payout users get mails."""
    cursor = await connection.execute(
        "SELECT FROM businesses WHERE id = %s AND notify", [business_id]
    )
    return cursor.rowcount == 1


async def list_all(connection: Connection) -> list[Business]:
    async with connection.cursor(row_factory=class_row(Business)) as cursor:
        await cursor.execute(f"SELECT {COLUMNS} FROM businesses ORDER BY created_at, mode")  # noqa: S608
        return await cursor.fetchall()


async def list_pair(connection: Connection, business_id: UUID) -> list[Business]:
    """The two businesses of this one's organization."""
    async with connection.cursor(row_factory=class_row(Business)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS} FROM businesses WHERE organization_id ="  # noqa: S608  # a constant
            " (SELECT organization_id FROM businesses WHERE id = %s)",
            [business_id],
        )
        return await cursor.fetchall()


async def list_of(connection: Connection, organization_ids: Sequence[UUID]) -> list[Business]:
    """The businesses of these organizations."""
    async with connection.cursor(row_factory=class_row(Business)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS} FROM businesses WHERE organization_id = ANY(%s)"  # noqa: S608  # a constant
            " ORDER BY name, id",
            [list(organization_ids)],
        )
        return await cursor.fetchall()


async def update(connection: Connection, business_id: UUID, changes: Mapping[str, object]) -> None:
    """Set these columns; their names come from the code, never from a caller. Hashes live for a new
    lifetime from now on, whenever they were made; and what was announced to expire under other
    rules does not."""
    assignments: list[sql.Composable] = [
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in changes
    ]
    if "hash_lifetime_days" in changes:
        assignments.append(HASH_LIFETIME_SINCE)
    if other := [name for name in OF_EXPIRY if name in changes]:
        assignments.append(_since_changed(other))
    await connection.execute(
        sql.SQL(
            "WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now)"
            " UPDATE businesses SET {} FROM t WHERE id = {}"
        ).format(sql.SQL(", ").join(assignments), sql.Placeholder("_business")),
        {**changes, "_business": business_id},
    )


def _since_changed(names: Sequence[str]) -> sql.Composable:
    """When one of these rules of expiry became another one, where it does now."""
    differs = [
        sql.SQL("{} IS DISTINCT FROM {}::integer").format(
            sql.Identifier(name), sql.Placeholder(name)
        )
        for name in names
    ]
    return sql.SQL(
        "balance_lifetime_since = CASE WHEN {} THEN t.now ELSE balance_lifetime_since END"
    ).format(sql.SQL(" OR ").join(differs))


async def lock_withdrawals(connection: Connection, business_id: UUID, *, alone: bool) -> None:
    """Hold the switch of a business's withdrawals as it is until the transaction ends, beside
    others who do the same; or `alone`, to turn it."""
    function = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
    await connection.execute(
        f"SELECT {function}(hashtextextended('withdrawals ' || %s, 0))",
        [str(business_id)],
    )
