"""What a business's accounts hold, for a list and in detail."""

import pytest

from payviox import ids
from payviox.db.pool import Database
from payviox.errors import NotFound
from payviox.reporting import business_summary
from support.businesses import TestBusiness
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


async def test_every_business_is_listed_with_its_own_balances(
    business: TestBusiness, database: Database
) -> None:
    await business.create("ada@example.com", 5_000)
    listed = {each.business.id: each for each in await database.fetch(business_summary.summaries)}
    ours = listed[business.business_id]
    assert (ours.balance, ours.payout_balance) == (1_000_000, 995_000)
    assert business.twin is not None
    twin = listed[business.twin.business_id]
    assert (twin.balance, twin.payout_balance) == (0, 0)


async def test_all_of_a_businesss_accounts_come_to_nothing(
    business: TestBusiness, database: Database
) -> None:
    desk = Desk.of(business)
    await desk.withdraw(await desk.user(5_000), 3_000)
    await desk.user(700, "grace@example.com")
    found = await database.fetch(business_summary.details, business.business_id)
    assert found.payout_users == 2
    assert found.accounts.single["users"] == 2_700
    assert found.accounts.by_rail["in_transit"] == {"sandbox": 3_000}
    rails = [cents for held in found.accounts.by_rail.values() for cents in held.values()]
    assert sum(found.accounts.single.values()) + sum(rails) == 0


async def test_a_business_that_is_not_there_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound):
        await database.fetch(business_summary.details, ids.new())
