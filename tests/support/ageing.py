"""Days that go by for a business's unspent money, and what the worker does meanwhile."""

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
    with urls.as_admin() as connection:
        for table, columns in MOMENTS.items():
            changes = ", ".join(f"{name} = {_earlier(name)}" for name in columns)
            connection.execute(
                f"UPDATE {table} SET {changes} WHERE business_id = %(b)s",  # type: ignore[arg-type]  # fixed names
                {"d": days, "b": business.business_id},
            )
        connection.execute(
            "UPDATE businesses SET balance_lifetime_since ="  # type: ignore[arg-type]  # a constant
            f" {_earlier('balance_lifetime_since')} WHERE id = %(b)s",
            {"d": days, "b": business.business_id},
        )


def _earlier(name: str) -> str:
    """A column so many days earlier; no session's time zone is asked, which a cluster refuses."""
    return f"({name} AT TIME ZONE 'UTC' - make_interval(days => %(d)s)) AT TIME ZONE 'UTC'"


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
