"""Daily flows are the transfers' own sums, whoever sums them and however often."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from payviox import actors
from payviox.allocations import service as allocations
from payviox.db.pool import Database
from payviox.ledger import daily_flows
from payviox.reporting import daily_figures
from payviox.reporting.daily_figures import Period, figures
from support.businesses import TestBusiness
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

CRYPTO = {
    "currency": "USDT",
    "chain": "ERC20",
    "to_address": "0x52908400098527886E0F7030069857D2E4169EE7",
}


async def lived(business: TestBusiness) -> Desk:
    """A business with allocations, an order on its way, and one taken back."""
    desk = Desk.of(business)
    user = await desk.user(9_000)
    await desk.withdraw(user, 2_500)
    await business.set(review_amount=1_000)
    await desk.reject(await desk.withdraw(user, 3_000))
    return desk


async def rows(business: TestBusiness) -> list[Any]:
    async def read(connection: Any) -> Any:
        cursor = await connection.execute(
            "SELECT account_id, kind, came, went FROM daily_flows WHERE business_id = %s"
            " ORDER BY 1, 2",
            [business.business_id],
        )
        return await cursor.fetchall()

    return list(await business.database.fetch(read))


async def test_each_days_figures_are_those_of_the_transfers(
    database: Database, business: TestBusiness
) -> None:
    await lived(business)
    await daily_flows.sum_all(database)
    found = await database.fetch(lambda db: figures(db, business.business_id, periods=30, days=1))
    today, before = found.periods[-1], found.periods[-2]
    assert (today.allocated, today.withdrawn) == (9_000, 0)
    assert (today.in_transit, today.unclaimed) == (2_500, 6_500)
    assert (found.in_transit, found.unclaimed) == (2_500, 6_500)
    assert (before.allocated, before.in_transit, before.unclaimed) == (0, 0, 0)
    assert len(found.periods) == 30
    weeks = await database.fetch(lambda db: figures(db, business.business_id, periods=26, days=7))
    assert weeks.periods[-1].allocated == 9_000
    assert weeks.periods[-1].last == today.last


async def test_what_was_allocated_arrived_became_a_fee_was_taken_back_or_is_still_there(
    database: Database, business: TestBusiness
) -> None:
    desk = Desk.of(business)
    user = await desk.user(60_000)

    async def pass_time() -> None:
        for _ in range(3):
            await desk.process()
            await desk.hurry()

    async def whole() -> Period:
        await daily_flows.sum_all(database)
        found = await database.fetch(
            lambda db: figures(db, business.business_id, periods=30, days=1)
        )
        for one, following in pairwise(found.periods):
            assert following.before == one.in_transit + one.unclaimed
        return daily_figures.whole(found.periods)

    await desk.withdraw(user, 10_000, CRYPTO, "crypto")
    for ending, amount in (("succeed", 2_000), ("returned", 2_400), ("fail", 2_100)):
        await desk.withdraw(user, amount, {"email": f"{ending}@example.com"})
    await pass_time()
    await database.write(allocations.revoke, business.business_id, user, 500, actors.command())
    await business.set(review_amount=3_000)
    await desk.withdraw(user, 3_000)
    made = await whole()
    assert (made.before, made.allocated) == (0, 60_000)
    assert (made.withdrawn, made.fees, made.taken_back) == (9_900 + 2_000, 100, 500)
    assert (made.in_transit, made.unclaimed) == (3_000, 60_000 - 10_000 - 2_000 - 500 - 3_000)
    assert made.corrections == 0

    await desk.withdraw(user, 1_000, {"email": "failed-paid@example.com"})
    await pass_time()
    made = await whole()
    assert (made.withdrawn, made.corrections) == (9_900 + 2_000 + 1_000, 1_000), "paid twice"
    books = await business.ledger()
    assert (books["in_transit:sandbox"], books["ada@example.com"]) == (3_000, made.unclaimed)


async def test_summing_in_slices_twice_and_by_two_at_once_sums_each_transfer_once(
    database: Database, business: TestBusiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lived(business)
    monkeypatch.setattr(daily_flows, "SLICE", 1)
    await asyncio.gather(daily_flows.sum_all(database), daily_flows.sum_all(database))
    first = await rows(business)
    await daily_flows.sum_all(database)
    assert await rows(business) == first
    came = await business.scalar(
        "SELECT sum(t.amount)::bigint FROM transfers t JOIN accounts a"
        " ON a.business_id = t.business_id AND a.id = t.to_account"
        " WHERE t.business_id = %s AND a.kind <> 'user'",
        business.business_id,
    )
    assert sum(row[2] for row in first) == came
    await Desk.of(business).user(700)
    await daily_flows.sum_all(database)
    found = await database.fetch(lambda db: figures(db, business.business_id, periods=30, days=1))
    assert found.periods[-1].allocated == 9_700


async def test_what_nobody_has_summed_yet_is_no_figure(
    database: Database, business: TestBusiness
) -> None:
    await lived(business)
    found = await database.fetch(lambda db: figures(db, business.business_id, periods=30, days=1))
    assert found.summed_at is None
    assert {period.allocated for period in found.periods} == {0}
    assert found.unclaimed == 6_500
