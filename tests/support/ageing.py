"""Days that go by for a business's unspent money, and what the worker does meanwhile."""

from datetime import timedelta
from uuid import UUID

from payviox.db.pool import Connection, Database
from payviox.unclaimed import ageing, expiry, reminders
from support.businesses import TestBusiness
from support.databases import Urls

MOMENTS = {
    "transfers": ("created_at",),
    "accounts": ("created_at",),
    "orders": ("created_at", "updated_at"),
    "unclaimed": ("since", "reminded_at"),
    "expiry_notices": ("before", "expires_at", "announced_at"),
}


def age(urls: Urls, business: TestBusiness, days: int) -> None:
    """Everything of the business happened so many days earlier."""
    by = timedelta(days=days)
    with urls.as_admin() as connection:
        for table, columns in MOMENTS.items():
            changes = ", ".join(f"{name} = {set_back(name, by)}" for name in columns)
            connection.execute(
                f"UPDATE {table} SET {changes} WHERE business_id = %s",  # type: ignore[arg-type]  # fixed names
                [business.business_id],
            )
        connection.execute(
            "UPDATE businesses SET balance_lifetime_since ="  # type: ignore[arg-type]  # a constant
            f" {set_back('balance_lifetime_since', by)} WHERE id = %s",
            [business.business_id],
        )


async def bring_forward(database: Database, business_id: UUID, seconds: float) -> None:
    """Whatever the worker would do later is due so much earlier, and its attempts are so much
    older. Those of orders that nothing is due of stay as they are: nobody asks for their age."""
    by, given = timedelta(seconds=seconds), [business_id]

    async def work(connection: Connection) -> None:
        await connection.execute(
            f"UPDATE order_attempts SET started_at = {set_back('started_at', by)},"
            f" finished_at = {set_back('finished_at', by)} WHERE business_id = %s"
            " AND order_id IN (SELECT id FROM orders"
            "   WHERE business_id = %s AND due_at IS NOT NULL)",
            given * 2,
        )
        await connection.execute(
            f"UPDATE orders SET due_at = {set_back('due_at', by)}"
            " WHERE business_id = %s AND due_at IS NOT NULL",
            given,
        )

    await database.write(work)


def set_back(moment: str, by: timedelta) -> str:
    """The SQL of a column's moment, so much earlier; no session's time zone is asked, which a
    cluster refuses."""
    past = f"{moment} AT TIME ZONE 'UTC' - make_interval(secs => {by.total_seconds()})"
    return f"({past}) AT TIME ZONE 'UTC'"


async def look(database: Database, business: TestBusiness) -> None:
    """What the worker does once an hour."""
    await expiry.delete_void(database)
    await ageing.look_over(database, business.business_id)
    await expiry.announce(database, business.business_id)
    await reminders.remind(database, business.business_id)


async def announced(database: Database, business: TestBusiness, user_id: UUID) -> int | None:
    """The cents that a payout user is told of."""
    found = await database.fetch(expiry.find_announced, business.business_id, user_id)
    return found and found.cents
