"""Where a payout user's money is: on their balance, in orders, or back from them, without a cent
missing; and a figure for whoever watches when a reason has no words."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from payviox.allocations.batcher import Batcher
from payviox.db.pool import Database
from payviox.keyring import Keyring
from payviox.monitoring import service as monitoring
from payviox.monitoring.metrics import Metrics
from payviox.payout_users import service as payout_users
from payviox.rails.failures import failed
from payviox.withdrawals import whereabouts
from payviox.withdrawals.whereabouts import UserMoney
from support import live
from support.businesses import TestBusiness
from support.citus import one_server
from support.databases import Urls
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


async def money_of(desk: Desk, email: str = "ada@example.com") -> UserMoney:
    user_id = await desk.business.scalar(
        "SELECT id FROM payout_users WHERE business_id = %s AND email = %s",
        desk.business.business_id,
        email,
    )
    user = await desk.database.fetch(payout_users.get, desk.business.business_id, user_id)
    return await desk.database.fetch(whereabouts.of_user, desk.business.business_id, user)


async def test_money_is_on_the_balance_in_open_orders_or_came_back_with_why(
    business: TestBusiness,
) -> None:
    await business.set(review_amount=1_000)
    desk = Desk.of(business)
    user_id = await desk.user(9_000)
    fails = await desk.withdraw(user_id, 300, {"email": "fail@example.com"})
    await desk.process()
    waits = await desk.withdraw(user_id, 1_500)
    rejected = await desk.withdraw(user_id, 2_000)
    await desk.reject(rejected, "Ask Bob.")
    queued = await desk.withdraw(user_id, 500)
    eve = await desk.user(5_000, "eve@example.com")
    await desk.withdraw(eve, 5_000, email="eve@example.com")
    now = await money_of(desk)
    held = [(each.order_id, each.amount, each.status) for each in now.held]
    assert held == [(queued.id, 500, "queued"), (waits.id, 1_500, "review")]
    assert now.is_all
    assert now.available + sum(each.amount for each in now.held) == 9_000
    assert now.available == (await business.ledger())["ada@example.com"]
    assert now.held[1].advice == "Look at the order, then approve or reject it."
    assert [each.id for each in now.latest] == [queued.id, rejected.id, waits.id, fails.id]
    back, failure = now.came_back
    assert (back.order_id, back.status, back.written) == (rejected.id, "rejected", "Ask Bob.")
    assert (failure.order_id, failure.next_at) == (fails.id, None)
    assert failure.recipient.reason == failed("sandbox_failed")


@one_server
async def test_a_reason_without_words_raises_a_figure(
    business: TestBusiness, database: Database, urls: Urls
) -> None:
    desk = Desk.of(business)
    user_id = await desk.user(9_000)
    waits, failing, settled, refused, known = [
        await desk.withdraw(user_id, 100, {"email": "fail@example.com"}) for _ in range(5)
    ]
    before = await _unknown(database)
    await desk.process()
    assert await _unknown(database) == before, "what the sandbox says has words"
    with urls.as_admin() as admin:
        admin.execute("SET session_replication_role = replica")  # nothing changes what has ended
        admin.execute(
            "UPDATE orders SET waiting = 'moon', status = 'unknown' WHERE id = %s", [waits.id]
        )
        admin.execute(
            "UPDATE orders SET failure = 'a person found out' WHERE id = %s", [settled.id]
        )
        admin.execute(
            "UPDATE order_states SET actor = 'operator:x'"
            " WHERE order_id = %s AND status = 'failed'",
            [settled.id],
        )
        admin.execute("UPDATE orders SET failure = 'ERR_7' WHERE id = %s", [failing.id])
        admin.execute(
            "UPDATE orders SET failure = %s WHERE id = %s", [failed("refused"), refused.id]
        )
    now = await _unknown(database)
    assert now["waiting"] - before.get("waiting", 0) == 1
    assert now["failure"] - before.get("failure", 0) == 1
    assert now["vendor"] - before.get("vendor", 0) == 1
    assert (await desk.get(known)).failure == failed("sandbox_failed")


async def _unknown(database: Database) -> dict[str, float]:
    metrics = Metrics(Batcher(database, Keyring(live.SECRET_KEY)))
    text = metrics.render(await monitoring.figures(database)).decode()
    return {
        sample.labels["kind"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "payviox_orders_reason_unknown" and sample.labels["mode"] == "test"
    }
