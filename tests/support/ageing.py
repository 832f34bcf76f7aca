"""Days that go by for a business's unspent money, and what the worker does meanwhile."""

from datetime import timedelta
from uuid import UUID

from payviox.db.pool import Database
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
