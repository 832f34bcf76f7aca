"""A worker that dies at any point of an order's way: nothing is lost and nothing is paid twice."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from payviox.audit import service as audit
from payviox.errors import Conflict
from payviox.ledger import service as ledger
from payviox.rails.protocol import Outcome
from payviox.withdrawals import service
from payviox.withdrawals.model import Order
from payviox.withdrawals.queries import sending
from payviox.withdrawals.sending import claims, processor
from payviox.withdrawals.sending.claims import Claim
from support.businesses import TestBusiness
from support.polling import eventually
from support.vendor import FEES, Vendor
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


class Killed(BaseException):
    """The process ends here; nothing after it runs."""


async def take(desk: Desk) -> list[Claim]:
    """A worker's first step: claims, committed."""
    business_id = desk.business.business_id
    return await desk.write(lambda db: claims.take(db, business_id, desk.rails, lambda _: 50))


async def record(desk: Desk, claim: Claim, outcome: Outcome) -> None:
    business_id = desk.business.business_id
    await desk.write(lambda db: claims.record(db, business_id, [(claim, outcome, None)]))


async def one_order(desk: Desk) -> Order:
    user = await desk.user(1_000)
    return await desk.withdraw(user, 1_000)


async def check_paid_once(desk: Desk, vendor: Vendor, order: Order) -> None:
    assert (await desk.get(order)).status == "succeeded"
    assert len(vendor.payments(order.id)) == 1
    books = await desk.business.ledger()
    assert books["settled:vendor"] == 1_000 - FEES
    assert books["in_transit:vendor"] == 0
    events = await desk.events(order)
    assert events == ["payout.created", "payout.processing", "payout.succeeded"]


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


@pytest.fixture
def desk(business: TestBusiness, vendor: Vendor) -> Desk:
    return Desk.of(business, vendor.rails)


