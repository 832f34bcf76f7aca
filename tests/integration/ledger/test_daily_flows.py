"""Daily flows are the transfers' own sums, whoever sums them and however often."""

import asyncio
from typing import Any

import pytest

from payviox.db.pool import Database
from payviox.ledger import daily_flows
from payviox.reporting.daily_figures import figures
from support.businesses import TestBusiness
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


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
