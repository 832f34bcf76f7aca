"""Orders whose end a person finds out: the look-up asked for, the settlement, the commands."""

import json
from pathlib import Path

import pytest

from payviox import ids
from payviox.actors import command
from payviox.errors import Conflict, NotFound
from payviox.rails.protocol import Outcome
from payviox.withdrawals import manual_settlement
from payviox.withdrawals.model import Order
from payviox.withdrawals.sending import claims
from support.businesses import TestBusiness
from support.databases import Urls
from support.installation import Installation
from support.live import environment
from support.vendor import FEES, Vendor
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


@pytest.fixture
def vendor() -> Vendor:
    return Vendor(remembers_s=86_400.0)


@pytest.fixture
def desk(business: TestBusiness, vendor: Vendor) -> Desk:
    return Desk.of(business, vendor.rails)


async def for_a_person(desk: Desk, vendor: Vendor) -> Order:
    """An order whose rail does not remember what became of it."""
    vendor.plan = ["lost"]
    order = await desk.withdraw(await desk.user(1_000), 1_000)
    await desk.process()
    await desk.hurry(age_s=90_000)
    await desk.process()
    after = await desk.get(order)
    assert (after.status, after.waiting) == ("unknown", "person")
    return after


async def settle(desk: Desk, order: Order, ended: manual_settlement.Ended) -> Order:
    after = await desk.write(
        lambda db: manual_settlement.settle(
            db, order.business_id, order.id, ended, reason="the vendor says so", actor="op"
        )
    )
    assert isinstance(after, Order)
    return after


async def test_settled_as_succeeded_the_money_is_paid_out(desk: Desk, vendor: Vendor) -> None:
    order = await for_a_person(desk, vendor)
    after = await settle(desk, order, "succeeded")
    assert (after.status, after.waiting) == ("succeeded", None)
    books = await desk.business.ledger()
    assert (books["settled:vendor"], books["in_transit:vendor"]) == (1_000 - FEES, 0)
    assert (await desk.events(order))[-1] == "payout.succeeded"
    with pytest.raises(Conflict):
        await settle(desk, order, "failed")


async def test_settled_as_failed_the_money_goes_back(desk: Desk, vendor: Vendor) -> None:
    order = await for_a_person(desk, vendor)
    after = await settle(desk, order, "failed")
    assert (after.status, after.failure) == ("failed", "the vendor says so")
    books = await desk.business.ledger()
    assert (books["ada@example.com"], books["in_transit:vendor"]) == (1_000, 0)
    (attempt,) = await desk.attempts(order)
    assert attempt.answer is not None
    assert attempt.answer["settled_by"] == "op"


async def test_how_somebody_knows_that_it_failed_is_not_read_by_the_payout_user(
    desk: Desk, vendor: Vendor
) -> None:
    order = await for_a_person(desk, vendor)
    await settle(desk, order, "failed")
    path = ids.show(ids.ORDER, order.id)
    seen = await desk.business.client.get(f"/payout/orders/{path}")
    assert seen.json()["reason"] == "the vendor says so"
    made = await desk.business.create("ada@example.com", 1)
    async with desk.business.client_with({"X-Payout-Hash": made.json()["hash"]}) as client:
        answer = await client.get(f"/payout/withdrawals/{path}")
    assert answer.status_code == 200
    assert answer.json()["reason"] == "No reason was given."
    assert "the vendor says so" not in answer.text


async def test_what_the_rail_tells_later_of_a_settled_payment_is_kept(
    desk: Desk, vendor: Vendor
) -> None:
    order = await for_a_person(desk, vendor)
    await settle(desk, order, "succeeded")
    reference = f"ord_{order.id}.1"
    await desk.hurry()
    await desk.process()
    assert (await desk.get(order)).rail_order_id is None, "its rail does not find it yet"
    vendor.books[reference] = "paid"
    await desk.hurry()
    await desk.process()
    after = await desk.get(order)
    assert (after.status, after.rail_order_id) == ("succeeded", f"V-{reference[-3:]}")
    assert (await desk.business.ledger()).transfers["settle"] == 1


async def test_what_is_settled_as_failed_and_found_paid_is_booked_and_told(
    desk: Desk, vendor: Vendor
) -> None:
    order = await for_a_person(desk, vendor)
    await settle(desk, order, "failed")
    vendor.books[f"ord_{order.id}.1"] = "paid"
    await desk.hurry()
    await desk.process()
    assert (await desk.get(order)).status == "failed"
    books = await desk.business.ledger()
    assert (books["ada@example.com"], books["suspense:vendor"]) == (1_000, -(1_000 - FEES))


