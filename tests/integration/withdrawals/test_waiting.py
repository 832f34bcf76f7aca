"""Orders that wait: what their owner and the operator see of it, and how they go on."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from payviox import ids
from payviox.audit import service as audit
from payviox.rail_accounts import callbacks
from payviox.rails.waiting import WAITING
from payviox.withdrawals import service
from payviox.withdrawals.model import Order
from support.businesses import TestBusiness
from support.databases import Urls
from support.installation import Installation
from support.live import environment
from support.unclaimed import UnclaimedVendor
from support.vendor import FEES
from support.withdrawals import PAYPAL, Desk

pytestmark = pytest.mark.anyio


@pytest.fixture
def vendor() -> UnclaimedVendor:
    return UnclaimedVendor(remembers_s=86_400.0)


@pytest.fixture
def desk(business: TestBusiness, vendor: UnclaimedVendor) -> Desk:
    return Desk.of(business, vendor.rails)


@pytest.fixture
def payviox(urls: Urls, tmp_path: Path) -> Installation:
    return Installation(tmp_path / "home", environment(tmp_path / "home", urls.application))


async def order_that(desk: Desk, vendor: UnclaimedVendor, plan: Any) -> Order:
    vendor.plan = [plan]
    order = await desk.withdraw(await desk.user(1_000), 1_000)
    await desk.process()
    return await desk.get(order)


async def alerts(desk: Desk, order: Order) -> list[str]:
    entries = await desk.database.fetch(
        lambda db: audit.list_page(db, order.business_id, order_id=order.id, limit=50)
    )
    return [entry.act for entry in entries]


async def put_off(desk: Desk) -> None:
    """Nothing is due for an hour."""
    await desk.write(
        lambda db: db.execute(
            "UPDATE orders SET due_at = now() + interval '1 h' WHERE business_id = %s",
            [desk.business.business_id],
        )
    )


async def test_an_empty_float_keeps_the_order_queued_and_tells_the_operator_once(
    desk: Desk, vendor: UnclaimedVendor, caplog: pytest.LogCaptureFixture
) -> None:
    order = await order_that(desk, vendor, "empty")
    for _ in range(3):
        vendor.plan = ["empty"]
        await desk.hurry()
        await desk.process()
    after = await desk.get(order)
    assert (after.status, after.waiting, after.failure) == ("queued", "float_empty", None)
    assert after.due_at is not None
    assert await alerts(desk, order) == ["order.waiting"]
    [line] = [each for each in caplog.text.splitlines() if "order.waiting" in each]
    assert ids.show(ids.ORDER, order.id) in line
    assert ids.show(ids.BUSINESS, desk.business.business_id) in line
    assert await desk.states(order) == ["created", "queued", "sending", "queued"]
    assert await desk.events(order) == ["payout.created", "payout.processing"]
    assert (await desk.business.ledger())["in_transit:vendor"] == 1_000


async def test_of_several_that_wait_each_is_told_of(desk: Desk, vendor: UnclaimedVendor) -> None:
    vendor.plan = ["empty"] * 3
    user = await desk.user(600)
    ready = await desk.ready([(100 * n, PAYPAL) for n in (1, 2, 3)], "paypal", "ada@example.com")
    orders = await desk.create(user, ready)
    await desk.process()
    for order in orders:
        [entry] = await desk.database.fetch(
            lambda db, order=order: audit.list_page(
                db, order.business_id, order_id=order.id, limit=50
            )
        )
        assert (entry.kind, entry.act, entry.actor) == ("alert", "order.waiting", "worker")
        expected = {"order": str(order.id), "rail": "vendor", "attempt": 1}
        assert entry.detail == expected | {"waiting": "float_empty"}


async def test_it_can_be_canceled_while_it_waits(desk: Desk, vendor: UnclaimedVendor) -> None:
    order = await order_that(desk, vendor, "empty")
    assert (await desk.cancel(order)).status == "canceled"
    await desk.hurry()
    await desk.process()
    assert vendor.payments(order.id) == []
    books = await desk.business.ledger()
    assert (books["ada@example.com"], books["in_transit:vendor"]) == (1_000, 0)


async def test_its_owner_and_its_business_see_what_it_waits_for(
    desk: Desk, vendor: UnclaimedVendor, business: TestBusiness
) -> None:
    order = await order_that(desk, vendor, "empty")
    shown = (await business.client.get(f"/payout/orders/{ids.show(ids.ORDER, order.id)}")).json()
    assert (shown["status"], shown["waiting"]) == ("queued", "float_empty")
    payout_hash = (await business.create("ada@example.com", 1)).json()["hash"]
    async with business.client_with({"X-Payout-Hash": payout_hash}) as user:
        path = f"/payout/withdrawals/{ids.show(ids.ORDER, order.id)}"
        shown = (await user.get(path)).json()
        assert (shown["status"], shown["waiting"]) == ("queued", "float_empty")
        canceled = await user.post(f"{path}/cancel")
    assert canceled.json()["status"] == "canceled"


async def test_its_owner_takes_back_what_nobody_claims_and_a_replay_shows_the_same(
    desk: Desk, vendor: UnclaimedVendor, business: TestBusiness
) -> None:
    order = await order_that(desk, vendor, "accept")
    payout_hash = (await business.create("ada@example.com", 1)).json()["hash"]
    key = {"Idempotency-Key": "cancel-1"}
    async with business.client_with({"X-Payout-Hash": payout_hash}) as user:
        path = f"/payout/withdrawals/{ids.show(ids.ORDER, order.id)}"
        assert (await user.get(path)).json()["waiting"] == "unclaimed"
        first = await user.post(f"{path}/cancel", headers=key)
        assert (first.status_code, first.json()["status"]) == (200, "sent")
        assert first.json()["waiting"] == "taking_back"
        assert first.json()["rail_order_id"]
        await desk.process()
        again = await user.post(f"{path}/cancel", headers=key)
        assert again.headers["idempotent-replayed"] == "true"
        assert again.json() == first.json()
        assert (await user.get(path)).json()["status"] == "canceled"
        assert (await user.post(f"{path}/cancel")).status_code == 409
    shown = await business.client.get(f"/payout/orders/{ids.show(ids.ORDER, order.id)}")
    assert shown.json()["status"] == "canceled"


async def test_resumed_it_is_tried_at_once(
    desk: Desk, vendor: UnclaimedVendor, payviox: Installation
) -> None:
    order = await order_that(desk, vendor, "empty")
    other = await order_that(desk, vendor, "accept")
    business_id = ids.show(ids.BUSINESS, order.business_id)
    await put_off(desk)
    assert await desk.process() == 0
    said = payviox.done("order", "resume", business_id, "--waiting", "gas_empty")
    assert said == "No order waits for 'gas_empty'; orders wait for: float_empty, unclaimed."
    said = payviox.done("order", "resume", business_id, "--waiting", "float_empty")
    assert said == "1 order will be tried now."
    assert await desk.process() == 1
    assert (await desk.get(order)).status == "succeeded"
    assert (await desk.get(other)).status == "sent"
    assert payviox.told("order", "resume", business_id, "--waiting", "unclaimed") == {"orders": 1}
    assert await desk.process() == 1
    assert vendor.looked_up == [f"ord_{other.id}.1"]
    books = await desk.business.ledger()
    assert (books["settled:vendor"], books["in_transit:vendor"]) == (1_000 - FEES, 1_000)
    newest = payviox.told("business", "audit", business_id)[0]
    assert (newest["act"], newest["detail"]) == (
        "order.resume",
        {"waiting": "unclaimed", "orders": 1},
    )


async def test_unknown_orders_are_listed_with_their_age_and_shown_with_their_evidence(
    desk: Desk, vendor: UnclaimedVendor, payviox: Installation
) -> None:
    order = await order_that(desk, vendor, "accept_silently")
    await desk.user(1)
    await desk.withdraw(order.payout_user_id, 1)
    await put_off(desk)
    vendor.silent = True
    await desk.hurry(order, age_s=3 * 86_400)
    await desk.process()
    business_id = ids.show(ids.BUSINESS, order.business_id)
    (row,) = payviox.told("order", "list", business_id, "--status", "unknown")
    assert (row["order_id"], row["waiting"]) == (ids.show(ids.ORDER, order.id), "person")
    (row,) = payviox.told("order", "list", business_id, "--waiting", "person")
    assert row["status"] == "unknown"
    assert "\tperson\t" in payviox.done("order", "list", business_id)

    await desk.write(
        lambda db: callbacks.keep(
            db, order.business_id, "vendor", "E-1", {"x": "y"}, b'{"paid": 1}', [order.id]
        )
    )
    story = payviox.told("order", "show", ids.show(ids.ORDER, order.id))
    (attempt,) = story["attempts"]
    assert attempt["age"] == "3 d"
    assert attempt["answer"]["state"] == "unknown"
    (callback,) = story["callbacks"]
    assert (callback["event_id"], callback["body"]) == ("E-1", '{"paid": 1}')
    said = payviox.done("order", "show", ids.show(ids.ORDER, order.id))
    assert "Callbacks\n" in said
    assert f"      advice: {WAITING['person'].advice}\n" in said
    assert "      command: payviox order settle\n" in said
    assert "E-1" in said


async def test_the_operators_metrics_count_them_by_cause(
    desk: Desk, vendor: UnclaimedVendor, anonymous: httpx.AsyncClient
) -> None:
    def waiting(text: str) -> dict[str, float]:
        return {
            sample.labels["cause"]: sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "payviox_orders_waiting" and sample.labels["rail"] == "vendor"
        }

    before = waiting((await anonymous.get("/metrics")).text)
    for plan in ("empty", "accept", "lost"):
        await order_that(desk, vendor, plan)
    vendor.plan = ["empty"]
    await desk.hurry(age_s=90_000)
    await desk.process()
    after = waiting((await anonymous.get("/metrics")).text)
    grown = {cause: number - before.get(cause, 0) for cause, number in after.items()}
    assert grown == {"float_empty": 1, "unclaimed": 1, "person": 1}


async def test_nobody_resumes_what_is_canceled_or_done(desk: Desk, vendor: UnclaimedVendor) -> None:
    order = await order_that(desk, vendor, "empty")
    await desk.cancel(order)
    resumed = await desk.write(
        lambda db: service.resume(db, order.business_id, "float_empty", "op")
    )
    assert resumed == 0