async def test_killed_in_the_claims_transaction(
    desk: Desk, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await one_order(desk)

    async def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(sending, "start_sending", killed)
        with pytest.raises(Killed):
            await desk.process()
    assert (await desk.get(order)).status == "queued"
    assert await desk.attempts(order) == []
    await desk.process()
    await check_paid_once(desk, vendor, order)


async def test_killed_between_the_claim_and_the_call(desk: Desk, vendor: Vendor) -> None:
    order = await one_order(desk)
    assert len(await take(desk)) == 1
    assert (await desk.get(order)).status == "sending"
    assert await desk.process() == 0, "the lease is its holder's"
    with pytest.raises(Conflict):
        await desk.cancel(order)
    await desk.hurry()
    await desk.process()
    assert vendor.looked_up == [f"ord_{order.id}.1"]
    # Not found: the same reference was sent, at once.
    assert vendor.submitted == [f"ord_{order.id}.1"]
    await check_paid_once(desk, vendor, order)
    assert len(await desk.attempts(order)) == 1


async def test_killed_after_the_call_before_the_record(desk: Desk, vendor: Vendor) -> None:
    order = await one_order(desk)
    (claim,) = await take(desk)
    await vendor.submit(claim.ready, claim.reference)
    await desk.hurry()
    await desk.process()
    assert vendor.submitted == [f"ord_{order.id}.1"]
    await check_paid_once(desk, vendor, order)


@pytest.mark.parametrize("point", ["post", "record", "write_order_events"])
async def test_killed_in_the_records_transaction(
    desk: Desk, vendor: Vendor, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    order = await one_order(desk)
    (claim,) = await take(desk)
    outcome = await vendor.submit(claim.ready, claim.reference)
    before = await desk.business.ledger()
    place = {"post": ledger, "record": sending, "write_order_events": claims.transitions}[point]
    real = getattr(place, point)

    async def killed_after(*given: object) -> None:
        await real(*given)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(place, point, killed_after)
        with pytest.raises(Killed):
            await record(desk, claim, outcome)
    assert await desk.business.ledger() == before
    assert (await desk.get(order)).status == "sending"
    await desk.hurry()
    await desk.process()
    await check_paid_once(desk, vendor, order)


async def test_a_worker_that_was_paused_beyond_its_lease_changes_nothing(
    desk: Desk, vendor: Vendor
) -> None:
    order = await one_order(desk)
    (paused,) = await take(desk)
    outcome = await vendor.submit(paused.ready, paused.reference)
    await desk.hurry()
    await desk.process()
    before = await desk.business.ledger()
    await record(desk, paused, outcome)
    await record(desk, paused, Outcome("failed", reason="late"))
    assert await desk.business.ledger() == before
    await check_paid_once(desk, vendor, order)


async def test_a_paused_worker_does_not_record_over_anothers_claim(
    desk: Desk, vendor: Vendor
) -> None:
    order = await one_order(desk)
    (paused,) = await take(desk)
    await desk.hurry()
    (second,) = await take(desk)
    assert second.action == "look_up"
    await record(desk, paused, Outcome("failed", reason="late"))
    assert (await desk.get(order)).status == "sending"
    await record(desk, second, await vendor.submit(second.ready, second.reference))
    await check_paid_once(desk, vendor, order)


async def test_a_timed_out_order_is_looked_up_and_never_sent_under_another_reference(
    desk: Desk, vendor: Vendor
) -> None:
    vendor.plan = ["pay_silently"]
    vendor.silent = True
    order = await one_order(desk)
    await desk.process()
    for _ in range(5):
        await desk.hurry()
        await desk.process()
        assert (await desk.get(order)).status == "unknown"
        assert (await desk.business.ledger())["in_transit:vendor"] == 1_000
        with pytest.raises(Conflict):
            await desk.cancel(order)
    vendor.silent = False
    await desk.hurry()
    await desk.process()
    assert vendor.submitted == [f"ord_{order.id}.1"]
    await check_paid_once(desk, vendor, order)


async def test_past_the_rails_memory_a_person_is_asked_and_the_evidence_is_there(
    desk: Desk, vendor: Vendor
) -> None:
    vendor.remembers_s = 86_400.0
    vendor.plan = ["lost"]
    order = await one_order(desk)
    await desk.process()
    await desk.hurry(age_s=90_000)
    await desk.process()
    await desk.hurry(age_s=90_000)
    await desk.process()
    after = await desk.get(order)
    assert (after.status, after.waiting) == ("unknown", "person")
    assert vendor.submitted == [f"ord_{order.id}.1"]
    (attempt,) = await desk.attempts(order)
    assert attempt.answer is not None
    assert attempt.answer["state"] == "not_found"
    # Found after all: it is settled without anybody.
    vendor.books[attempt.reference] = "paid"
    await desk.write(lambda db: service.look_up_now(db, order.business_id, order.id, "op"))
    await desk.process()
    await check_paid_once(desk, vendor, order)


async def test_an_order_that_is_sent_again_cannot_be_canceled_meanwhile(
    desk: Desk, vendor: Vendor
) -> None:
    vendor.plan = ["lost", "empty"]
    order = await one_order(desk)
    await desk.process()
    await desk.hurry()
    await desk.process()
    after = await desk.get(order)
    assert (after.status, after.waiting) == ("unknown", "float_empty")
    with pytest.raises(Conflict):
        await desk.cancel(order)
    for _ in range(2):
        await desk.hurry()
        await desk.process()
    await check_paid_once(desk, vendor, order)


async def test_what_no_look_up_finds_is_not_taken_for_unsent_where_that_proves_nothing(
    desk: Desk, vendor: Vendor
) -> None:
    vendor.plan = ["empty"] * 6
    order = await one_order(desk)
    await take(desk)  # the worker dies here, before the call or after it
    for _ in range(5):
        await desk.hurry()
        await desk.process()
        with pytest.raises(Conflict):
            await desk.cancel(order)
    assert (await desk.get(order)).waiting == "float_empty"
    await desk.hurry(age_s=90_000)
    await desk.process()
    after = await desk.get(order)
    assert (after.status, after.waiting) == ("unknown", "person")
    assert set(vendor.submitted) == {f"ord_{order.id}.1"}
    books = await desk.business.ledger()
    assert (books["ada@example.com"], books["in_transit:vendor"]) == (0, 1_000)


async def test_an_order_never_sent_by_a_worker_that_died_can_be_canceled(
    business: TestBusiness,
) -> None:
    desk = Desk.of(business)
    user = await desk.user(1_000)
    order = await desk.withdraw(user, 1_000, {"email": "float-empty@example.com"})
    await take(desk)
    await desk.hurry()
    await desk.process()
    after = await desk.get(order)
    assert (after.status, after.waiting) == ("queued", "float_empty")
    await desk.cancel(order)
    assert (await business.ledger())["ada@example.com"] == 1_000


async def test_a_rail_that_breaks_at_every_call_is_left_to_a_person_with_the_evidence(
    desk: Desk, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await one_order(desk)
    calls = []

    async def broken(_: object, reference: str) -> Outcome:
        calls.append(reference)
        raise KeyError("field")

    monkeypatch.setattr(vendor, "submit", broken)
    for _ in range(24):
        await desk.process()
        await desk.hurry(age_s=120)
    after = await desk.get(order)
    assert (after.status, after.waiting) == ("unknown", "person")
    assert calls == [f"ord_{order.id}.1"] * 9
    (attempt,) = await desk.attempts(order)
    assert attempt.answer is not None
    assert (attempt.answer["state"], attempt.answer["error"]) == ("not_found", "KeyError")
    entries = await desk.database.fetch(
        lambda db: audit.list_page(db, order.business_id, order_id=order.id, limit=10)
    )
    assert [(e.act, e.detail["error"]) for e in entries] == [("order.needs_a_person", "KeyError")]


async def test_an_order_at_its_attempts_limit_waits_for_a_person_and_holds_up_no_other(
    desk: Desk, vendor: Vendor
) -> None:
    order = await one_order(desk)
    vendor.plan = ["fail_retryable"]
    await desk.process()
    await desk.write(
        lambda db: db.execute(
            "WITH moved AS (INSERT INTO order_attempts (business_id, order_id, number, reference,"
            " request) VALUES (%(b)s, %(o)s, 999, 'x', '{}'))"
            " UPDATE orders SET attempt = 999, due_at = now() WHERE business_id = %(b)s"
            " AND id = %(o)s",
            {"b": order.business_id, "o": order.id},
        )
    )
    await desk.write(
        lambda db: db.execute("UPDATE order_attempts SET outcome = 'failed' WHERE number = 999")
    )
    other = await desk.withdraw(await desk.user(1_000), 1_000)
    await desk.process()
    assert (await desk.get(other)).status == "succeeded"
    after = await desk.get(order)
    assert (after.status, after.waiting, after.due_at) == ("queued", "person", None)
    resumed = await desk.write(lambda db: service.resume(db, order.business_id, "person", "op"))
    assert resumed == 1
    assert await desk.process() == 0
    assert vendor.submitted == [f"ord_{order.id}.1", f"ord_{other.id}.1"]
    await desk.cancel(order)
    assert (await desk.business.ledger())["in_transit:vendor"] == 0


async def test_a_refused_attempt_is_followed_by_one_with_another_reference(
    desk: Desk, vendor: Vendor
) -> None:
    vendor.plan = ["fail_retryable", "fail_retryable"]
    order = await one_order(desk)
    for _ in range(3):
        await desk.process()
        await desk.hurry()
    assert vendor.submitted == [f"ord_{order.id}.{n}" for n in (1, 2, 3)]
    await check_paid_once(desk, vendor, order)


async def test_a_stopped_worker_finishes_its_calls_and_records_them(
    desk: Desk, vendor: Vendor
) -> None:
    vendor.hold = asyncio.Event()
    order = await one_order(desk)
    working = asyncio.create_task(desk.process())
    await eventually(lambda: vendor.submitted)
    working.cancel()
    await asyncio.sleep(0)
    vendor.hold.set()
    with pytest.raises(asyncio.CancelledError):
        await working
    await check_paid_once(desk, vendor, order)


async def test_a_stopped_worker_leaves_a_call_that_does_not_end_to_be_looked_up(
    desk: Desk, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "GRACE_S", 0.05)
    vendor.hold = asyncio.Event()
    order = await one_order(desk)
    working = asyncio.create_task(desk.process())
    await eventually(lambda: vendor.submitted)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert (await desk.get(order)).status == "sending"
    vendor.hold = None
    await desk.hurry()
    await desk.process()
    assert len(vendor.submitted) == 1
    await check_paid_once(desk, vendor, order)


async def test_claims_whose_rail_was_not_called_are_handed_back(desk: Desk, vendor: Vendor) -> None:
    order = await one_order(desk)
    (claim,) = await take(desk)
    await desk.write(lambda db: claims.hand_back(db, order.business_id, [claim]))
    after = await desk.get(order)
    assert (after.status, after.attempt) == ("queued", 1)
    await desk.process()
    assert vendor.submitted == [f"ord_{order.id}.1"]
    await check_paid_once(desk, vendor, order)


async def test_a_look_up_that_is_handed_back_keeps_the_order_at_its_rail(
    desk: Desk, vendor: Vendor
) -> None:
    order = await one_order(desk)
    await take(desk)
    await desk.hurry()
    (look,) = await take(desk)
    await desk.write(lambda db: claims.hand_back(db, order.business_id, [look]))
    assert (await desk.get(order)).status == "sending"
    with pytest.raises(Conflict):
        await desk.cancel(order)


async def test_a_call_that_takes_too_long_is_unknown(
    desk: Desk, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "CALL_S", 0.05)
    vendor.hold = asyncio.Event()
    order = await one_order(desk)
    await desk.process()
    assert (await desk.get(order)).status == "unknown"
    (attempt,) = await desk.attempts(order)
    said = {"state": "unknown", "reason": None, "error": "no answer within 0.05 s"}
    assert attempt.answer == said
    await desk.hurry()
    await desk.process()
    await check_paid_once(desk, vendor, order)


async def test_a_call_that_breaks_is_unknown(
    desk: Desk, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await one_order(desk)

    async def broken(*_: object) -> Outcome:
        raise ConnectionResetError("secret detail")

    with monkeypatch.context() as patched:
        patched.setattr(vendor, "submit", broken)
        await desk.process()
    assert (await desk.get(order)).status == "unknown"
    (attempt,) = await desk.attempts(order)
    assert attempt.answer == {"state": "unknown", "reason": None, "error": "ConnectionResetError"}
    await desk.hurry()
    await desk.process()
    await check_paid_once(desk, vendor, order)


async def test_one_order_that_cannot_be_recorded_does_not_hold_up_the_others(
    desk: Desk, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await desk.user(1_000)
    orders = [await desk.withdraw(user, 100) for _ in range(5)]
    real = claims.decide

    def poisoned(case: object, answer: Outcome) -> object:
        if answer.rail_order_id == "poison":
            raise ValueError("poison")
        return real(case, answer)  # type: ignore[arg-type]  # a Case

    real_submit = vendor.submit

    async def submit(order: object, reference: str) -> Outcome:
        outcome = await real_submit(order, reference)  # type: ignore[arg-type]  # a ReadyOrder
        if str(orders[2].id) in reference:
            return replace(outcome, rail_order_id="poison")
        return outcome

    monkeypatch.setattr(claims, "decide", poisoned)
    monkeypatch.setattr(vendor, "submit", submit)
    await desk.process()
    found = [(await desk.get(order)).status for order in orders]
    assert found == ["succeeded", "succeeded", "sending", "succeeded", "succeeded"]


async def test_a_claims_lease_outlives_starting_and_making_a_call() -> None:
    together = timedelta(seconds=processor.START_WITHIN_S + processor.CALL_S)
    assert together < timedelta(seconds=claims.LEASE_S)