async def test_what_has_ended_is_not_looked_up_for_ever(desk: Desk, vendor: Vendor) -> None:
    order = await for_a_person(desk, vendor)
    await settle(desk, order, "succeeded")
    vendor.silent = True
    await desk.hurry()
    await desk.process()
    assert (await desk.get(order)).due_at is not None
    await desk.hurry(age_s=31 * 86_400)
    await desk.process()
    assert (await desk.get(order)).due_at is None


async def test_a_look_up_under_way_changes_nothing_after_the_settlement(
    desk: Desk, vendor: Vendor
) -> None:
    order = await for_a_person(desk, vendor)
    await desk.hurry()
    (look,) = await desk.write(
        lambda db: claims.take(db, order.business_id, desk.rails, lambda _: 10)
    )
    await settle(desk, order, "failed")
    before = await desk.business.ledger()
    answer = Outcome("succeeded")
    await desk.write(lambda db: claims.record(db, order.business_id, [(look, answer, vendor)]))
    assert await desk.business.ledger() == before
    assert (await desk.get(order)).status == "failed"


async def test_only_what_waits_for_a_person_is_settled(
    desk: Desk, vendor: Vendor, make_business: object
) -> None:
    queued = await desk.withdraw(await desk.user(2_000), 1_000)
    vendor.plan = ["pay", "lost"]
    with pytest.raises(Conflict):
        await settle(desk, queued, "failed")
    unknown = await desk.withdraw(queued.payout_user_id, 1_000)
    await desk.process()
    assert {(await desk.get(o)).status for o in (queued, unknown)} == {"succeeded", "unknown"}
    for order in (queued, unknown):
        with pytest.raises(Conflict):
            await settle(desk, order, "failed")
    with pytest.raises(NotFound):
        await desk.write(
            lambda db: manual_settlement.settle(
                db, ids.new(), unknown.id, "failed", reason="why", actor="op"
            )
        )


async def test_the_commands_look_up_settle_and_tell(
    desk: Desk, vendor: Vendor, urls: Urls, tmp_path: Path
) -> None:
    order = await for_a_person(desk, vendor)
    payviox = Installation(tmp_path / "home", environment(tmp_path / "home", urls.application))
    shown = ids.show(ids.ORDER, order.id)
    looked = payviox.done("order", "look-up", shown)
    assert "unknown" in looked
    assert "vendor is due now" in looked
    assert await desk.process() == 1
    assert "no such option" not in payviox.refused("order", "settle", shown, "failed", status=2)
    settle = ("order", "settle", shown, "failed", "--reason", "never arrived")
    assert "No terminal to ask on: use --yes." in payviox.refused(*settle, status=2)
    said = payviox.done(*settle, "--yes")
    assert said.endswith("is failed.")
    assert "settled" in payviox.refused("order", "settle", shown, "failed", "--reason", "again")
    story = payviox.told("order", "show", shown)
    assert [entry["act"] for entry in story["audit"]] == [
        "order.needs_a_person",
        "order.look_up",
        "order.settle",
    ]
    assert story["states"][-1]["actor"] == command()
    assert story["reveals"] == []
    assert "order.settle" in payviox.done("order", "show", shown)
    business_id = ids.show(ids.BUSINESS, order.business_id)
    newest = payviox.told("business", "audit", business_id)[0]
    assert newest["detail"] == {"order": shown, "outcome": "failed", "reason": "never arrived"}
    (line,) = json.loads(
        payviox.run("business", "audit", business_id, "--limit", "1", "--json").stdout
    )
    assert line["act"] == "order.settle"
    vendor.plan = ["lost"]
    young = await desk.withdraw(order.payout_user_id, 100)
    await desk.process()
    assert (await desk.get(young)).status == "unknown"
    settle = ("order", "settle", ids.show(ids.ORDER, young.id), "failed", "--reason", "early")
    said = payviox.refused(*settle)
    assert "not for a person yet: vendor is still asked, next at 20" in said
    queued = await desk.withdraw(order.payout_user_id, 100)
    assert "can be looked up" in payviox.refused("order", "look-up", ids.show(ids.ORDER, queued.id))
