"""Unspent allocations that have outlived their business's rule go back; nothing else does."""

import asyncio

import pytest

from payviox.allocations import expiry
from payviox.allocations.expiry import expire_balances
from payviox.db.pool import Database
from support.businesses import TestBusiness
from support.databases import Urls
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

ADA = "ada@example.com"


@pytest.fixture
async def lifetime(business: TestBusiness) -> TestBusiness:
    """A business whose allocations live for 30 days."""
    await business.set(balance_lifetime_days=30)
    return business


def age(urls: Urls, business: TestBusiness, days: int) -> None:
    """Everything of the business happened so many days earlier."""
    with urls.as_admin() as connection:
        for table in ("transfers", "accounts"):
            connection.execute(
                f"UPDATE {table} SET created_at = created_at - make_interval(days => %s)"  # type: ignore[arg-type]  # a fixed name
                " WHERE business_id = %s",
                [days, business.business_id],
            )


async def test_old_unspent_money_goes_back_and_newer_money_stays(
    lifetime: TestBusiness, database: Database, urls: Urls
) -> None:
    await lifetime.create(ADA, 700)
    age(urls, lifetime, 31)
    await lifetime.create(ADA, 300)
    before = await lifetime.ledger()
    assert await expire_balances(database) == 700
    after = await lifetime.ledger()
    assert after[ADA] == 300
    assert after["payout"] == before["payout"] + 700
    assert await expire_balances(database) == 0


async def test_what_was_spent_is_taken_from_the_oldest_money_first(
    lifetime: TestBusiness, database: Database, urls: Urls
) -> None:
    desk = Desk.of(lifetime)
    user_id = await desk.user(1_000)
    age(urls, lifetime, 31)
    await desk.user(500)
    await desk.withdraw(user_id, 800)
    assert await expire_balances(database) == 200
    assert (await lifetime.ledger())[ADA] == 500


async def test_money_of_an_open_order_is_not_touched_and_keeps_its_age_when_it_comes_back(
    lifetime: TestBusiness, database: Database, urls: Urls
) -> None:
    desk = Desk.of(lifetime)
    order = await desk.withdraw(await desk.user(1_000), 1_000)
    age(urls, lifetime, 31)
    assert await expire_balances(database) == 0
    await desk.cancel(order)
    assert await expire_balances(database) == 1_000
    assert (await lifetime.ledger())[ADA] == 0


async def test_without_the_rule_nothing_expires(
    business: TestBusiness, database: Database, urls: Urls
) -> None:
    await business.create(ADA, 700)
    age(urls, business, 3_000)
    before = await business.ledger()
    await expire_balances(database)
    assert await business.ledger() == before


async def test_expiry_in_groups_beside_allocations_and_a_second_run_moves_each_cent_once(
    lifetime: TestBusiness,
    database: Database,
    urls: Urls,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(expiry, "GROUP", 3)
    for number in range(10):
        await lifetime.create(f"user{number}@example.com", 100)
    age(urls, lifetime, 31)
    news = [lifetime.create(f"user{number}@example.com", 11) for number in range(10)]
    answers = await asyncio.gather(expire_balances(database), expire_balances(database), *news)
    assert answers[0] + answers[1] == 1_000  # type: ignore[operator]  # two counts
    after = await lifetime.ledger()
    assert [after[f"user{number}@example.com"] for number in range(10)] == [11] * 10
